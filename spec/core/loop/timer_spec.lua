local loops = require "room.loop"

describe("the timer wheel", function()
  local loop

  before_each(function() loop = loops.new() end)
  after_each(function() loop:finish() end)

  local function turn_until(is_done)
    for _ = 1, 5000 do
      loop:turn()
      if is_done() then return end
      loops.sleep(1)
    end
    error("nothing happened")
  end

  it("never fires early", function()
    for _, ms in ipairs { 0, 1, 19, 20, 21, 50, 133 } do
      local fired
      local timer = loop:timer(function(now) fired = now end)
      local begun = loop:now()
      loop:start(timer, ms)
      turn_until(function() return fired end)
      assert.is_true(fired >= begun + ms, "set for " .. ms .. " ms, fired after " .. fired - begun)
    end
  end)

  it("does not fire before the loop has turned", function()
    local fired = false
    local timer = loop:timer(function() fired = true end)
    loop:start(timer, 0)
    assert.is_false(fired)
    assert.is_true(loop:is_set(timer))
    turn_until(function() return fired end)
    assert.is_false(loop:is_set(timer))
  end)

  it("fires once", function()
    local count = 0
    local timer = loop:timer(function() count = count + 1 end)
    loop:start(timer, 20)
    turn_until(function() return count > 0 end)
    for _ = 1, 100 do
      loop:turn()
      loops.sleep(1)
    end
    assert.equal(1, count)
  end)

  it("fires timers in the order they are due", function()
    local order = {}
    for _, ms in ipairs { 200, 40, 120, 80, 160 } do
      loop:start(loop:timer(function() order[#order + 1] = ms end), ms)
    end
    turn_until(function() return #order == 5 end)
    assert.same({ 40, 80, 120, 160, 200 }, order)
  end)

  it("fires timers of one tick in the order they were set", function()
    local order = {}
    for i = 1, 10 do loop:start(loop:timer(function() order[#order + 1] = i end), 100) end
    turn_until(function() return #order == 10 end)
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, order)
  end)

  it("counts from now when set again", function()
    local fired
    local timer = loop:timer(function(now) fired = now end)
    loop:start(timer, 40)
    loops.sleep(30)
    loop:turn()
    local again = loop:now()
    loop:start(timer, 200)
    turn_until(function() return fired end)
    assert.is_true(fired >= again + 200)
  end)

  it("moves a timer nearer when set again for sooner", function()
    local order = {}
    local far = loop:timer(function() order[#order + 1] = "moved" end)
    loop:start(far, 60000)
    loop:start(loop:timer(function() order[#order + 1] = "other" end), 150)
    loop:start(far, 40)
    turn_until(function() return #order == 2 end)
    assert.same({ "moved", "other" }, order)
  end)

  it("does not fire what was stopped, and stopping twice is fine", function()
    local fired, other = false, false
    local timer = loop:timer(function() fired = true end)
    loop:start(timer, 20)
    loop:stop_timer(timer)
    loop:stop_timer(timer)
    assert.is_false(loop:is_set(timer))
    loop:start(loop:timer(function() other = true end), 100)
    turn_until(function() return other end)
    assert.is_false(fired)
  end)

  it("lets a callback stop another timer that is due in the same turn", function()
    local second_fired, done = false, false
    local second
    loop:start(loop:timer(function() loop:stop_timer(second) end), 40)
    second = loop:timer(function() second_fired = true end)
    loop:start(second, 40)
    loop:start(loop:timer(function() done = true end), 40)
    turn_until(function() return done end)
    assert.is_false(second_fired)
  end)

  it("lets a callback set its own timer again, many times", function()
    local count, timer = 0, nil
    timer = loop:timer(function()
      count = count + 1
      if count < 5 then loop:start(timer, 0) end
    end)
    loop:start(timer, 0)
    turn_until(function() return count == 5 end)
    assert.is_false(loop:is_set(timer))
  end)

  it("lets the only timer's callback set another one", function()
    local done = false
    local second = loop:timer(function() done = true end)
    loop:start(loop:timer(function() loop:start(second, 60) end), 20)
    turn_until(function() return done end)
  end)

  it("lets a callback move a timer that is due in the same turn to later", function()
    local fired
    local moved = loop:timer(function(now) fired = now end)
    local at
    loop:start(loop:timer(function(now)
      at = now
      loop:start(moved, 100)
    end), 40)
    loop:start(moved, 40)
    turn_until(function() return fired end)
    assert.is_true(fired >= at + 100)
  end)

  it("fires everything after a stall of many ticks", function()
    local count = 0
    for ms = 0, 190, 10 do loop:start(loop:timer(function() count = count + 1 end), ms) end
    loops.sleep(400)
    turn_until(function() return count == 20 end)
  end)

  it("keeps timers that are rounds of the wheel away", function()
    local fired, near = false, false
    loop:start(loop:timer(function() fired = true end), 1024 * loops.tick_ms + 40)
    loop:start(loop:timer(function() near = true end), 100)
    turn_until(function() return near end)
    assert.is_false(fired)
  end)

  it("serves thousands of timers: none early, none twice, none forgotten", function()
    local early, twice, left = loops.thousands(20000, 700, 0)
    assert.same({ 0, 0, 0 }, { early, twice, left })
  end)

  it("serves thousands after a stall longer than most of them", function()
    local early, twice, left = loops.thousands(5000, 300, 900)
    assert.same({ 0, 0, 0 }, { early, twice, left })
  end)

  it("stands still with a clock that stands still, and goes on with it", function()
    local order, begun = {}, loop:now()
    local function set(ms, next_ms)
      loop:start(loop:timer(function(now)
        order[#order + 1] = now - begun
        if next_ms then set(next_ms) end
      end), ms)
    end
    assert.equal(1000, loop:stand_still())
    set(40, 100)
    set(86400000)
    loops.sleep(60)
    loop:turn()
    assert.same({ 0, {} }, { loop:now() - begun, order })
    assert.equal(1000 + 86400040, loop:pass(86400040))
    assert.equal(86400040, loop:now() - begun)
    assert.equal(3, #order)
    for i, ms in ipairs { 40, 140, 86400000 } do -- rounded up to ticks
      assert.is_true(order[i] >= ms and order[i] <= ms + (i == 2 and 2 or 1) * loops.tick_ms, order[i])
    end
    loop:pass(0)
    assert.equal(3, #order)
  end)

  it("may be destroyed while timers are set", function()
    loop:start(loop:timer(function() error("fired") end), 20)
    loops.sleep(50)
    loop:finish()
    loop = loops.new()
  end)
end)
