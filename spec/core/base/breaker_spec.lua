local breakers = require "room.breaker"

describe("a breaker", function()
  local breaker

  -- 3 failures within 1000 ms open it for 500 ms.
  before_each(function() breaker = breakers.new(3, 1000, 500) end)

  local function call(verdict, now, till)
    local pass = breaker:enter(now)
    if not pass then return false end
    breaker:leave(pass, verdict, till or now)
    return true
  end

  local function open(now)
    for _ = 1, 3 do assert.is_true(call("failed", now)) end
    assert.equal("open", (breaker:state(now)))
  end

  it("lets everything through that goes well", function()
    for now = 1, 1000 do assert.is_true(call("fine", now)) end
    assert.same({ "closed", 0 }, { breaker:state(1000) })
    assert.same({ 0, 0 }, { breaker:counts() })
  end)

  it("opens at so many failures within the window, whatever went well between them", function()
    assert.is_true(call("failed", 0))
    assert.is_true(call("fine", 100))
    assert.is_true(call("failed", 500))
    assert.equal("closed", (breaker:state(500)))
    assert.is_true(call("failed", 999))
    assert.same({ "open", 500 }, { breaker:state(999) })
    assert.same({ 1, 0 }, { breaker:counts() })
  end)

  it("stays closed where failures are further apart", function()
    for now = 0, 100000, 500 do
      assert.is_true(call("failed", now))
      assert.equal("closed", (breaker:state(now)))
    end
  end)

  it("counts those of the last window only", function()
    for _, now in ipairs { 0, 10, 1005, 1009 } do
      assert.is_true(call("failed", now))
    end
    assert.equal("open", (breaker:state(1009)))
    breaker = breakers.new(3, 1000, 500)
    for _, now in ipairs { 0, 10, 1010, 1011 } do call("failed", now) end
    assert.equal("closed", (breaker:state(1011)))
  end)

  it("opens at the first failure where one is enough", function()
    breaker = breakers.new(1, 1000, 500)
    assert.is_true(call("failed", 7))
    assert.equal("open", (breaker:state(7)))
  end)

  it("lets nothing through while it is open, and says how long that is", function()
    open(100)
    for now = 100, 599 do
      assert.is_false(call("fine", now))
      assert.same({ "open", 600 - now }, { breaker:state(now) })
    end
    assert.same({ 1, 500 }, { breaker:counts() })
    assert.same({ "half-open", 0 }, { breaker:state(600) })
  end)

  it("tries one call then, and closes when it goes well", function()
    open(0)
    local probe = assert(breaker:enter(500))
    assert.is_nil(breaker:enter(500))
    assert.is_nil(breaker:enter(600))
    assert.same({ "half-open", 400 }, { breaker:state(600) })
    breaker:leave(probe, "fine", 700)
    assert.equal("closed", (breaker:state(700)))
    assert.is_true(call("failed", 701))
    assert.is_true(call("failed", 702))
    assert.equal("closed", (breaker:state(702)), "old failures are forgotten")
  end)

  it("opens again when that call fails", function()
    open(0)
    breaker:leave(assert(breaker:enter(500)), "failed", 700)
    assert.same({ "open", 500 }, { breaker:state(700) })
    assert.is_nil(breaker:enter(1199))
    assert.truthy(breaker:enter(1200))
    assert.same({ 2, 1 }, { breaker:counts() })
  end)

  it("tries another when that call was given up, or is lost", function()
    open(0)
    breaker:leave(assert(breaker:enter(500)), "unknown", 510)
    local lost = assert(breaker:enter(510))
    assert.is_nil(breaker:enter(1009))
    local second = assert(breaker:enter(1010))
    breaker:leave(lost, "fine", 1011)
    assert.equal("half-open", (breaker:state(1011)), "the lost one says nothing any more")
    breaker:leave(second, "fine", 1012)
    assert.equal("closed", (breaker:state(1012)))
  end)

  it("is not closed nor opened by calls that began before it changed", function()
    local early = {}
    for i = 1, 10 do early[i] = assert(breaker:enter(0)) end
    open(0)
    breaker:leave(early[1], "fine", 10)
    breaker:leave(early[2], "failed", 400)
    assert.same({ "open", 100 }, { breaker:state(400) })
    local probe = assert(breaker:enter(500))
    for i = 3, 6 do breaker:leave(early[i], "failed", 510) end
    breaker:leave(early[7], "fine", 510)
    assert.equal("half-open", (breaker:state(510)))
    breaker:leave(probe, "fine", 520)
    for i = 8, 10 do breaker:leave(early[i], "failed", 530) end
    assert.equal("closed", (breaker:state(530)))
    assert.same({ 1, 0 }, { breaker:counts() })
  end)

  it("takes a call that was given up for nothing while it is closed", function()
    for now = 1, 100 do assert.is_true(call("unknown", now)) end
    assert.equal("closed", (breaker:state(100)))
  end)
end)
