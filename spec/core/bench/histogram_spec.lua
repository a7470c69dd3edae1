local bench = require "room.bench"

describe("the histogram", function()
  it("knows small values exactly", function()
    local values = {}
    for i = 1, 100 do values[i] = i end
    assert.same({ 50, 90, 99, 100, 100 }, { bench.histogram(values, 0.5, 0.9, 0.99, 0.999, 1) })
  end)

  it("says 0 of nothing", function()
    assert.equal(0, (bench.histogram({}, 0.5)))
  end)

  it("is right to one part in 128, and never below the truth, whatever the range", function()
    math.randomseed(11)
    local values = {}
    for i = 1, 5000 do values[i] = math.floor(math.exp(math.random() * 40)) end
    local sorted = table.move(values, 1, #values, 1, {})
    table.sort(sorted)
    for _, share in ipairs { 0.001, 0.25, 0.5, 0.9, 0.99, 0.999 } do
      local truth = sorted[math.ceil(share * #sorted)]
      local told = bench.histogram(values, share)
      assert.is_true(told >= truth and told <= truth + truth // 128 + 1, ("%g: %d for %d"):format(share, told, truth))
    end
  end)

  it("knows the greatest value exactly", function()
    assert.equal(123456789123, (bench.histogram({ 5, 123456789123, 17 }, 1)))
    assert.equal(math.maxinteger, (bench.histogram({ math.maxinteger }, 0.5)))
  end)
end)
