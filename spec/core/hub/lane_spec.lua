-- Hooks that wait: what of their channel waits for them, and what does not.
local halls = require "hall"

local from, house = halls.from, halls.house

for _, workers in ipairs { 1, 3 } do
  describe("hooks that wait, with " .. workers .. " worker(s)", function()
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

    -- Waits where the message, the call's data or the subscriber's says {"wait":"NAME"}.
    local function as_told(event)
      local name = event.data and event.data:match '"wait":"(%w+)"'
      return name and { wait = name } or nil
    end

    local function wake(name, answer)
      hall:wake(name, answer or { verdict = "accept" })
      hall:turn()
    end

    local function waiting(name) return '{"wait":"' .. name .. '"}' end

    describe("on_publish", function()
      local alice, bob

      before_each(function()
        open { hook_queue = 3, types = { { pattern = "chat:{r}", hooks = { "publish", "subscribe", "unsubscribe", "call" } } },
          on = { publish = as_told, subscribe = as_told, call = as_told } }
        alice, bob = hall:three "chat:1"
      end)

      it("answers and delivers when it has returned", function()
        assert.same({}, alice:publishes("chat:1", waiting "a"))
        assert.same({}, bob:hears())
        wake("a", { verdict = "replace", out = '{"judged":true}' })
        assert.same({ from(alice, "chat:1", '{"judged":true}'), '{"id":8,"publish":{}}' }, alice:takes())
        assert.same({ from(alice, "chat:1", '{"judged":true}') }, bob:hears())
      end)

      it("refuses when it does", function()
        alice:publishes("chat:1", waiting "a")
        wake("a", { verdict = "refuse", code = 400, text = "no" })
        assert.same({ '{"id":8,"error":{"code":400,"message":"no"}}' }, alice:takes())
        assert.same({}, bob:hears())
      end)

      it("has what is published and called behind it wait, in order", function()
        alice:publishes("chat:1", waiting "a")
        bob:publishes("chat:1", '{"n":1}')
        bob:says '{"id":7,"rpc":{"method":"chat:1/m","data":{}}}'
        hall:wish(0, { kind = "publish", channel = "chat:1", data = '"house"' })
        hall:turn()
        assert.same({}, bob:takes())
        assert.equal(0, #hall:heard "^call")
        wake "a"
        assert.same({ from(alice, "chat:1", waiting "a"), from(bob, "chat:1", '{"n":1}'), house("chat:1", '"house"') },
          (function()
            local heard = {}
            for _, line in ipairs(alice:takes()) do
              if line:find '"pub"' then heard[#heard + 1] = line end
            end
            return heard
          end)())
        assert.equal(1, #hall:heard "^call")
      end)

      it("waits for a hook of what waited behind it", function()
        alice:publishes("chat:1", waiting "a")
        bob:publishes("chat:1", waiting "b")
        bob:publishes("chat:1", '{"n":3}')
        assert.same({ "a" }, hall:waits())
        wake "a"
        assert.same({ "b" }, hall:waits())
        assert.same({ from(alice, "chat:1", waiting "a") }, bob:takes())
        wake "b"
        assert.equal(4, #bob:takes()) -- two messages, two replies
      end)

      it("holds up no other channel, no arrival and no farewell", function()
        alice:publishes("chat:1", waiting "a")
        hall:join("dora", 0):joins "chat:2"
        assert.same({ '{"id":8,"publish":{}}' }, bob:publishes("chat:2", "1"))
        local emil = hall:join("emil", workers - 1):joins "chat:1"
        emil:leaves()
        assert.equal("emil", hall:last("unsubscribe").who.user)
        wake "a"
        assert.same({ from(alice, "chat:1", waiting "a") }, bob:hears())
      end)

      it("answers overloaded when too many wait for it", function()
        alice:publishes("chat:1", waiting "a")
        for n = 1, 3 do bob:publishes("chat:1", tostring(n)) end
        local reply = bob:publishes("chat:1", "4")[1]
        assert.truthy(reply:find('"code":429', 1, true), reply)
        assert.truthy(reply:find('"temporary":true', 1, true), reply)
        wake "a"
        local pubs = 0
        for _, line in ipairs(alice:takes()) do pubs = pubs + (line:find '"pub"' and 1 or 0) end
        assert.equal(4, pubs)
      end)

      it("ends well for the others when its publisher has gone", function()
        alice:publishes("chat:1", waiting "a")
        local said = from(alice, "chat:1", waiting "a")
        alice:leaves()
        wake "a"
        assert.same({ said }, bob:hears())
      end)

      it("does not keep the hub from ending", function()
        alice:publishes("chat:1", waiting "a")
        bob:publishes("chat:1", "1")
      end)

      it("keeps its channel in its generation until it has returned, and what comes behind it is the new one's",
        function()
          alice:publishes("chat:1", waiting "a")
          hall:switch { { pattern = "chat:{r}", hooks = { "publish", "subscribe" } } }
          for _ = 1, 5 do hall:turn() end
          bob:publishes("chat:1", '{"n":1}')
          local dora = hall:join("dora", 0)
          assert.same({}, dora:says '{"id":2,"subscribe":{"channel":"chat:1"}}')
          local home = hall:home "chat:1"
          assert.equal(1, hall:channel("chat:1").generation)
          assert.truthy(hall:moved() < workers)
          wake "a"
          for _ = 1, 5 do hall:turn() end
          assert.equal(workers, hall:moved())
          assert.equal(2, hall:channel("chat:1").generation)
          assert.equal(home, hall:last("publish").worker)
          assert.equal(2, hall:last("publish").generation)
          assert.equal(2, hall:last("subscribe").generation)
          assert.same({ from(alice, "chat:1", waiting "a"), from(bob, "chat:1", '{"n":1}'), '{"id":8,"publish":{}}' },
            bob:takes())
        end)

      it("is answered unknown channel when its type has gone meanwhile", function()
        alice:publishes("chat:1", waiting "a")
        hall:switch { { pattern = "else" } }
        hall:turn()
        wake "a"
        assert.same({ '{"id":8,"error":{"code":102,"message":"unknown channel"}}' }, alice:takes())
      end)

      it("says its wishes for clients and channels when it has returned", function()
        alice:publishes("chat:1", waiting "a")
        wake("a", { verdict = "accept", effects = {
          { kind = "publish", channel = "chat:1", data = '"before"' },
          { kind = "send", client = bob.id, data = '"psst"' },
        } })
        hall:turn()
        assert.same({ house("chat:1", '"before"'), from(alice, "chat:1", waiting "a"), '{"push":{"message":{"data":"psst"}}}' },
          bob:takes())
      end)
    end)

    describe("on_subscribe", function()
      before_each(function()
        open { types = { { pattern = "chat:{r}", hooks = { "subscribe", "publish" } } }, on = { subscribe = as_told } }
      end)

      local function asks(talk, name, channel)
        return talk:says(('{"id":2,"subscribe":{"channel":"%s","data":%s}}'):format(channel or "chat:1", waiting(name)))
      end

      it("holds nobody else up", function()
        local alice, bob = hall:join("alice", 0), hall:join("bob", workers - 1):joins "chat:1"
        assert.same({}, asks(alice, "a"))
        assert.same({ from(bob, "chat:1", "1"), '{"id":8,"publish":{}}' }, bob:publishes("chat:1", "1"))
        assert.same({}, alice:takes())
        wake "a"
        assert.same({ '{"id":2,"subscribe":{}}' }, alice:takes())
        bob:publishes("chat:1", "2")
        assert.same({ from(bob, "chat:1", "2") }, alice:takes())
      end)

      it("takes no seat for whoever has gone meanwhile", function()
        local alice, bob = hall:join("alice", 0), hall:join("bob", 0):joins "chat:1"
        asks(alice, "a")
        alice:leaves()
        wake "a"
        assert.equal(1, hall:channel("chat:1").members)
        assert.same({}, bob:takes())
      end)

      it("keeps out whoever is kicked meanwhile", function()
        local alice = hall:join("alice", 0)
        asks(alice, "a")
        hall:wish(0, { kind = "kick", channel = "chat:1", user = "alice", code = 2000, reason = "kicked" })
        hall:turn()
        wake "a"
        assert.same({ '{"id":2,"error":{"code":103,"message":"permission denied"}}' }, alice:takes())
        assert.equal(0, hall:channel("chat:1").members)
      end)

      it("has the same client's unsubscribe wait, and no other of its commands", function()
        local alice = hall:join("alice", 0)
        asks(alice, "a")
        assert.same({}, alice:says '{"id":3,"unsubscribe":{"channel":"chat:1"}}')
        assert.same({ '{"id":8,"publish":{}}' }, alice:publishes("chat:2", "1"))
        wake "a"
        assert.same({ '{"id":2,"subscribe":{}}', '{"id":3,"unsubscribe":{}}' }, alice:takes())
      end)

      it("keeps its channel alive", function()
        hall:finish()
        open { linger_ms = 0, types = { { pattern = "chat:{r}", hooks = { "subscribe" } } }, on = { subscribe = as_told } }
        local alice = hall:join("alice", 0)
        asks(alice, "a")
        hall:wait(100)
        wake "a"
        assert.same({ '{"id":2,"subscribe":{}}' }, alice:takes())
        assert.equal(1, hall:channel("chat:1").members)
      end)
    end)

    describe("on_published", function()
      it("comes once for each message, in order, and before what is published behind it is judged", function()
        local names = { "a", "b" }
        open { types = { { pattern = "chat", hooks = { "publish", "published" } } },
          on = {
            publish = function(event)
              if event.data == '"three"' then
                return { verdict = "accept", effects = {
                  { kind = "publish", channel = "chat", data = '"one"' }, { kind = "publish", channel = "chat", data = '"two"' } } }
              end
            end,
            published = function(event)
              if event.data == '"one"' then return { wait = table.remove(names, 1) } end
            end,
          } }
        local alice = hall:join("alice", 0):joins "chat"
        alice:mutters '{"id":3,"publish":{"channel":"chat","data":"three"}}'
        alice:publishes("chat", '"four"')
        assert.same({ "publish chat", "published chat" }, hall:heard "publish")
        wake "a"
        local said = {}
        for _, event in ipairs(hall.events) do
          if event.hook:find "^publish" then said[#said + 1] = event.hook .. event.data end
        end
        assert.same({ 'publish"three"', 'published"one"', 'published"two"', 'published"three"', 'publish"four"',
          'published"four"' }, said)
      end)
    end)

    describe("on_open", function()
      it("comes before everything else in its channel", function()
        open { types = { { pattern = "chat", hooks = { "open", "subscribe", "publish" } } }, on = { open = { wait = "o" } } }
        local alice, bob = hall:join("alice", 0), hall:join("bob", workers - 1)
        assert.same({}, alice:says '{"id":2,"subscribe":{"channel":"chat"}}')
        assert.same({}, bob:publishes("chat", "1"))
        local carol = hall:join("carol", 0)
        carol:says '{"id":2,"subscribe":{"channel":"chat"}}'
        carol:leaves()
        assert.same({ "open chat" }, hall:heard "^[ops]%w+ chat")
        wake "o"
        assert.same({ '{"id":2,"subscribe":{}}', from(bob, "chat", "1") }, alice:takes())
        assert.equal(1, hall:channel("chat").members)
      end)
    end)

    describe("on_close", function()
      it("is over before the channel opens again", function()
        open { linger_ms = 0, types = { { pattern = "chat", hooks = { "open", "close" } } }, on = { close = { wait = "c" } } }
        local alice = hall:join("alice", 0):joins "chat"
        alice:says '{"id":3,"unsubscribe":{"channel":"chat"}}'
        hall:wait(100)
        assert.same({ "c" }, hall:waits())
        assert.same({}, alice:says '{"id":4,"subscribe":{"channel":"chat"}}')
        wake "c"
        assert.same({ '{"id":4,"subscribe":{}}' }, alice:takes())
        assert.same({ "open chat", "close chat", "open chat" }, hall:heard "^[oc]%w+ chat")
      end)
    end)

    describe("the server's hooks", function()
      it("hold up nothing but their own answer", function()
        open { types = { { pattern = "chat" } }, server_hooks = { "call", "disconnect" },
          on = { call = as_told, disconnect = { wait = "d" } } }
        local alice = hall:join("alice", 0):joins "chat"
        assert.same({}, alice:says('{"id":5,"rpc":{"method":"m","data":' .. waiting "a" .. "}}"))
        assert.equal(2, #alice:publishes("chat", "1"))
        wake("a", { verdict = "replace", out = '"done"' })
        assert.same({ '{"id":5,"rpc":{"data":"done"}}' }, alice:takes())
        alice:leaves()
        assert.same({ "d" }, hall:waits())
        wake "d"
      end)

      it("keep a generation until they have returned", function()
        open { types = { { pattern = "chat" } }, server_hooks = { "call" }, on = { call = as_told } }
        local alice = hall:join("alice", 0)
        alice:says('{"id":5,"rpc":{"method":"m","data":' .. waiting "a" .. "}}")
        hall:switch { { pattern = "chat" } }
        for _ = 1, 5 do hall:turn() end
        assert.equal(workers - 1, hall:moved())
        wake "a"
        for _ = 1, 5 do hall:turn() end
        assert.equal(workers, hall:moved())
      end)
    end)

    describe("on_connect", function()
      before_each(function()
        open { types = { { pattern = "chat" } }, server_hooks = { "connect" }, on = { connect = as_told } }
      end)

      it("has what the client says behind it heard afterwards", function()
        local alice = hall:talk(0, { as = "alice" })
        assert.same({}, alice:says('{"id":1,"connect":{"data":' .. waiting "a" .. "}}",
          '{"id":2,"subscribe":{"channel":"chat"}}'))
        hall:join("bob", 0):joins "chat"
        assert.same({}, alice:hears())
        wake("a", { verdict = "replace", who = { user = "ann" } })
        assert.equal("", alice.conn:hear(alice.rest))
        local heard = alice:hears()
        assert.truthy(heard[1]:find '"connect":{"client"', heard[1])
        assert.equal('{"id":2,"subscribe":{}}', heard[2])
      end)

      it("is refused when it says so", function()
        local alice = hall:talk(0, { as = "alice" })
        alice:says('{"id":1,"connect":{"data":' .. waiting "a" .. "}}")
        wake("a", { verdict = "refuse", code = 103, text = "permission denied" })
        assert.same({ '{"id":1,"error":{"code":103,"message":"permission denied"}}' }, alice:takes())
      end)

      it("does nothing for a client that has gone", function()
        local alice = hall:talk(0, { as = "alice" })
        alice:says('{"id":1,"connect":{"data":' .. waiting "a" .. "}}")
        alice:leaves()
        wake "a"
        assert.same({}, hall:waits())
      end)

      it("does not keep the hub from ending", function()
        hall:talk(0, { as = "alice" }):says('{"id":1,"connect":{"data":' .. waiting "a" .. "}}")
      end)
    end)
  end)
end
