-- Readers that do not keep up, by their channels' policies.
local halls = require "hall"

local NEEDED, DROPPED, CONFLATED = 0, 1, 2

describe("a reader who is behind", function()
  local hall, alice, slow

  local function open(types, options)
    options = options or {}
    options.types = types
    options.queue_bytes = options.queue_bytes or 1000
    hall = halls.open(options)
    alice, slow = hall:join "alice", hall:join "slow"
  end

  after_each(function() hall:finish() end)

  -- A turn of its own, so that nothing is gathered.
  local function publish(channel, data)
    alice:mutters(('{"id":8,"publish":{"channel":"%s","data":%s}}'):format(channel, data))
    alice:takes()
    slow:takes()
  end

  local function pad(n) return '"' .. ("x"):rep(80) .. n .. '"' end

  -- What it hears, short: numbers of messages, "-N channel" for a marker.
  local function hears()
    slow.conn:stuck(false)
    local list = {}
    for _, line in ipairs(slow:takes()) do
      local channel, skipped = line:match '"skipped":{"channel":"([^"]+)","messages":(%d+)}'
      list[#list + 1] = channel and ("-%s %s"):format(skipped, channel)
        or line:match '"data":"x*(%d+)"' or line:match '"data":(%b{})' or line
    end
    return list
  end

  describe("in a channel that drops the oldest", function()
    it("stays, misses them, and is told how many where they were", function()
      open { { pattern = "a", slow = DROPPED } }
      slow:joins "a"
      slow.conn:stuck(true)
      for i = 1, 30 do publish("a", pad(i)) end
      local _, bytes = slow.conn:waiting()
      assert.is_true(bytes <= 1000)
      assert.is_nil((slow.conn:closing()))
      local heard = hears()
      local skipped = tonumber(heard[1]:match "^%-(%d+) a$")
      assert.equal(30, skipped + #heard - 1)
      for i = 2, #heard do assert.equal(tostring(skipped + i - 1), heard[i]) end
      assert.equal(skipped, hall:stat "DROPS_SLOW_OLDEST")
      assert.equal(0, hall:stat "CUT_SLOW")
      publish("a", pad(31))
      publish("a", pad(32))
      assert.is_nil(slow.goodbye)
    end)

    it("hears everything again once it has caught up, with no marker", function()
      open { { pattern = "a", slow = DROPPED } }
      slow:joins "a"
      slow.conn:stuck(true)
      for i = 1, 30 do publish("a", pad(i)) end
      hears()
      alice:mutters '{"id":8,"publish":{"channel":"a","data":"x77"}}'
      assert.same({ "77" }, hears())
    end)

    it("is not cut for messages of age: they are dropped", function()
      open({ { pattern = "a", slow = DROPPED } }, { queue_ms = 50 })
      slow:joins "a"
      slow.conn:stuck(true)
      publish("a", pad(1))
      publish("a", pad(2))
      hall:wait(100)
      publish("a", pad(3))
      assert.equal(2, hall:stat "DROPS_SLOW_AGE")
      assert.same({ "-2 a", "3" }, hears())
      assert.is_nil(slow.goodbye)
    end)

    it("is cut by what another channel cannot spare, once nothing is left to drop", function()
      open { { pattern = "a", slow = DROPPED }, { pattern = "b" } }
      slow:joins("a", "b")
      slow.conn:stuck(true)
      for i = 1, 4 do publish("a", pad(i)) end
      for i = 1, 20 do publish("b", pad(i)) end
      slow.conn:stuck(false)
      slow:takes()
      assert.same({ code = 3008, reason = "slow" }, slow.goodbye)
      assert.equal(1, hall:stat "CUT_SLOW")
    end)

    it("drops of it alone where another channel's messages are needed, the newest too", function()
      open { { pattern = "a", slow = DROPPED }, { pattern = "b" } }
      slow:joins("a", "b")
      slow.conn:stuck(true)
      publish("a", pad(1))
      for i = 2, 5 do publish("b", pad(i)) end
      for i = 6, 20 do publish("a", pad(i)) end
      local heard = hears()
      assert.equal(0, hall:stat "CUT_SLOW")
      assert.truthy(heard[1]:find "^%-%d+ a$")
      local skipped, a, b = tonumber(heard[1]:match "%d+"), 0, {}
      for i = 2, #heard do
        if tonumber(heard[i]) and tonumber(heard[i]) <= 5 then b[#b + 1] = heard[i] else a = a + 1 end
      end
      assert.same({ "2", "3", "4", "5" }, b)
      assert.equal(16, skipped + a)
    end)

    it("is told once a channel, of all that is missing there", function()
      open { { pattern = "{x}", slow = DROPPED } }
      slow:joins("a", "b")
      slow.conn:stuck(true)
      for i = 1, 20 do
        publish("a", pad(i))
        publish("b", pad(i))
      end
      local told, kept = {}, 0
      for _, what in ipairs(hears()) do
        local n, channel = what:match "^%-(%d+) (.)$"
        if n then
          assert.is_nil(told[channel])
          told[channel] = tonumber(n)
        else
          kept = kept + 1
        end
      end
      assert.equal(40, told.a + told.b + kept)
    end)

    it("gets a marker for a channel it has left no more", function()
      open { { pattern = "a", slow = DROPPED }, { pattern = "b", slow = DROPPED } }
      slow:joins("a", "b")
      slow.conn:stuck(true)
      for i = 1, 5 do publish("a", pad(i)) end
      slow:mutters '{"id":3,"unsubscribe":{"channel":"a"}}'
      for i = 1, 20 do publish("b", pad(i)) end
      for _, what in ipairs(hears()) do assert.is_nil(what:find("-%d+ a")) end
      assert.equal(0, hall:stat "CUT_SLOW")
    end)

    it("keeps what has gone out in part", function()
      open { { pattern = "a", slow = DROPPED } }
      slow:joins "a"
      slow.conn:stuck(true)
      publish("a", pad(1))
      slow.conn:sent(10)
      for i = 2, 30 do publish("a", pad(i)) end
      assert.is_true(hall:stat "DROPS_SLOW_OLDEST" > 0)
      slow.conn:stuck(false)
      local first = slow.conn:rest()
      assert.truthy(first:find('x1","info"', 1, true) or first:find('x1"', 1, true), first)
    end)
  end)

  describe("in a channel that conflates", function()
    local function quote(symbol, price) return ('{"symbol":"%s","price":%d}'):format(symbol, price) end

    it("has the newest of each key, at the place where the key came first", function()
      open({ { pattern = "a", slow = CONFLATED, key = "symbol" } }, { queue_bytes = 100000 })
      slow:joins "a"
      slow.conn:stuck(true)
      publish("a", quote("X", 0)) -- waits alone, whole
      for price = 1, 50 do
        publish("a", quote("X", price))
        publish("a", quote("Y", price))
      end
      assert.same({ quote("X", 50), quote("Y", 50) }, hears())
      assert.equal(50 + 49, hall:stat "DROPS_SLOW_CONFLATED")
    end)

    it("tells keys apart by value, and what has none by having none", function()
      open({ { pattern = "a", slow = CONFLATED, key = "k" } }, { queue_bytes = 100000 })
      slow:joins "a"
      slow.conn:stuck(true)
      publish("a", '{"k":"first"}')
      for _, data in ipairs { '{"k":1}', '{"k":"1"}', '{"k":null}', '{"o":1}', '{"o":2}', '{"k":1,"new":true}' } do publish("a", data) end
      assert.same({ '{"k":"first"}', '{"k":1,"new":true}', '{"k":"1"}', '{"k":null}', '{"o":2}' }, hears())
    end)

    it("loses nothing while it keeps up", function()
      open { { pattern = "a", slow = CONFLATED, key = "symbol" } }
      slow:joins "a"
      for price = 1, 20 do
        alice:mutters('{"id":8,"publish":{"channel":"a","data":' .. quote("X", price) .. "}}")
        alice:mutters('{"id":8,"publish":{"channel":"a","data":' .. quote("X", price + 100) .. "}}")
        assert.same({ quote("X", price), quote("X", price + 100) }, hears())
      end
      assert.equal(0, hall:stat "DROPS_SLOW_CONFLATED")
    end)

    it("has the newest of what one turn brought, too", function()
      open({ { pattern = "a", slow = CONFLATED, key = "symbol" } }, { queue_bytes = 100000 })
      slow:joins "a"
      slow.conn:stuck(true)
      publish("a", quote("W", 1))
      for price = 1, 9 do
        alice:mutters('{"id":8,"publish":{"channel":"a","data":' .. quote("X", price) .. "}}")
      end
      assert.same({ quote("W", 1), quote("X", 9) }, hears())
    end)

    it("drops the oldest keys when there are too many", function()
      open { { pattern = "a", slow = CONFLATED, key = "symbol" } }
      slow:joins "a"
      slow.conn:stuck(true)
      for i = 1, 40 do publish("a", quote("S" .. i, 1)) end
      local heard = hears()
      assert.truthy(heard[1]:find "^%-%d+ a$")
      assert.equal(quote("S40", 1), heard[#heard])
      assert.equal(40, tonumber(heard[1]:match "%d+") + #heard - 1)
      assert.equal(0, hall:stat "CUT_SLOW")
    end)

    it("is not fooled by the same key in another channel", function()
      open({ { pattern = "{x}", slow = CONFLATED, key = "symbol" } }, { queue_bytes = 100000 })
      slow:joins("a", "b")
      slow.conn:stuck(true)
      publish("a", quote("first", 1))
      publish("a", quote("X", 1))
      publish("b", quote("X", 2))
      publish("a", quote("X", 3))
      assert.same({ quote("first", 1), quote("X", 3), quote("X", 2) }, hears())
    end)
  end)

  it("is cut where nothing else was asked for", function()
    open { { pattern = "a", slow = NEEDED } }
    slow:joins "a"
    slow.conn:stuck(true)
    for i = 1, 30 do publish("a", pad(i)) end
    slow.conn:stuck(false)
    slow:takes()
    assert.same({ code = 3008, reason = "slow" }, slow.goodbye)
  end)
end)
