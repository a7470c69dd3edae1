local bench = require "room.bench"

local function unmask(bytes, head)
  local key, out = bytes:sub(head + 1, head + 4), {}
  for i = head + 5, #bytes do
    local at = (i - head - 5) % 4 + 1
    out[#out + 1] = string.char(bytes:byte(i) ~ key:byte(at))
  end
  return table.concat(out)
end

describe("frames of a client", function()
  it("are masked, whatever their length", function()
    for len, head in pairs { [0] = 2, [1] = 2, [7] = 2, [8] = 2, [125] = 2, [126] = 4, [65535] = 4, [65536] = 10 } do
      local payload = ("abcdefg"):rep(len // 7 + 1):sub(1, len)
      local bytes = bench.mask(1, payload, 0x12345678)
      assert.equal(0x81, bytes:byte(1))
      assert.equal(0x80, bytes:byte(2) & 0x80)
      assert.equal(payload, unmask(bytes, head))
    end
  end)
end)

describe("frames of a server", function()
  local function take(bytes) return { bench.take_frame(bytes) } end

  it("are found whole, or not yet", function()
    for _, frame in ipairs { "\x81\x00", "\x81\x03abc", "\x82\x7e\x00\x80" .. ("x"):rep(128),
      "\x82\x7f\0\0\0\0\0\1\0\0" .. ("y"):rep(65536) } do
      for cut = 0, #frame - 1, #frame > 1000 and 9999 or 1 do assert.same({ 0 }, take(frame:sub(1, cut))) end
      local found = take(frame .. "more")
      assert.equal(#frame, found[1])
      assert.equal(frame:byte(1) & 15, found[2])
      assert.is_true(found[3])
      assert.equal(frame:sub(-#found[4]), #found[4] > 0 and found[4] or frame)
    end
    assert.is_false(take("\x01\x01a")[3])
  end)

  it("are refused when no server sends such", function()
    assert.matches("masked", take("\x81\x83abcdefg")[2])
    assert.matches("extension", take("\xc1\x03abc")[2])
    assert.matches("more than", take("\x82\x7f\1\0\0\0\0\0\0\0")[2])
  end)
end)
