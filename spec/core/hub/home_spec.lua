local halls = require "hall"

local PUSH = '{"push":{"channel":"%s","pub":{"data":%s,"info":{"user":"%s","client":"%s"}}}}'
local HOUSE = '{"push":{"channel":"%s","pub":{"data":%s}}}'

local function from(talk, channel, data)
  return PUSH:format(channel, data, talk.name, talk.id)
end

local function house(channel, data)
  return HOUSE:format(channel, data)
end

for _, workers in ipairs { 1, 3 } do
  describe("a channel's home, with " .. workers .. " worker(s)", function()
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

    -- Alice, Bob and Carol, each on a worker of their own where there are three.
    local function three(channel)
      local last = workers - 1
      local all = { hall:join("alice", 0), hall:join("bob", math.min(1, last)), hall:join("carol", last) }
      for _, talk in ipairs(all) do talk:joins(channel) end
      return table.unpack(all)
    end

    it("delivers what is published to all members, the publisher too, before its reply", function()
      open { types = { { pattern = "chat" } } }
      local alice, bob, carol = three "chat"
      assert.same({ from(alice, "chat", '{"a":1}'), '{"id":8,"publish":{}}' }, alice:publishes("chat", '{"a":1}'))
      assert.same({ from(alice, "chat", '{"a":1}') }, bob:hears())
      assert.same({ from(alice, "chat", '{"a":1}') }, carol:hears())
      assert.equal(1, hall:stat "MESSAGES_IN")
      assert.equal(3, hall:stat "MESSAGES_OUT")
    end)

    it("delivers byte for byte but for raw line ends", function()
      open { types = { { pattern = "chat" } } }
      local _, bob, _ = three "chat"
      local alice = hall:join("alice", 0)
      local odd = '{ "z":1.0,\t"a" : 9007199254740993, "e":[ ],"u":"\\u00e4ä\\/" }'
      alice:publishes("chat", odd)
      assert.same({ from(alice, "chat", odd) }, bob:hears())
      alice:mutters('{"id":8,"publish":{"channel":"chat","data":[1,\r2]}}')
      assert.same({ from(alice, "chat", "[1,2]") }, bob:hears())
    end)

    it("keeps one order for all", function()
      open { types = { { pattern = "chat" } } }
      local alice, bob, carol = three "chat"
      for i = 1, 20 do
        alice:mutters(('{"id":8,"publish":{"channel":"chat","data":"a%d"}}'):format(i))
        carol:mutters(('{"id":8,"publish":{"channel":"chat","data":"c%d"}}'):format(i))
      end
      local function data_of(lines)
        local list = {}
        for _, line in ipairs(lines) do list[#list + 1] = line:match('"data":"(%w+)"') end
        return list
      end
      local seen = data_of(bob:hears())
      assert.equal(40, #seen)
      assert.same(seen, data_of(alice:hears()))
      assert.same(seen, data_of(carol:hears()))
    end)

    -- Until somebody takes what came, no turn of this room's ends.
    local function say_all(talk, channel, from_number, to_number)
      for i = from_number, to_number do
        talk:mutters(('{"id":8,"publish":{"channel":"%s","data":%d}}'):format(channel, i))
      end
      hall:turn()
    end

    local function all_from(talk, channel, from_number, to_number, ...)
      local lines = {}
      for i = from_number, to_number do lines[#lines + 1] = from(talk, channel, tostring(i)) end
      for _, line in ipairs { ... } do lines[#lines + 1] = line end
      return lines
    end

    it("hands over what a channel says in one turn as one run, in order and complete", function()
      open { types = { { pattern = "*" } } }
      local alice, bob, carol = three "chat"
      say_all(alice, "chat", 1, 30)
      for _, talk in ipairs { bob, carol } do
        assert.same(all_from(alice, "chat", 1, 30), talk:takes())
        assert.same({ 30, 1 }, { talk.frames, talk.pushes })
      end
      say_all(alice, "chat", 31, 31)
      assert.same(all_from(alice, "chat", 31, 31), bob:takes())
      assert.equal(3 * 31, hall:stat "MESSAGES_OUT")
    end)

    it("gives who joins in the middle of a turn what comes after, behind the reply", function()
      open { types = { { pattern = "chat" } } }
      local alice, bob, carol = three "chat"
      local dave = hall:join("dave", workers - 1)
      say_all(alice, "chat", 1, 3)
      dave:mutters '{"id":2,"subscribe":{"channel":"chat"}}'
      hall:turn()
      say_all(alice, "chat", 4, 5)
      local heard = dave:takes()
      assert.equal('{"id":2,"subscribe":{}}', table.remove(heard, 1))
      assert.same(all_from(alice, "chat", 4, 5), heard)
      assert.same(all_from(alice, "chat", 1, 5), bob:takes())
      assert.same(all_from(alice, "chat", 1, 5), carol:takes())
    end)

    it("gives who leaves in the middle of a turn what came before, then the reply, then nothing", function()
      open { types = { { pattern = "chat" } } }
      local alice, bob, carol = three "chat"
      say_all(alice, "chat", 1, 3)
      bob:mutters '{"id":3,"unsubscribe":{"channel":"chat"}}'
      hall:turn()
      say_all(alice, "chat", 4, 5)
      assert.same(all_from(alice, "chat", 1, 3, '{"id":3,"unsubscribe":{}}'), bob:takes())
      assert.same(all_from(alice, "chat", 1, 5), carol:takes())
    end)

    it("keeps apart the stays of one turn", function()
      open { types = { { pattern = "chat" } } }
      local alice, _, carol = three "chat"
      local function stay(verb, id)
        carol:mutters(('{"id":%d,"%s":{"channel":"chat"}}'):format(id, verb))
        hall:turn()
      end
      say_all(alice, "chat", 1, 2)
      stay("unsubscribe", 3)
      say_all(alice, "chat", 3, 4)
      stay("subscribe", 4)
      say_all(alice, "chat", 5, 6)
      stay("unsubscribe", 5)
      say_all(alice, "chat", 7, 8)
      assert.same({ from(alice, "chat", "1"), from(alice, "chat", "2"), '{"id":3,"unsubscribe":{}}',
        '{"id":4,"subscribe":{}}', from(alice, "chat", "5"), from(alice, "chat", "6"), '{"id":5,"unsubscribe":{}}' },
        carol:takes())
    end)

    it("gives who is kicked in the middle of a turn what came before, then the push, then nothing", function()
      open { types = { { pattern = "chat" } } }
      local alice, bob, carol = three "chat"
      say_all(alice, "chat", 1, 3)
      hall:wish(0, { kind = "kick", channel = "chat", user = "bob", code = 2000, reason = "bye" })
      hall:turn()
      say_all(alice, "chat", 4, 5)
      assert.same(all_from(alice, "chat", 1, 3, '{"push":{"channel":"chat","unsubscribe":{"code":2000,"reason":"bye"}}}'),
        bob:takes())
      assert.same(all_from(alice, "chat", 1, 5), carol:takes())
    end)

    it("gives who is closed in the middle of a turn what came before, then the goodbye", function()
      open { types = { { pattern = "*" } } }
      local alice, bob, carol = three "chat"
      bob:joins "other"
      say_all(alice, "chat", 1, 3)
      say_all(alice, "other", 1, 1)
      hall:wish(0, { kind = "close", client = bob.id, code = 4001, reason = "enough" })
      hall:turn()
      say_all(alice, "chat", 4, 5)
      local heard = bob:takes()
      table.sort(heard) -- two channels have no order among them
      local expected = all_from(alice, "chat", 1, 3, from(alice, "other", "1"))
      table.sort(expected)
      assert.same(expected, heard)
      assert.same({ code = 4001, reason = "enough" }, bob.goodbye)
      assert.same(all_from(alice, "chat", 1, 5), carol:takes())
    end)

    it("gives the others all of a turn in whose middle somebody went without a word", function()
      open { types = { { pattern = "chat" } } }
      local alice, bob, carol = three "chat"
      say_all(alice, "chat", 1, 3)
      bob:leaves()
      say_all(alice, "chat", 4, 5)
      assert.same(all_from(alice, "chat", 1, 5), carol:takes())
    end)

    it("does not deliver to those who are not members", function()
      open { types = { { pattern = "chat" }, { pattern = "other" } } }
      local alice = three "chat"
      local dave = hall:join("dave", 0):joins "other"
      alice:publishes("chat", "1")
      assert.same({}, dave:hears())
    end)

    it("knows no channel that no pattern names", function()
      open { types = { { pattern = "chat" } } }
      local alice = hall:join("alice", 0)
      local unknown = '{"id":8,"error":{"code":102,"message":"unknown channel"}}'
      assert.same({ unknown }, alice:publishes("nowhere", "1"))
      assert.same({ unknown }, alice:says '{"id":8,"subscribe":{"channel":"nowhere"}}')
      assert.same({ unknown }, alice:says '{"id":8,"presence":{"channel":"nowhere"}}')
      assert.equal(1, hall:stat "DROPS_UNKNOWN")
      assert.equal(0, hall:stat "CHANNELS")
    end)

    it("explains a rule's no in dev mode, and makes nothing live for it", function()
      open { types = { { pattern = "room:{name}", subscribe = "role.admin or user.id == params.name",
        publish = "nobody", call = "role.admin", hooks = { "call" } } } }
      local alice = hall:join("alice", 0)
      local reply = alice:says '{"id":2,"subscribe":{"channel":"room:bob"}}'
      assert.equal(1, #reply)
      assert.truthy(reply[1]:find('{"id":2,"error":{"code":103,"message":"permission denied by the subscribe rule: ',
        1, true), reply[1])
      assert.truthy(reply[1]:find("(rules.lua:7)", 1, true))
      assert.truthy(alice:publishes("room:alice", "1")[1]:find "permission denied by the publish rule")
      assert.truthy(alice:says('{"id":2,"rpc":{"method":"room:alice/x"}}')[1]:find "denied by the call rule")
      assert.truthy(alice:says('{"id":2,"presence":{"channel":"room:bob"}}')[1]:find "denied by the subscribe rule")
      assert.equal(0, hall:stat "CHANNELS")
      assert.equal(4, hall:stat "REFUSED_RULE")
      assert.same({}, hall.events)
      assert.same({ '{"id":2,"subscribe":{}}' }, alice:says '{"id":2,"subscribe":{"channel":"room:alice"}}')
    end)

    it("says no more than permission denied outside dev mode", function()
      open { is_dev = false, types = { { pattern = "chat", subscribe = "user" } } }
      local nobody = hall:join("", 0)
      assert.same({ '{"id":2,"error":{"code":103,"message":"permission denied"}}' },
        nobody:says '{"id":2,"subscribe":{"channel":"chat"}}')
    end)

    it("refuses what is larger than the channel's max_size", function()
      open { types = { { pattern = "chat", max_size = 10 } } }
      local alice, bob = three "chat"
      assert.same({ '{"id":8,"error":{"code":413,"message":"message too large: 11 bytes, max_size of this channel is 10"}}' },
        alice:publishes("chat", '"123456789"'))
      assert.same({}, bob:hears())
      assert.equal(1, hall:stat "REFUSED_SIZE")
      assert.equal(2, #alice:publishes("chat", '"12345678"'))
    end)

    it("counts with history: offset and epoch in no reply, offset in every push", function()
      open { types = { { pattern = "log", history = 3 } } }
      local alice, bob = three "log"
      for i = 1, 5 do alice:publishes("log", tostring(i)) end
      local pushes = bob:hears()
      for i = 1, 5 do
        assert.equal(('{"push":{"channel":"log","pub":{"data":%d,"info":{"user":"alice","client":"%s"},"offset":%d}}}')
          :format(i, alice.id, i), pushes[i])
      end
      local channel = hall:channel "log"
      assert.equal(5, channel.offset)
      assert.same({ "3", "4", "5" }, channel.history)
    end)

    -- ---- hooks ----

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

    -- ---- subscribing ----

    it("gives a subscriber the data its hook returns, before any message", function()
      open {
        types = { { pattern = "chat", hooks = { "subscribe" } } },
        on = { subscribe = { verdict = "replace", out = '{"welcome":[]}',
          effects = { { kind = "publish", channel = "chat", data = '"one more"' } } } },
      }
      local alice = hall:join("alice", 0)
      assert.same({ '{"id":2,"subscribe":{"data":{"welcome":[]}}}', house("chat", '"one more"') },
        alice:says '{"id":2,"subscribe":{"channel":"chat","data":{"q":1}}}')
      assert.equal('{"q":1}', hall:last("subscribe").data)
    end)

    it("keeps out whom on_subscribe refuses", function()
      open {
        types = { { pattern = "chat", hooks = { "subscribe", "unsubscribe" } } },
        on = { subscribe = { verdict = "refuse", code = 400, text = "full" } },
      }
      local alice = hall:join("alice", 0)
      assert.same({ '{"id":2,"error":{"code":400,"message":"full"}}' },
        alice:says '{"id":2,"subscribe":{"channel":"chat"}}')
      alice:publishes("chat", "1")
      assert.same({}, alice:hears())
      assert.equal(0, hall:channel("chat").members)
      alice:leaves()
      assert.same({}, hall:heard "^unsubscribe")
    end)

    it("tells on_unsubscribe who left and why, when he is no member any more", function()
      open { types = { { pattern = "chat", hooks = { "unsubscribe" } } } }
      local alice, bob, carol = three "chat"
      assert.same({ '{"id":3,"unsubscribe":{}}' }, alice:says '{"id":3,"unsubscribe":{"channel":"chat"}}')
      local event = hall:last "unsubscribe"
      assert.same({ "alice", 0, "left", 2 }, { event.who.user, event.code, event.reason, event.members })
      bob:leaves()
      event = hall:last "unsubscribe"
      assert.same({ "bob", 3000, "connection closed", 1 }, { event.who.user, event.code, event.reason, event.members })
      carol.conn:close(4005, "go away")
      carol:hears()
      hall:turn()
      event = hall:last "unsubscribe"
      assert.same({ "carol", 4005, "go away", 0 }, { event.who.user, event.code, event.reason, event.members })
    end)

    it("lets the others hear what on_unsubscribe publishes", function()
      open {
        types = { { pattern = "chat", hooks = { "unsubscribe" } } },
        on = { unsubscribe = { effects = { { kind = "publish", channel = "chat", data = '"gone"' } } } },
      }
      local alice, bob = three "chat"
      assert.same({ '{"id":3,"unsubscribe":{}}' }, alice:says '{"id":3,"unsubscribe":{"channel":"chat"}}')
      assert.same({ house("chat", '"gone"') }, bob:hears())
    end)

    -- ---- kicks ----

    it("kicks a user out of a channel on all workers, with a reason, and sends nothing of it afterwards", function()
      open { types = { { pattern = "chat", hooks = { "unsubscribe" } } } }
      local alice, bob, carol = three "chat"
      local bob_again = hall:join("bob", workers - 1):joins "chat"
      local gone = '{"push":{"channel":"chat","unsubscribe":{"code":2000,"reason":"kicked: rude"}}}'
      hall:wish(0, { kind = "kick", channel = "chat", user = "bob", code = 2000, reason = "kicked: rude" })
      alice:publishes("chat", "1")
      local heard = bob:hears()
      assert.equal(gone, heard[#heard])
      heard = bob_again:hears()
      assert.equal(gone, heard[#heard])
      alice:publishes("chat", "2")
      assert.same({}, bob:hears())
      assert.same({}, bob_again:hears())
      assert.equal(2, #carol:hears())
      assert.equal(2, #hall:heard "^unsubscribe")
      local event = hall:last "unsubscribe"
      assert.same({ "bob", 2000, "kicked: rude" }, { event.who.user, event.code, event.reason })
      assert.equal(2, hall:channel("chat").members)
    end)

    it("kicks one connection, or everybody", function()
      open { types = { { pattern = "chat" } } }
      local alice, bob, carol = three "chat"
      hall:wish(0, { kind = "kick", channel = "chat", client = bob.id, code = 2000, reason = "" })
      assert.same({ '{"push":{"channel":"chat","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}}' },
        bob:hears())
      assert.same({}, alice:hears())
      hall:wish(0, { kind = "kick", channel = "chat", code = 2500, reason = "over" })
      for _, talk in ipairs { alice, carol } do
        assert.same({ '{"push":{"channel":"chat","unsubscribe":{"code":2500,"reason":"over"}}}' }, talk:hears())
      end
      assert.equal(0, hall:channel("chat").members)
      assert.equal(0, hall:stat "SUBSCRIPTIONS")
    end)

    it("lets the kicked come back, and does not take his new stay for the old one", function()
      open { types = { { pattern = "chat" } } }
      local _, bob = three "chat"
      hall:wish(0, { kind = "kick", channel = "chat", user = "bob", code = 2000, reason = "x" })
      bob:hears()
      bob:joins "chat"
      local alice = hall:join("alice", 0)
      alice:publishes("chat", "5")
      assert.same({ from(alice, "chat", "5") }, bob:hears())
    end)

    it("takes a kick of a channel that does not live for nothing", function()
      open { types = { { pattern = "chat" } } }
      hall:wish(0, { kind = "kick", channel = "chat", user = "bob", code = 2000, reason = "x" })
      hall:turn()
      assert.is_nil(hall:channel "chat")
    end)

    it("lets a member kick itself from its own hook: its message comes, the reply, the push, then nothing", function()
      open {
        types = { { pattern = "chat", hooks = { "publish" } } },
        on = {
          publish = function(event)
            return { effects = { { kind = "kick", channel = "chat", client = event.who.client, code = 2000, reason = "bye" } } }
          end,
        },
      }
      local _, bob = three "chat"
      assert.same({ from(bob, "chat", "1"), '{"id":8,"publish":{}}',
        '{"push":{"channel":"chat","unsubscribe":{"code":2000,"reason":"bye"}}}' }, bob:publishes("chat", "1"))
    end)

    -- ---- calls and presence ----

    it("answers calls with what rpc_NAME returns, null when nothing", function()
      local answer
      open {
        types = { { pattern = "chat", hooks = { "call" } }, { pattern = "quiet" } },
        on = { call = function() return answer end },
      }
      local alice = hall:join("alice", 0)
      assert.same({ '{"id":4,"rpc":{"data":null}}' }, alice:says '{"id":4,"rpc":{"method":"chat/do","data":[1]}}')
      local event = hall:last "call"
      assert.same({ "chat", "do", "[1]", "alice" }, { event.channel, event.method, event.data, event.who.user })
      answer = { verdict = "accept", out = "[7]" }
      assert.same({ '{"id":4,"rpc":{"data":[7]}}' }, alice:says '{"id":4,"rpc":{"method":"chat/do"}}')
      answer = { verdict = "refuse", code = 104, text = "method not found" }
      assert.same({ '{"id":4,"error":{"code":104,"message":"method not found"}}' },
        alice:says '{"id":4,"rpc":{"method":"chat/nope"}}')
      assert.same({ '{"id":4,"error":{"code":104,"message":"method not found"}}' },
        alice:says '{"id":4,"rpc":{"method":"quiet/do"}}')
    end)

    it("counts a call that a script refuses, as it counts other refusals", function()
      open {
        types = { { pattern = "chat", hooks = { "call" } } },
        on = { call = { verdict = "refuse", code = 400, text = "no" } },
      }
      hall:join("alice", 0):says '{"id":4,"rpc":{"method":"chat/do"}}'
      assert.equal(1, hall:stat "REFUSED_SCRIPT")
    end)

    it("does a call's wishes before it answers", function()
      local effects = { { kind = "publish", channel = "chat", data = '"wish"' } }
      open {
        types = { { pattern = "chat", hooks = { "call" } } },
        on = { call = { out = "1", effects = effects } },
      }
      local alice = hall:join("alice", 0):joins "chat"
      local answer = '{"id":4,"rpc":{"data":1}}'
      assert.same({ house("chat", '"wish"'), answer }, alice:says '{"id":4,"rpc":{"method":"chat/do"}}')
      -- What is too long to wait shows when they are done.
      local long = '"' .. ("x"):rep(40000) .. '"'
      for i = 1, 2 do effects[i] = { kind = "publish", channel = "chat", data = long } end
      assert.same({ house("chat", long), house("chat", long), answer },
        alice:says '{"id":4,"rpc":{"method":"chat/do"}}')
    end)

    it("says who is present, and how many", function()
      open { types = { { pattern = "chat", presence = true }, { pattern = "quiet" } } }
      local alice, bob, carol = three "chat"
      local reply = bob:says('{"id":5,"presence":{"channel":"chat"}}')[1]
      for _, talk in ipairs { alice, bob, carol } do
        assert.truthy(reply:find(('"%s":{"user":"%s","client":"%s"}'):format(talk.id, talk.name, talk.id), 1, true))
      end
      hall:join("bob", 0):joins "chat"
      assert.same({ '{"id":6,"presence_stats":{"num_clients":4,"num_users":3}}' },
        bob:says '{"id":6,"presence_stats":{"channel":"chat"}}')
      assert.same({ '{"id":6,"error":{"code":108,"message":"not available"}}' },
        bob:says '{"id":6,"presence_stats":{"channel":"quiet"}}')
    end)

    it("shows an empty channel as empty", function()
      open { types = { { pattern = "chat", presence = true } } }
      local alice = hall:join("alice", 0)
      assert.same({ '{"id":5,"presence":{"presence":{}}}' }, alice:says '{"id":5,"presence":{"channel":"chat"}}')
      assert.same({ '{"id":5,"presence_stats":{"num_clients":0,"num_users":0}}' },
        alice:says '{"id":5,"presence_stats":{"channel":"chat"}}')
    end)

    it("bounds the way from a hook's error to nobody else", function()
      open {
        types = { { pattern = "chat", hooks = { "publish" } } },
        on = { publish = { verdict = "refuse", code = 500, text = "script failed", incident = "i1" } },
      }
      local alice, bob = three "chat"
      alice:publishes("chat", "1")
      assert.same({}, bob:hears())
      assert.is_nil(bob.conn:closing())
      assert.is_nil(alice.conn:closing())
    end)
  end)
end
