local bench = require "room.bench"

describe("a stamp", function()
  it("comes back as it went", function()
    local text = bench.stamp(0xdeadbeef, 77, 123456, 987654321987654)
    assert.equal(43, #text)
    assert.same({ { 0xdeadbeef, 77, 123456, 987654321987654 } }, (bench.find_stamps(text)))
  end)

  it("is found in the middle, several in one text, and tells what follows", function()
    local a, b = bench.stamp(1, 2, 3, 4), bench.stamp(5, 6, 7, 8)
    local found, rest = bench.find_stamps('{"data":"' .. a .. 'xxx"}\n{"data":"' .. b .. 'yyy"}')
    assert.same({ { 1, 2, 3, 4 }, { 5, 6, 7, 8 } }, found)
    assert.equal('yyy"}', rest)
  end)

  it("is not seen where bytes only look like one", function()
    local whole = bench.stamp(1, 2, 3, 4)
    for _, text in ipairs { "", "@", "@@", whole:sub(1, -2), whole:gsub("0", "g", 1), whole:upper():gsub("0", "G", 1),
      whole:sub(2), ("@"):rep(200) } do
      assert.same({}, (bench.find_stamps(text)))
    end
    assert.same({ { 1, 2, 3, 4 } }, (bench.find_stamps("@@@" .. whole)))
  end)
end)
