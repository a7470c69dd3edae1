local loops = require "room.loop"

describe("a mailbox", function()
  it("opens nothing before the reader's next turn, and then all of it", function()
    local before, after = loops.one_turn(1000)
    assert.equal(0, before)
    assert.equal(1000, after)
  end)

  it("opens every letter of many threads, each thread's in the order posted", function()
    local opened, misordered = loops.write(4, 25000)
    assert.equal(100000, opened)
    assert.equal(0, misordered)
  end)

  it("does so for a reader that is slower than its writers", function()
    local opened, misordered = loops.write(3, 5000, true)
    assert.equal(15000, opened)
    assert.equal(0, misordered)
  end)

  it("loses no wake-up when letters come one by one", function()
    for _ = 1, 50 do
      assert.equal(2, (loops.write(2, 1)))
    end
  end)

  it("opens what was never opened when it is destroyed, in order", function()
    local opened, misordered = loops.unopened(100)
    assert.equal(100, opened)
    assert.equal(0, misordered)
  end)

  it("opens mail posted while mail is opened in a later turn", function()
    local by_turns = loops.chain(9, 3)
    assert.equal(3, by_turns)
  end)

  it("opens, when destroyed, also what that mail posts", function()
    local _, in_all = loops.chain(3, 0)
    assert.equal(4, in_all)
  end)
end)
