local bench = require "room.bench"

describe("the ledger of a subscriber", function()
  it("is content with every number once, in order", function()
    local receipts, missing = bench.ledger({ 0, 1, 2, 3 }, 4)
    assert.same({ "in order", "in order", "in order", "in order" }, receipts)
    assert.equal(0, missing)
  end)

  it("misses what was left out, at the beginning, inside and at the end", function()
    local receipts, missing = bench.ledger({ 1, 3 }, 6)
    assert.same({ "in order", "in order" }, receipts)
    assert.equal(4, missing)
  end)

  it("tells late from doubled", function()
    local receipts, missing = bench.ledger({ 0, 2, 1, 1, 2, 0 }, 3)
    assert.same({ "in order", "in order", "late", "doubled", "doubled", "doubled" }, receipts)
    assert.equal(0, missing)
  end)

  it("remembers the last 64, and takes older ones for late while something is missing", function()
    local numbers = {}
    for i = 0, 200 do numbers[#numbers + 1] = i end
    numbers[#numbers + 1] = 5
    local receipts = bench.ledger(numbers, 201)
    assert.equal("doubled", receipts[#receipts])
    table.remove(numbers, 4) -- the number 3
    receipts = bench.ledger(numbers, 201)
    assert.equal("late", receipts[#receipts])
    numbers = {}
    for i = 0, 63 do numbers[#numbers + 1] = 63 - i end
    local missing
    receipts, missing = bench.ledger(numbers, 64)
    assert.equal("late", receipts[64])
    assert.equal(0, missing)
  end)

  it("forgets what lies more than 64 back when numbers leap", function()
    local receipts, missing = bench.ledger({ 0, 1000, 999, 999 }, 1001)
    assert.same({ "in order", "in order", "late", "doubled" }, receipts)
    assert.equal(998, missing)
  end)
end)
