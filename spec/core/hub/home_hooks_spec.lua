local halls = require "hall"

local from, house = halls.from, halls.house

for _, workers in ipairs { 1, 3 } do
  describe("a channel's hooks, with " .. workers .. " worker(s)", function()
    local hall

    after_each(function()
      if hall then hall:finish() end
      hall = nil
    end)

    local function open(options)
      options.workers = workers
      hall = halls.open(options)
      return hall
    end

    local function three(channel) return hall:three(channel) end

    describe("with on_publish", function()
      local answer, seen

      local function open_with_hook(more)
        seen = {}
        local hooks = { "publish" }
        for _, hook in ipairs(more or {}) do hooks[#hooks + 1] = hook end
        open {
          types = { { pattern = "chat:{room}", hooks = hooks }, { pattern = "log" } },
          on = {
            publish = function(event)
              seen[#seen + 1] = event
              return answer
            end,
          },
        }
      end

      before_each(function() answer = nil end)

      it("asks it with who, what and where", function()
        open_with_hook()
        local alice = hall:join("alice", 0, { roles = "admin,dev", ip = "10.0.0.1" })
        alice:publishes("chat:7", '{"x":1}')
        local event = seen[1]
        assert.equal("chat:7", event.channel)
        assert.same({ "7" }, event.params)
        assert.equal('{"x":1}', event.data)
        assert.same({ client = alice.id, user = "alice", roles = '["admin","dev"]', ip = "10.0.0.1", expires = 0 },
          event.who)
        assert.equal(0, event.hops)
        assert.equal(hall:home "chat:7", event.worker)
      end)

      it("delivers what it returns instead", function()
        open_with_hook()
        local alice, bob = three "chat:7"
        answer = { verdict = "replace", out = '{"clean":true}' }
        assert.same({ from(alice, "chat:7", '{"clean":true}'), '{"id":8,"publish":{}}' },
          alice:publishes("chat:7", '"dirty"'))
        assert.same({ from(alice, "chat:7", '{"clean":true}') }, bob:hears())
      end)

      it("drops in silence for the publisher, but not for the counters", function()
        open_with_hook()
        local alice, bob = three "chat:7"
        answer = { verdict = "drop" }
        assert.same({ '{"id":8,"publish":{}}' }, alice:publishes("chat:7", "1"))
        assert.same({}, bob:hears())
        assert.equal(1, hall:stat "DROPS_SCRIPT")
      end)

      it("refuses with its code, its words and an incident", function()
        open_with_hook()
        local alice, bob = three "chat:7"
        answer = { verdict = "refuse", code = 1234, text = 'no "swearing"' }
        assert.same({ '{"id":8,"error":{"code":1234,"message":"no \\"swearing\\""}}' }, alice:publishes("chat:7", "1"))
        answer = { verdict = "refuse", code = 500, text = "script failed", incident = "abc123", temporary = true }
        assert.same({
          '{"id":8,"error":{"code":500,"message":"script failed","temporary":true,"incident":"abc123"}}',
        }, alice:publishes("chat:7", "1"))
        assert.same({}, bob:hears())
        assert.equal(2, hall:stat "REFUSED_SCRIPT")
      end)

      it("does its wishes for its own channel before the message it judged, all in their order", function()
        open_with_hook()
        local alice, bob = three "chat:7"
        answer = {
          effects = {
            { kind = "publish", channel = "chat:7", data = '"first"' },
            { kind = "publish", channel = "chat:7", data = '"second"' },
          },
        }
        alice:publishes("chat:7", '"judged"')
        assert.same({ house("chat:7", '"first"'), house("chat:7", '"second"'), from(alice, "chat:7", '"judged"') },
          bob:hears())
        assert.equal(1, #seen, "the house speaking is not judged")
      end)

      it("does them also when it refuses or drops: deciding is no error", function()
        open_with_hook()
        local alice, bob = three "chat:7"
        answer = { verdict = "refuse", code = 400, text = "no",
          effects = { { kind = "publish", channel = "chat:7", data = '"told"' } } }
        assert.same({ house("chat:7", '"told"'), '{"id":8,"error":{"code":400,"message":"no"}}' },
          alice:publishes("chat:7", "1"))
        assert.same({ house("chat:7", '"told"') }, bob:hears())
      end)

      it("does wishes for other channels in a later turn", function()
        open_with_hook()
        local alice = hall:join("alice", hall:home "chat:7"):joins("chat:7", "log")
        answer = { effects = { { kind = "publish", channel = "log", data = '"noted"' } } }
        alice:mutters '{"id":8,"publish":{"channel":"chat:7","data":1}}'
        assert.same({ from(alice, "chat:7", "1"), '{"id":8,"publish":{}}' }, alice:takes())
        assert.same({ house("log", '"noted"') }, alice:hears())
      end)

      it("sends to one connection, wherever it is, and to nobody else", function()
        open_with_hook()
        local alice, bob, carol = three "chat:7"
        answer = { verdict = "drop", effects = { { kind = "send", client = bob.id, data = '{"psst":1}' } } }
        alice:publishes("chat:7", "1")
        assert.same({ '{"push":{"message":{"data":{"psst":1}}}}' }, bob:hears())
        assert.same({}, carol:hears())
      end)

      it("closes a connection with a code and a reason", function()
        open_with_hook()
        local alice, bob = three "chat:7"
        answer = { verdict = "drop", effects = { { kind = "close", client = bob.id, code = 4001, reason = "enough" } } }
        alice:publishes("chat:7", "1")
        bob:hears()
        assert.same({ code = 4001, reason = "enough" }, bob.goodbye)
        assert.equal(1, hall:stat "CUT_OTHER")
        hall:turn()
        assert.equal(2, hall:channel("chat:7").members)
      end)

      it("sends to all connections of a user", function()
        open_with_hook()
        local alice, bob = three "chat:7"
        local again = hall:join("bob", 0)
        answer = { verdict = "drop", effects = { { kind = "send", user = "bob", data = "1" } } }
        alice:publishes("chat:7", "1")
        assert.same({ '{"push":{"message":{"data":1}}}' }, bob:hears())
        assert.same({ '{"push":{"message":{"data":1}}}' }, again:hears())
        assert.same({}, alice:hears())
      end)

      it("tells on_published after the delivery, with the offset, and not of what was refused", function()
        seen = {}
        open {
          types = { { pattern = "chat:{room}", hooks = { "publish", "published" }, history = 10 } },
          on = {
            publish = function() return answer end,
            published = function(event)
              seen[#seen + 1] = { event.data, event.offset, event.who and event.who.user, event.hops }
            end,
          },
        }
        local alice = hall:join("alice", 0)
        alice:publishes("chat:7", "1")
        answer = { verdict = "replace", out = "20" }
        alice:publishes("chat:7", "2")
        answer = { verdict = "drop" }
        alice:publishes("chat:7", "3")
        answer = { verdict = "refuse", code = 400, text = "no" }
        alice:publishes("chat:7", "4")
        assert.same({ { "1", 1, "alice", 0 }, { "20", 2, "alice", 0 } }, seen)
      end)
    end)

    it("does what on_published wishes for its own channel later, behind what waits already", function()
      local wished = false
      open {
        types = { { pattern = "chat", hooks = { "published" } } },
        on = {
          published = function()
            if wished then return end
            wished = true
            return { effects = { { kind = "publish", channel = "chat", data = '"wish"' } } }
          end,
        },
      }
      local alice = hall:join("alice", hall:home "chat"):joins "chat"
      alice:mutters('{"id":8,"publish":{"channel":"chat","data":1}}', '{"id":8,"publish":{"channel":"chat","data":2}}')
      local lines = alice:hears()
      assert.same({ from(alice, "chat", "1"), from(alice, "chat", "2"), house("chat", '"wish"'),
        '{"id":8,"publish":{}}', '{"id":8,"publish":{}}' }, lines)
    end)

    it("stops scripts that publish in a circle after 8 hops, and says so in the log", function()
      local hops = {}
      open {
        types = { { pattern = "ring:{n}", hooks = { "published" } } },
        on = {
          published = function(event)
            hops[#hops + 1] = event.hops
            local other = event.params[1] == "a" and "ring:b" or "ring:a"
            return { effects = { { kind = "publish", channel = other, data = event.data } } }
          end,
        },
      }
      local alice = hall:join("alice", 0)
      alice:publishes("ring:a", "1")
      hall:turn()
      assert.same({ 0, 1, 2, 3, 4, 5, 6, 7, 8 }, hops)
      assert.equal(1, hall:stat "DROPS_HOPS")
      assert.truthy(hall:log():find("circle", 1, true))
    end)

    it("stops on_open hooks that open one channel after the other", function()
      local opened = 0
      open {
        types = { { pattern = "deep:{n}", hooks = { "open" } } },
        on = {
          open = function(event)
            opened = opened + 1
            if opened > 200 then return end
            return { effects = { { kind = "publish", channel = "deep:" .. event.params[1] + 1, data = "1" } } }
          end,
        },
      }
      local alice = hall:join("alice", 0)
      alice:publishes("deep:1", "1")
      for _ = 1, 30 do hall:turn() end
      assert.is_true(opened < 20, "one publish opened " .. opened .. " channels")
    end)

    it("opens a channel before anything else happens to it", function()
      open {
        types = { { pattern = "chat", hooks = { "open", "subscribe", "publish" } } },
        on = { open = { effects = { { kind = "publish", channel = "chat", data = '"opened"' } } } },
      }
      local alice = hall:join("alice", 0)
      alice:says '{"id":2,"subscribe":{"channel":"chat"}}'
      alice:publishes("chat", "1")
      assert.same({ "bind chat", "open chat", "subscribe chat", "publish chat" }, hall:heard())
    end)
  end)
end
