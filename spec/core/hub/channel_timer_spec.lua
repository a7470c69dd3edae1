-- A channel's timers, as a hook wishes for them.
local halls = require "hall"

local house = halls.house

describe("a channel's timers", function()
  local hall, alice, wishes, rings

  before_each(function()
    wishes, rings = {}, {}
    hall = halls.open { linger_ms = 100, types = { { pattern = "c", hooks = { "call", "timer" } } },
      on = {
        call = function() return { effects = wishes } end,
        timer = function(event)
          rings[#rings + 1] = event.method .. " " .. event.data
          return { effects = { { kind = "publish", channel = "c", data = '"' .. event.method .. '"' } } }
        end,
      } }
    alice = hall:join("alice", 0):joins "c"
  end)
  after_each(function() hall:finish() end)

  local function alarm(id, ms, more)
    local wish = { kind = "timer", channel = "c", id = id, ms = ms, method = "tick", data = "[]" }
    for name, value in pairs(more or {}) do wish[name] = value end
    return wish
  end

  local function wish(...)
    wishes = { ... }
    return alice:says '{"id":5,"rpc":{"method":"c/m","data":{}}}'
  end

  it("come once, with their method and arguments", function()
    wish(alarm(1, 40, { data = "[1,\"x\"]" }))
    assert.same({}, rings)
    hall:wait(200)
    assert.same({ 'tick [1,"x"]' }, rings)
    assert.same({ house("c", '"tick"') }, alice:takes())
  end)

  it("come again and again, until they are cancelled", function()
    wish(alarm(1, 20, { repeats = true }))
    hall:wait(150)
    assert.truthy(#rings >= 2, #rings)
    wish { kind = "cancel", channel = "c", id = 1 }
    local before = #rings
    hall:wait(100)
    assert.equal(before, #rings)
  end)

  it("do not come when an error threw the hook's wishes away, and are nobody's when cancelled twice", function()
    wish({ kind = "cancel", channel = "c", id = 7 }, { kind = "cancel", channel = "c", id = 7 })
    hall:wait(50)
    assert.same({}, rings)
  end)

  it("replace one of the same id", function()
    wish(alarm(1, 40, { method = "old" }), alarm(1, 40, { method = "new" }))
    hall:wait(200)
    assert.same({ "new []" }, rings)
  end)

  it("are 64 at most", function()
    local all = {}
    for id = 1, 70 do all[id] = alarm(id, 40) end
    wish(table.unpack(all))
    assert.equal(6, hall:stat "TIMERS_LEFT_OUT")
    hall:wait(200)
    assert.equal(64, #rings)
  end)

  it("keep an empty channel alive when they come once, and not when they repeat", function()
    wish(alarm(1, 600), alarm(2, 20, { repeats = true, method = "beat" }))
    alice:says '{"id":6,"unsubscribe":{"channel":"c"}}'
    hall:wait(400)
    assert.truthy(hall:channel "c")
    hall:wait(700)
    assert.is_nil(hall:channel "c")
    local before = #rings
    hall:wait(60)
    assert.equal(before, #rings)
    assert.truthy(table.concat(rings, ","):find "tick")
  end)

  it("come back to a channel whose type was gone for a while", function()
    wish(alarm(1, 20, { repeats = true }))
    hall:switch { { pattern = "else" } }
    hall:wait(100)
    local before = #rings
    hall:switch { { pattern = "c", hooks = { "call", "timer" } } }
    hall:wait(100)
    assert.truthy(#rings > before)
  end)
end)
