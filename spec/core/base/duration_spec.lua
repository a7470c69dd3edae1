local duration = require("room.rate").duration

describe("a duration", function()
  it("is a whole number and a unit", function()
    assert.equal(250, duration "250ms")
    assert.equal(30000, duration "30s")
    assert.equal(300000, duration "5m")
    assert.equal(86400000, duration "24h")
    assert.equal(7 * 86400000, duration "7d")
    assert.equal(0, duration "0s")
    assert.equal(999999999 * 86400000, duration "999999999d")
  end)

  it("is nothing else", function()
    for _, text in ipairs { "", "5", "s", "5 s", " 5s", "5s ", "-5s", "5.5s", "5x", "5S", "1h30m", "1000000000s", "0x5s" } do
      assert.is_nil(duration(text), text)
    end
  end)
end)
