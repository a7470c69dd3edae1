local halls = require "hall"

for _, workers in ipairs { 1, 3 } do
  describe("a channel, with " .. workers .. " worker(s)", function()
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

    -- ---- its end ----

    it("lives while it has members and lingers a while after the last", function()
      open { types = { { pattern = "chat", hooks = { "open", "close" } } }, linger_ms = 500 }
      local alice = hall:join("alice", 0):joins "chat"
      hall:wait(700)
      assert.equal(1, hall:channel("chat").members)
      alice:says '{"id":2,"unsubscribe":{"channel":"chat"}}'
      hall:wait(40)
      assert.equal(0, hall:channel("chat").members)
      alice:joins "chat"
      hall:wait(700)
      assert.equal(1, hall:channel("chat").members)
      alice:leaves()
      hall:wait(700)
      assert.is_nil(hall:channel "chat")
      assert.equal(0, hall:stat "CHANNELS")
      assert.same({ "bind chat", "open chat", "close chat", "release chat" }, hall:heard())
    end)

    it("lingers from its last message when nobody is there", function()
      open { types = { { pattern = "chat" } }, linger_ms = 800 }
      local alice = hall:join("alice", 0)
      alice:publishes("chat", "1")
      hall:wait(450)
      alice:publishes("chat", "2")
      hall:wait(450)
      assert.is_table(hall:channel "chat")
      hall:wait(1000)
      assert.is_nil(hall:channel "chat")
    end)

    it("lives as long as its history", function()
      open { types = { { pattern = "log", history = 10, ttl = 1200 } }, linger_ms = 20 }
      local alice = hall:join("alice", 0)
      alice:publishes("log", "1")
      hall:wait(200)
      assert.same({ "1" }, hall:channel("log").history)
      hall:wait(1300)
      assert.is_nil(hall:channel "log")
    end)

    it("begins another epoch when it lives again", function()
      open { types = { { pattern = "log", history = 10, ttl = 600 } }, linger_ms = 20 }
      local alice = hall:join("alice", 0)
      alice:publishes("log", "1")
      alice:publishes("log", "2")
      local before = hall:channel "log"
      hall:wait(900)
      alice:publishes("log", "3")
      local after = hall:channel "log"
      assert.equal(2, before.offset)
      assert.equal(1, after.offset)
      assert.truthy(after.epoch:find "^%l%l%l%l%l%l%l%l$")
      assert.not_equal(before.epoch, after.epoch)
    end)

    it("can publish elsewhere from on_close, and into its own next life", function()
      local closes = 0
      open {
        types = { { pattern = "chat", hooks = { "close", "open" } }, { pattern = "log" } },
        linger_ms = 40,
        on = { close = function()
          closes = closes + 1
          if closes > 1 then return end
          return { effects = { { kind = "publish", channel = "log", data = '"closed"' },
            { kind = "publish", channel = "chat", data = '"again"' } } }
        end },
      }
      local alice = hall:join("alice", 0):joins "log"
      alice:publishes("chat", "1")
      hall:wait(70)
      assert.same({ '{"push":{"channel":"log","pub":{"data":"closed"}}}' }, alice:takes())
      hall:wait(150)
      assert.equal(2, closes)
      assert.is_nil(hall:channel "chat")
    end)

    -- ---- a new generation ----

    it("moves to a new generation at its next event, or by itself in a few turns", function()
      open { types = { { pattern = "chat", hooks = { "publish" } } } }
      local alice = hall:join("alice", 0):joins "chat"
      local before = hall:channel "chat"
      assert.equal(1, before.generation)
      hall:switch { { pattern = "chat", hooks = { "publish" } } }
      hall:turn()
      assert.equal(workers, hall:moved())
      local after = hall:channel "chat"
      assert.equal(2, after.generation)
      assert.not_equal(before.instance, after.instance)
      assert.equal(before.instance, hall:last("bind").instance, "bind sees the old instance")
      alice:publishes("chat", "1")
      assert.equal(after.instance, hall:last("publish").instance)
      assert.equal(1, hall:channel("chat").members)
    end)

    it("says at once that all has moved when nothing is there", function()
      open { types = {} }
      hall:switch { { pattern = "chat" } }
      assert.equal(workers, hall:moved())
    end)

    it("moves hundreds of channels a few a turn, each once", function()
      open { types = { { pattern = "c:{n}", hooks = { "publish" } } } }
      for i = 1, 600 do hall:wish(0, { kind = "publish", channel = "c:" .. i, data = "1" }) end
      hall:turn()
      assert.equal(600, hall:stat "CHANNELS")
      local binds = #hall:heard "^bind"
      hall:switch { { pattern = "c:{n}", hooks = { "publish" } } }
      if workers == 1 then
        assert.equal(0, hall:moved())
        assert.is_true(#hall:heard "^bind" - binds < 600)
      end
      hall:turn()
      assert.equal(workers, hall:moved())
      assert.equal(600, #hall:heard "^bind" - binds)
    end)

    it("moves although others come, go and have events meanwhile", function()
      open { types = { { pattern = "c:{n}", hooks = { "publish", "close" } } }, linger_ms = 5 }
      local alice = hall:join("alice", 0)
      for i = 1, 60 do alice:joins("c:" .. i * 10) end
      for i = 1, 600 do hall:wish(0, { kind = "publish", channel = "c:" .. i, data = "1" }) end
      hall:turn()
      hall:switch { { pattern = "c:{n}", hooks = { "publish", "close" } } }
      for i = 300, 900 do hall:wish(0, { kind = "publish", channel = "c:" .. i, data = "2" }) end
      hall:wait(200)
      assert.equal(workers, hall:moved())
      assert.equal(60, hall:stat "CHANNELS")
      for i = 1, 60 do assert.equal(2, hall:channel("c:" .. i * 10).generation) end
    end)

    it("is handled by one generation per message: the event that finds it behind binds it first", function()
      open { types = { { pattern = "c:{n}", hooks = { "publish" } } } }
      for i = 1, 600 do hall:wish(0, { kind = "publish", channel = "c:" .. i, data = "1" }) end
      hall:turn()
      local alice = hall:join("alice", 0)
      hall:switch { { pattern = "c:{n}", hooks = { "publish" } } }
      for i = 1, 600, 50 do alice:mutters(('{"id":1,"publish":{"channel":"c:%d","data":1}}'):format(i)) end
      alice:hears()
      for _, event in ipairs(hall.events) do
        if event.hook == "publish" then assert.equal(2, event.generation) end
      end
    end)

    it("keeps members, order and history across a reload", function()
      open { types = { { pattern = "log", history = 5 } } }
      local alice = hall:join("alice", 0):joins "log"
      for i = 1, 4 do alice:publishes("log", tostring(i)) end
      local epoch = hall:channel("log").epoch
      hall:switch { { pattern = "log", history = 2 } }
      hall:turn()
      assert.same({ "3", "4" }, hall:channel("log").history)
      alice:publishes("log", "5")
      local channel = hall:channel "log"
      assert.same({ "4", "5" }, channel.history)
      assert.equal(5, channel.offset)
      assert.equal(epoch, channel.epoch)
      hall:switch { { pattern = "log" } }
      local lines = alice:publishes("log", "6")
      assert.is_nil(lines[1]:find "offset")
      assert.same({}, hall:channel("log").history)
    end)

    it("is unknown while no pattern has its name, keeps its members, and comes back with the pattern", function()
      open { types = { { pattern = "chat", hooks = { "publish", "unsubscribe" } } } }
      local alice = hall:join("alice", 0):joins "chat"
      local bob = hall:join("bob", workers - 1):joins "chat"
      hall:switch {}
      hall:turn()
      assert.equal(workers, hall:moved())
      assert.same({ "bind chat" }, hall:heard()) -- not released: the state is kept for its return
      assert.is_false(hall:channel("chat").has_type)
      assert.same({ '{"id":8,"error":{"code":102,"message":"unknown channel"}}' }, alice:publishes("chat", "1"))
      assert.same({ '{"id":2,"unsubscribe":{}}' }, bob:says '{"id":2,"unsubscribe":{"channel":"chat"}}')
      assert.same({}, hall:heard "^unsubscribe")
      hall:switch { { pattern = "chat", hooks = { "publish" } } }
      alice:publishes("chat", "2")
      assert.same({ "bind chat", "bind chat", "publish chat" }, hall:heard())
      assert.equal(1, hall:channel("chat").members)
      bob:joins "chat"
      alice:publishes("chat", "3")
      assert.equal(1, #bob:hears())
    end)

    it("ends in silence when its pattern is gone and its last member leaves", function()
      open { types = { { pattern = "chat", hooks = { "close" } } }, linger_ms = 40 }
      local alice = hall:join("alice", 0):joins "chat"
      hall:switch {}
      hall:turn()
      alice:leaves()
      hall:wait(120)
      assert.is_nil(hall:channel "chat")
      assert.same({ "bind chat", "release chat" }, hall:heard())
    end)

    it("of a type without hooks costs the scripts nothing", function()
      open { types = { { pattern = "relay" } } }
      hall:join("alice", 0):joins("relay"):publishes("relay", "1")
      hall:switch { { pattern = "relay" } }
      hall:turn()
      assert.same({}, hall:heard())
    end)

    it("may be kicked out of while its pattern is gone", function()
      open { types = { { pattern = "chat" } } }
      local alice = hall:join("alice", 0):joins "chat"
      hall:switch {}
      hall:wish(0, { kind = "kick", channel = "chat", code = 2000, reason = "over" })
      assert.same({ '{"push":{"channel":"chat","unsubscribe":{"code":2000,"reason":"over"}}}' }, alice:hears())
    end)

    it("is taken over by a more specific pattern, with its parameters", function()
      open { types = { { pattern = "{a}:{b}", hooks = { "publish" } } } }
      local alice = hall:join("alice", 0)
      alice:publishes("chat:7", "1")
      assert.same({ "chat", "7" }, hall:last("publish").params)
      hall:switch { { pattern = "chat:{room}", hooks = { "publish" } }, { pattern = "{a}:{b}", hooks = { "publish" } } }
      alice:publishes("chat:7", "1")
      assert.same({ "7" }, hall:last("publish").params)
    end)
  end)
end
