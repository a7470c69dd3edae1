local halls = require "hall"

local from, house = halls.from, halls.house

for _, workers in ipairs { 1, 3 } do
  describe("a channel's members, with " .. workers .. " worker(s)", function()
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
