-- How publications leave their channel: at once, together, or only the newest.
local halls = require "hall"

describe("a channel's delivery", function()
  local hall, alice, bob

  local function open(type)
    type.pattern = "a"
    hall = halls.open { types = { type } }
    alice, bob = hall:join "alice", hall:join("bob"):joins "a"
  end

  after_each(function() hall:finish() end)

  local function publish(...)
    for _, data in ipairs { ... } do
      alice:mutters(('{"id":8,"publish":{"channel":"a","data":%s}}'):format(data))
    end
  end

  local function heard(talk)
    local list = {}
    for _, line in ipairs((talk or bob):takes()) do list[#list + 1] = line:match '"data":(%b{})' or line:match '"data":(%w+)' end
    return list
  end

  describe("in batches", function()
    it("waits for the last of them, and comes as one frame", function()
      open { batch = 3, batch_ms = 60000 }
      publish(1, 2)
      assert.same({}, heard())
      publish(3)
      assert.same({ "1", "2", "3" }, heard())
      assert.equal(1, bob.frames)
      publish(4)
      assert.same({}, heard())
    end)

    it("does not wait longer than its delay", function()
      open { batch = 100, batch_ms = 50 }
      publish(1, 2)
      assert.same({}, heard())
      hall:wait(100)
      assert.same({ "1", "2" }, heard())
      publish(3)
      hall:wait(100)
      assert.same({ "3" }, heard())
    end)

    it("answers publishers at once", function()
      open { batch = 100, batch_ms = 60000 }
      assert.same({ '{"id":8,"publish":{}}' }, alice:publishes("a", 1))
    end)

    it("keeps what was published before from who comes later", function()
      open { batch = 100, batch_ms = 60000 }
      publish(1, 2)
      local late = hall:join("late"):joins "a"
      assert.same({ "1", "2" }, heard())
      for i = 3, 102 do publish(i) end
      assert.equal(100, #heard(late))
    end)

    it("holds a bounded number of bytes", function()
      open { batch = 100000, batch_ms = 60000 }
      local long = '{"l":"' .. ("x"):rep(30000) .. '"}'
      for _ = 1, 20 do publish(long) end
      assert.is_true(#heard() >= 8)
      assert.is_true(bob.frames >= 3, "a frame is not to be larger than clients take")
    end)

    it("counts each message, and keeps history and offsets as without", function()
      open { batch = 3, batch_ms = 60000, history = 10 }
      publish(1, 2)
      assert.equal(2, hall:channel("a").offset)
      publish(3)
      local lines = bob:takes()
      for i = 1, 3 do assert.truthy(lines[i]:find(('"offset":%d}'):format(i), 1, true)) end
      assert.equal(3, hall:stat "MESSAGES_OUT")
    end)

    it("goes out as it was published when the rules change", function()
      open { batch = 3, batch_ms = 60000 }
      publish(1)
      hall:switch { { pattern = "a" } }
      hall:turn()
      assert.same({ "1" }, heard())
      publish(2)
      assert.same({ "2" }, heard())
    end)

    it("forgets what nobody waits for any more", function()
      open { batch = 3, batch_ms = 50 }
      publish(1)
      bob:leaves()
      hall:wait(100)
      publish(2)
      local carol = hall:join("carol"):joins "a"
      publish(3, 4, 5)
      assert.same({ "3", "4", "5" }, heard(carol))
    end)
  end)

  describe("conflated", function()
    local function quote(symbol, price) return ('{"symbol":"%s","price":%d}'):format(symbol, price) end

    it("lets the first through, then the newest once an interval", function()
      open { conflate = 80 }
      publish(1, 2, 3)
      assert.same({ "1" }, heard())
      hall:wait(130)
      assert.same({ "3" }, heard())
      assert.equal(1, hall:stat "DROPS_CONFLATED")
    end)

    it("is at once again after a quiet interval", function()
      open { conflate = 400 }
      publish(1)
      assert.same({ "1" }, heard())
      hall:wait(900)
      publish(2)
      assert.same({ "2" }, heard())
      publish(3)
      assert.same({}, heard())
      local late
      for _ = 1, 1000 do -- as soon as it is there: the interval that it begins is then far from over
        hall:wait(10)
        late = heard()
        if late[1] then break end
      end
      assert.same({ "3" }, late)
      publish(4)
      assert.same({}, heard(), "what went out at the end of an interval began another")
    end)

    it("keeps one of each key, in one frame, in the order of the keys", function()
      open { conflate = 80, key = "symbol" }
      publish(quote("A", 1))
      heard()
      for price = 1, 10 do publish(quote("C", price), quote("B", price)) end
      publish('{"no":"key"}')
      hall:wait(130)
      assert.same({ quote("C", 10), quote("B", 10), '{"no":"key"}' }, heard())
      assert.equal(1, bob.frames)
    end)

    it("keeps one of very many keys, each once", function()
      open { conflate = 60000, key = "symbol" }
      publish(quote("first", 1))
      heard()
      for round = 1, 3 do
        for i = 1, 300 do publish(quote("S" .. i, round)) end
      end
      hall:join("late"):joins "a"
      local seen = heard()
      assert.equal(300, #seen)
      assert.equal(quote("S300", 3), seen[300])
    end)

    it("keeps all in history", function()
      open { conflate = 60000, history = 10 }
      publish(1, 2, 3)
      assert.equal(3, #hall:channel("a").history)
    end)
  end)
end)
