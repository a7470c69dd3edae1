local halls = require "hall"

local from = halls.from

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

    local function three(channel) return hall:three(channel) end

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
  end)
end
