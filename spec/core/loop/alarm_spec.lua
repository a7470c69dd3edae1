local loops = require "room.interest"

describe("an alarm", function()
  local loop

  before_each(function() loop = loops.new() end)
  after_each(function() loop:finish() end)

  it("rings once, in the next turn for 0 ms, and never inside the call", function()
    local rung = 0
    loop:alarm(0, function() rung = rung + 1 end)
    assert.equal(0, rung)
    loop:turn()
    assert.equal(1, rung)
    loop:turn()
    assert.equal(1, rung)
  end)

  it("rings not before its time", function()
    local set = loop:now()
    loop:alarm(30, function() loop:stop() end)
    loop:run()
    assert.is_true(loop:now() - set >= 30)
  end)

  it("counts from when it was set last", function()
    local rung = 0
    loop:alarm(0, function() rung = rung + 100 end)
    loop:alarm(5, function()
      rung = rung + 1
      loop:stop()
    end)
    loop:turn()
    assert.equal(0, rung)
    loop:run()
    assert.equal(1, rung)
  end)

  it("is still when it was stopped, and may be set from its own ringing", function()
    local rung = 0
    loop:alarm(0, function() rung = rung + 1 end)
    loop:quiet()
    loop:turn()
    assert.equal(0, rung)
    loop:alarm(0, function()
      rung = rung + 1
      loop:alarm(0, function()
        rung = rung + 1
        loop:stop()
      end)
    end)
    loop:run()
    assert.equal(2, rung)
  end)

  it("holds up no turn, however often it sets itself", function()
    local rung = 0
    local function again()
      rung = rung + 1
      loop:alarm(0, again)
    end
    loop:alarm(0, again)
    loop:turn()
    assert.equal(1, rung)
    loop:turn()
    assert.equal(2, rung)
  end)

  it("is destroyed while it is set", function()
    loop:alarm(1000, function() error "rang" end)
  end)
end)
