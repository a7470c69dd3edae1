local halls = require "hall"

for _, workers in ipairs { 1, 3 } do
  describe("a session, with " .. workers .. " worker(s)", function()
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

    local chat = { { pattern = "chat" } }

    -- ---- connecting ----

    it("must connect first", function()
      open { types = chat }
      for _, line in ipairs { '{"id":1,"subscribe":{"channel":"chat"}}', "{}", '{"send":{"data":1}}', '{"id":1}' } do
        local talk = hall:talk(0)
        assert.same({}, talk:says(line))
        assert.same({ code = 3501, reason = "bad request" }, talk.goodbye)
      end
      assert.equal(4, hall:stat "CUT_BAD_REQUEST")
    end)

    it("connects once", function()
      open { types = chat }
      local alice = hall:join("alice", 0)
      assert.same({}, alice:says '{"id":2,"connect":{}}')
      assert.same({ code = 3501, reason = "bad request" }, alice.goodbye)
    end)

    it("is told its name, the server's, and the pings it must answer", function()
      open { types = chat, ping_ms = 24500 }
      local reply = hall:talk(0, { as = "alice" }):says '{"id":7,"connect":{"name":"js"}}'
      assert.equal(1, #reply)
      assert.truthy(reply[1]:find('^{"id":7,"connect":{"client":"[%x-]+","version":"weir [%d.]+","ping":25,"pong":true}}$'),
        reply[1])
      assert.equal(36, #reply[1]:match '"client":"([^"]+)"')
      assert.equal(1, hall:stat "SESSIONS")
    end)

    it("has an id that nobody else has", function()
      open { types = chat }
      local seen = {}
      for i = 1, 50 do
        local id = hall:join("x", i % workers).id
        assert.is_nil(seen[id])
        seen[id] = true
      end
    end)

    it("handles connect and subscribes in one message", function()
      open { types = chat }
      local alice = hall:talk(0, { as = "alice" })
      local lines = alice:says('{"id":1,"connect":{}}', '{"id":2,"subscribe":{"channel":"chat"}}')
      assert.equal(2, #lines)
      assert.equal('{"id":2,"subscribe":{}}', lines[2])
    end)

    it("has a deadline to connect", function()
      open { types = chat, connect_ms = 40 }
      local talk = hall:talk(0)
      hall:wait(120)
      assert.same({}, talk:takes())
      assert.same({ code = 3502, reason = "stale" }, talk.goodbye)
      assert.equal(1, hall:stat "CUT_TIMEOUT")
    end)

    it("is of no use after a refused connect: the rest of the message is ignored, later ones end it", function()
      open { types = chat, server_hooks = { "connect" }, on = { connect = { verdict = "refuse", code = 403, text = "not you" } } }
      local talk = hall:talk(0)
      assert.same({ '{"id":1,"error":{"code":403,"message":"not you"}}' },
        talk:says('{"id":1,"connect":{}}', '{"id":2,"subscribe":{"channel":"chat"}}'))
      assert.is_nil(talk.goodbye)
      assert.same({}, talk:says '{"id":3,"subscribe":{"channel":"chat"}}')
      assert.same({ code = 3501, reason = "bad request" }, talk.goodbye)
      assert.equal(0, hall:stat "SESSIONS")
    end)

    -- ---- ping and pong ----

    it("is pinged, and lives as long as it answers", function()
      open { types = chat, ping_ms = 40, pong_ms = 60000 }
      local alice = hall:join("alice", 0)
      for _ = 1, 3 do
        hall:wait(90)
        assert.equal(1, alice.conn:wakes(), "the ping must go out by itself")
        assert.same({ "{}" }, alice:takes())
        assert.same({}, alice:says "{}")
        assert.is_nil(alice.goodbye)
      end
    end)

    it("ends when it does not answer a ping", function()
      open { types = chat, ping_ms = 40, pong_ms = 60 }
      local alice = hall:join("alice", 0)
      hall:wait(250)
      alice:takes()
      assert.same({ code = 3012, reason = "no pong" }, alice.goodbye)
      assert.equal(1, hall:stat "CUT_NO_PONG")
    end)

    it("ends when it answers a ping that nobody sent, or answers twice", function()
      open { types = chat, ping_ms = 1500, pong_ms = 60000 }
      local alice = hall:join("alice", 0)
      assert.same({}, alice:says "{}")
      assert.same({ code = 3501, reason = "bad request" }, alice.goodbye)
      local bob = hall:join("bob", 0)
      hall:wait(1600)
      bob:takes()
      bob:says("{}")
      assert.is_nil(bob.goodbye)
      bob:says("{}")
      assert.same({ code = 3501, reason = "bad request" }, bob.goodbye)
    end)

    it("ends when its identity expires", function()
      local expires
      open {
        types = chat, server_hooks = { "connect" },
        on = { connect = function() return { verdict = "replace", who = { user = "alice", expires = expires } } end },
      }
      expires = os.time() + 2
      local alice = hall:join("", 0)
      expires = math.maxinteger
      local bob = hall:join("", 0)
      hall:wait(2300)
      alice:takes()
      bob:takes()
      assert.same({ code = 3005, reason = "connection expired" }, alice.goodbye)
      assert.is_nil(bob.goodbye)
    end)

    -- ---- subscribing ----

    it("joins a channel once", function()
      open { types = chat }
      local alice = hall:join("alice", 0):joins "chat"
      assert.same({ '{"id":3,"error":{"code":105,"message":"already subscribed"}}' },
        alice:says '{"id":3,"subscribe":{"channel":"chat"}}')
      assert.equal(1, hall:channel("chat").members)
      assert.equal(1, hall:stat "SUBSCRIPTIONS")
    end)

    it("joins a channel once even when it asks twice in one breath", function()
      open { types = chat }
      local alice = hall:join("alice", 0)
      local lines = alice:says('{"id":3,"subscribe":{"channel":"chat"}}', '{"id":4,"subscribe":{"channel":"chat"}}')
      table.sort(lines) -- the refusal needs no home: it may come first
      assert.same({ '{"id":3,"subscribe":{}}', '{"id":4,"error":{"code":105,"message":"already subscribed"}}' }, lines)
    end)

    it("hears nothing before the reply to its subscribe, and nothing after that to its unsubscribe", function()
      open { types = { { pattern = "*" } } }
      local name = hall:named(workers - 1)
      local bob = hall:join("bob", workers - 1)
      local alice = hall:join("alice", 0)
      for i = 1, 10 do
        bob:mutters(('{"id":1,"publish":{"channel":"%s","data":"before%d"}}'):format(name, i))
      end
      alice:mutters(('{"id":3,"subscribe":{"channel":"%s"}}'):format(name))
      for i = 1, 10 do
        bob:mutters(('{"id":1,"publish":{"channel":"%s","data":"joined%d"}}'):format(name, i))
      end
      local lines = alice:hears()
      assert.equal('{"id":3,"subscribe":{}}', lines[1])
      for i = 2, #lines do assert.truthy(lines[i]:find "joined") end
      bob:mutters(('{"id":1,"publish":{"channel":"%s","data":"on the way"}}'):format(name))
      alice:mutters(('{"id":4,"unsubscribe":{"channel":"%s"}}'):format(name))
      for i = 1, 10 do
        bob:mutters(('{"id":1,"publish":{"channel":"%s","data":"after%d"}}'):format(name, i))
      end
      lines = alice:hears()
      assert.equal('{"id":4,"unsubscribe":{}}', lines[#lines])
      for _, line in ipairs(lines) do assert.is_nil(line:find "after") end
      assert.is_nil(hall:audience(0, name))
    end)

    it("may leave and come back in one message: every command has its answer, in order", function()
      open { types = { { pattern = "*", hooks = { "subscribe", "unsubscribe" } } } }
      local name = hall:named(workers - 1)
      local alice = hall:join("alice", 0)
      local function sub(id) return ('{"id":%d,"subscribe":{"channel":"%s"}}'):format(id, name) end
      local function unsub(id) return ('{"id":%d,"unsubscribe":{"channel":"%s"}}'):format(id, name) end
      assert.same({
        '{"id":1,"subscribe":{}}', '{"id":2,"unsubscribe":{}}', '{"id":3,"subscribe":{}}', '{"id":4,"unsubscribe":{}}',
        '{"id":5,"subscribe":{}}',
      }, alice:says(sub(1), unsub(2), sub(3), unsub(4), sub(5)))
      assert.equal(1, hall:channel(name).members)
      assert.same({ "subscribe " .. name, "unsubscribe " .. name, "subscribe " .. name, "unsubscribe " .. name,
        "subscribe " .. name }, hall:heard "subscribe")
      alice:publishes(name, "1")
      assert.equal(1, hall:stat "MESSAGES_OUT")
    end)

    it("ends outside when it leaves what it was refused", function()
      local is_open = false
      open {
        types = { { pattern = "*", hooks = { "subscribe" } } },
        on = { subscribe = function() return not is_open and { verdict = "refuse", code = 400, text = "closed" } or nil end },
      }
      local name = hall:named(workers - 1)
      local alice = hall:join("alice", 0)
      local function sub(id) return ('{"id":%d,"subscribe":{"channel":"%s"}}'):format(id, name) end
      local function unsub(id) return ('{"id":%d,"unsubscribe":{"channel":"%s"}}'):format(id, name) end
      assert.same({ '{"id":1,"error":{"code":400,"message":"closed"}}', '{"id":2,"unsubscribe":{}}',
        '{"id":3,"error":{"code":400,"message":"closed"}}' }, alice:says(sub(1), unsub(2), sub(3)))
      is_open = true
      assert.same({ '{"id":4,"subscribe":{}}' }, alice:says(sub(4)))
      assert.equal(1, hall:channel(name).members)
    end)

    it("cannot pile up commands while a channel's home is silent", function()
      open { types = { { pattern = "*" } } }
      if workers == 1 then return end
      local name = hall:named(2)
      local alice = hall:join("alice", 0)
      local lines = { ('{"id":1,"subscribe":{"channel":"%s"}}'):format(name) }
      for i = 2, 40 do
        local verb = i % 2 == 0 and "unsubscribe" or "subscribe"
        lines[i] = ('{"id":%d,"%s":{"channel":"%s"}}'):format(i, verb, name)
      end
      local replies = alice:says(table.unpack(lines))
      local by_id, refused = {}, 0
      for _, reply in ipairs(replies) do
        local id = tonumber(reply:match '^{"id":(%d+)')
        assert.is_nil(by_id[id])
        by_id[id] = reply
        if reply:find '"code":111,"message":"too many requests","temporary":true' then refused = refused + 1 end
      end
      assert.equal(40, #replies)
      assert.equal(40, #by_id)
      assert.is_true(refused > 0)
    end)

    it("joins at most as many channels as it may", function()
      open { types = { { pattern = "*" } }, max_channels = 3 }
      local alice = hall:join("alice", 0):joins("a", "b", "c")
      assert.same({ '{"id":3,"error":{"code":106,"message":"limit exceeded"}}' },
        alice:says '{"id":3,"subscribe":{"channel":"d"}}')
      assert.equal(1, hall:stat "REFUSED_LIMIT")
      alice:says '{"id":4,"unsubscribe":{"channel":"b"}}'
      alice:joins "d"
    end)

    it("leaves what it has not joined without a complaint", function()
      open { types = chat }
      local alice = hall:join("alice", 0)
      assert.same({ '{"id":3,"unsubscribe":{}}' }, alice:says '{"id":3,"unsubscribe":{"channel":"chat"}}')
    end)

    it("names channels in printable ASCII, 255 bytes at most", function()
      open { types = { { pattern = "*" } } }
      local alice = hall:join("alice", 0)
      local longest = ("x"):rep(255)
      alice:joins(longest)
      local refusal = '{"id":3,"error":{"code":107,"message":"bad request: a channel\'s name is 1 to 255 printable ASCII characters"}}'
      for _, name in ipairs { longest .. "x", "a b", "a\\u0000b", "a\\nb", "\\u00e4", "ä", "\\u007f" } do
        for _, verb in ipairs { "subscribe", "presence", "presence_stats" } do
          assert.same({ refusal }, alice:says(('{"id":3,"%s":{"channel":"%s"}}'):format(verb, name)))
        end
        assert.same({ refusal }, alice:says(('{"id":3,"publish":{"channel":"%s","data":1}}'):format(name)))
        assert.same({ refusal }, alice:says(('{"id":3,"rpc":{"method":"%s/x"}}'):format(name)))
      end
    end)

    it("ends when a command names no channel", function()
      open { types = chat }
      for _, verb in ipairs { "subscribe", "unsubscribe", "publish", "presence", "presence_stats" } do
        for _, fields in ipairs { '"data":1', '"channel":"","data":1', '"channel":null' } do
          local alice = hall:join("alice", 0)
          assert.same({}, alice:says(('{"id":3,"%s":{%s}}'):format(verb, fields)))
          assert.same({ code = 3501, reason = "bad request" }, alice.goodbye)
        end
      end
    end)

    it("is refused a publish without data, and may publish null", function()
      open { types = chat }
      local alice = hall:join("alice", 0)
      assert.same({ '{"id":3,"error":{"code":107,"message":"bad request"}}' },
        alice:says '{"id":3,"publish":{"channel":"chat"}}')
      assert.same({ '{"id":8,"publish":{}}' }, alice:publishes("chat", "null"))
    end)

    -- ---- the server's own hooks ----

    it("calls the server's methods by name alone", function()
      open {
        types = chat, server_hooks = { "call" },
        on = { call = function(event)
          if event.method == "no" then return { verdict = "refuse", code = 104, text = "method not found" } end
          return { out = '{"you":"' .. event.who.user .. '","sent":' .. (event.data or "null") .. "}" }
        end },
      }
      local alice = hall:join("alice", 0)
      assert.same({ '{"id":3,"rpc":{"data":{"you":"alice","sent":[1]}}}' },
        alice:says '{"id":3,"rpc":{"method":"who","data":[1]}}')
      assert.same({ '{"id":3,"error":{"code":104,"message":"method not found"}}' },
        alice:says '{"id":3,"rpc":{"method":"no"}}')
      assert.same({ '{"id":3,"error":{"code":104,"message":"method not found"}}' },
        alice:says '{"id":3,"rpc":{"method":"/no"}}')
    end)

    it("splits a method at its last slash", function()
      open { types = { { pattern = "*", hooks = { "call" } } }, server_hooks = { "call" } }
      local alice = hall:join("alice", 0)
      alice:says '{"id":3,"rpc":{"method":"a/b/c"}}'
      assert.same({ "a/b", "c" }, { hall:last("call").channel, hall:last("call").method })
    end)

    it("cannot call or send where no script listens", function()
      open { types = chat }
      local alice = hall:join("alice", 0)
      assert.same({ '{"id":3,"error":{"code":108,"message":"not available"}}' },
        alice:says '{"id":3,"rpc":{"method":"x"}}')
      assert.same({}, alice:says '{"send":{"data":1}}')
      assert.same({ code = 3508, reason = "not available" }, alice.goodbye)
    end)

    it("sends without an answer where one does", function()
      open { types = chat, server_hooks = { "message" } }
      local alice = hall:join("alice", 0)
      assert.same({}, alice:says('{"send":{"data":{"x":1}}}', '{"id":5,"send":{"data":2}}'))
      assert.is_nil(alice.goodbye)
      assert.same({ "message", "message" }, hall:heard "^message")
      assert.equal("2", hall:last("message").data)
      assert.equal("alice", hall:last("message").who.user)
    end)

    it("tells the server of its end, once, after its channels", function()
      open { types = { { pattern = "chat", hooks = { "unsubscribe" } } }, server_hooks = { "disconnect" } }
      local alice = hall:join("alice", hall:home "chat"):joins "chat"
      alice.conn:close(4001, "enough")
      alice:hears()
      alice:leaves()
      local ends = {}
      for _, text in ipairs(hall:heard()) do
        if text:find "^unsubscribe" or text == "disconnect" then ends[#ends + 1] = text end
      end
      assert.same({ "unsubscribe chat", "disconnect" }, ends)
      local event = hall:last "disconnect"
      assert.same({ "alice", 4001, "enough" }, { event.who.user, event.code, event.reason })
    end)

    it("does not tell the server of the end of somebody who never connected", function()
      open { types = chat, server_hooks = { "disconnect" } }
      hall:talk(0):leaves()
      assert.same({}, hall:heard "disconnect")
    end)

    it("leaves nothing behind when it goes in the middle of joining", function()
      open { types = { { pattern = "*", hooks = { "subscribe", "unsubscribe" } } } }
      local name = hall:named(workers - 1)
      local alice = hall:join("alice", 0)
      alice:mutters(('{"id":3,"subscribe":{"channel":"%s"}}'):format(name))
      alice:leaves()
      assert.same({ "subscribe " .. name, "unsubscribe " .. name }, hall:heard "subscribe")
      assert.equal(0, hall:channel(name).members)
      assert.equal(0, hall:stat "SUBSCRIPTIONS")
      assert.equal(0, hall:stat "SESSIONS")
    end)

    it("gets no late answers once it is closing", function()
      open { types = { { pattern = "*" } } }
      local name = hall:named(workers - 1)
      local alice = hall:join("alice", 0)
      alice:mutters(('{"id":3,"subscribe":{"channel":"%s"}}'):format(name))
      alice.conn:close(3503)
      local lines = alice:hears()
      assert.same(workers == 1 and { '{"id":3,"subscribe":{}}' } or {}, lines)
      assert.same({ code = 3503, reason = "force disconnect" }, alice.goodbye)
    end)
  end)
end
