local loops = require "room.interest"

describe("an interest in a descriptor", function()
  local loop, here, there

  before_each(function()
    loop = loops.new()
    here, there = loops.pair()
  end)
  after_each(function()
    loop:finish()
    loops.close(here)
    loops.close(there)
  end)

  it("is told nothing before it says of what", function()
    loop:watch(here, function() error "called" end)
    loops.write(there, "x")
    loop:turn()
  end)

  it("is told of what can be read", function()
    local said = {}
    loop:watch(here, function(readable, writable)
      said[#said + 1] = { readable, writable }
      loops.read(here)
    end)
    loop:want(true, false)
    loop:turn()
    assert.same({}, said)
    loops.write(there, "x")
    loop:turn()
    loop:turn()
    assert.same({ { true, false } }, said)
  end)

  it("is told of room to write, and of both", function()
    local said = {}
    loop:watch(here, function(readable, writable) said[#said + 1] = { readable, writable } end)
    loop:want(false, true)
    loop:turn()
    loops.write(there, "x")
    loop:turn()
    loop:want(true, true)
    loop:turn()
    assert.same({ { false, true }, { false, true }, { true, true } }, said)
  end)

  it("is told nothing any more once it wants nothing", function()
    local times = 0
    loop:watch(here, function()
      times = times + 1
      loop:want(false, false)
    end)
    loop:want(false, true)
    loop:turn()
    loop:turn()
    assert.equal(1, times)
    loop:want(false, true)
    loop:turn()
    assert.equal(2, times)
  end)

  it("may end from its own callback, and another begin on the same descriptor", function()
    local times = 0
    loop:watch(here, function()
      times = times + 1
      loop:unwatch()
    end)
    loop:want(false, true)
    loop:turn()
    loop:turn()
    assert.equal(1, times)
    loop:watch(here, function() times = times + 10 end)
    loop:want(false, true)
    loop:turn()
    assert.equal(11, times)
  end)

  it("is told when the other end is gone", function()
    local read
    loop:watch(here, function(readable)
      if readable then read = loops.read(here) end
      loop:unwatch()
    end)
    loop:want(true, false)
    loops.close(there)
    loop:turn()
    assert.equal("", read)
  end)
end)
