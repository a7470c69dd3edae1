local buf = require "room.buf"

describe("base/buf", function()
  it("is empty and owns nothing at first", function()
    local b = buf.new()
    assert.equal("", b:bytes())
    assert.equal(0, b:room())
    b:add("")
    assert.equal(0, b:room())
  end)

  it("holds what was added, any bytes, in order", function()
    local b = buf.new()
    b:add("a\0b")
    b:add_text("cd")
    b:add_byte(255)
    b:add("")
    b:printf("x", -7)
    assert.equal("a\0bcd\255<x|-7>", b:bytes())
  end)

  it("writes numbers in decimal, up to the greatest", function()
    for n, text in pairs { [0] = "0", [9] = "9", [10] = "10", [math.maxinteger] = "9223372036854775807",
      [-1] = "18446744073709551615" } do
      local b = buf.new()
      b:add_unsigned(n)
      assert.equal(text, b:bytes())
    end
  end)

  it("formats text of any length", function()
    for length = 50, 200 do
      local b = buf.new()
      b:printf(("x"):rep(length), 1)
      assert.equal("<" .. ("x"):rep(length) .. "|1>", b:bytes())
    end
  end)

  it("makes room without changing what it holds", function()
    local b = buf.new()
    b:add("abc")
    assert.is_true(b:reserve(10000) >= 10003)
    assert.equal("abc", b:bytes())
    assert.equal(b:room(), b:reserve(10))
  end)

  it("grows by doubling, so that many small pieces cost little", function()
    local b, moves, room = buf.new(), 0, 0
    for _ = 1, 100000 do
      b:add("x")
      if b:room() ~= room then moves, room = moves + 1, b:room() end
    end
    assert.is_true(moves <= 12)
    assert.is_true(room <= 200000)
  end)

  it("puts a NUL after text without counting it", function()
    local b = buf.new()
    assert.equal("", b:text())
    for _ = 1, 200 do
      b:add("x")
      assert.equal(b:bytes(), b:text())
    end
  end)

  it("removes bytes from the front", function()
    local b = buf.new()
    b:shift(0)
    b:add("abcdef")
    b:shift(0)
    b:shift(2)
    assert.equal("cdef", b:bytes())
    b:shift(4)
    assert.equal("", b:bytes())
  end)

  it("forgets its bytes but keeps its memory when cleared", function()
    local b = buf.new()
    b:add("abc")
    local room = b:room()
    b:clear()
    assert.equal("", b:bytes())
    assert.equal(room, b:room())
  end)

  it("gives its bytes away and is empty afterwards", function()
    local b = buf.new()
    b:add("a\0bc")
    assert.equal("a\0bc", b:take())
    assert.equal(0, b:room())
    assert.equal("", b:take())
    b:add("d")
    assert.equal("d", b:bytes())
  end)

  it("may be finished twice and used again", function()
    local b = buf.new()
    b:add("abc")
    b:finish()
    b:finish()
    b:add("d")
    assert.equal("d", b:bytes())
  end)
end)
