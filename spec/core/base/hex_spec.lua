local hex = require "room.hex"

describe("base/hex", function()
  it("knows every digit, and no other byte", function()
    for byte = 0, 255 do
      local char = string.char(byte)
      assert.equal(char:find("^%x$") and tonumber(char, 16) or -1, hex.digit(char), byte)
    end
  end)

  it("reads digits as a number", function()
    assert.equal(0, hex.value "")
    assert.equal(0xbeef, hex.value "bEEf")
    assert.equal(0xffffffff, hex.value "FFFFFFFF")
  end)

  it("decodes %XX and leaves a % that begins none", function()
    assert.equal("", hex.decode "")
    assert.equal("a b/c", hex.decode "a%20b%2Fc")
    assert.equal("\0\255", hex.decode "%00%fF")
    assert.equal("100%", hex.decode "100%")
    assert.equal("%2", hex.decode "%2")
    assert.equal("%g0%0g", hex.decode "%g0%0g")
    assert.equal("%41", hex.decode "%2541")
  end)
end)
