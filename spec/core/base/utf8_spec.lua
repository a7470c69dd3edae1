local room = require "room.utf8"

-- Every character of two to four bytes at the borders of what is allowed, and just beyond them.
local first = { 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff, 0x80, 0x41 }
local next_ = { 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0 }

local function all_borders(visit)
  for _, a in ipairs(first) do
    for _, b in ipairs(next_) do
      visit(string.char(a, b))
      for _, c in ipairs(next_) do
        visit(string.char(a, b, c))
        for _, d in ipairs(next_) do visit(string.char(a, b, c, d)) end
      end
    end
  end
end

describe("base/utf8", function()
  it("agrees with Lua at every border, in text of any length", function()
    local wrong = {}
    all_borders(function(bytes)
      for _, text in ipairs { bytes, "ä" .. bytes, bytes .. "日本語", ("x"):rep(33) .. bytes .. ("y"):rep(9) } do
        local is_valid = utf8.len(text) ~= nil
        if (room.check(text) == "whole") ~= is_valid then wrong[#wrong + 1] = text end
        if room.is_valid(text) ~= is_valid then wrong[#wrong + 1] = text end
      end
    end)
    assert.same({}, wrong)
  end)

  it("comes to the same answer wherever text is cut", function()
    local wrong = {}
    all_borders(function(bytes)
      local text = "a" .. bytes .. "é"
      for at = 0, #text do
        local answer = room.check(text:sub(1, at), text:sub(at + 1))
        if answer ~= room.check(text) then wrong[#wrong + 1] = text end
      end
    end)
    assert.same({}, wrong)
  end)

  it("tells text that ends inside a character from text that is wrong", function()
    for _, text in ipairs { "\xc3", "a\xe2\x82", "\xf0\x9f\x98", "\xf4\x8f", "ä\xed\x9f" } do
      assert.equal("begun", room.check(text))
    end
    for _, text in ipairs { "\x80", "\xed\xa0", "\xf4\x90", "\xe0\x9f", "\xf0\x8f", "\xf5", "\xc1" } do
      assert.equal("bad", room.check(text))
    end
    assert.equal("whole", room.check("", "a", ""))
  end)

  it("measures the character that text begins with", function()
    for length, text in ipairs { "a", "ä", "€", "😀" } do
      assert.equal(length, room.char(text))
      assert.equal(length, room.char(text .. "\xff"))
      if length > 1 then assert.equal(0, room.char(text:sub(1, -2))) end
    end
    assert.equal(1, room.char("\0"))
    assert.equal(0, room.char(""))
    assert.equal(0, room.char("\x80"))
    assert.equal(0, room.char("\xed\xa0\x80"))
  end)

  it("writes every code point as Lua does", function()
    local wrong = {}
    for point = 0, 0x10ffff, 13 do
      if (point < 0xd800 or point > 0xdfff) and room.put(point) ~= utf8.char(point) then wrong[#wrong + 1] = point end
    end
    for _, point in ipairs { 0, 0x7f, 0x80, 0x7ff, 0x800, 0xffff, 0x10000, 0x10ffff } do
      assert.equal(utf8.char(point), room.put(point))
    end
    assert.same({}, wrong)
  end)

  it("cuts text between characters", function()
    local text = "aé日😀z"
    local kept = {}
    for max = 0, #text + 1 do kept[#kept + 1] = room.cut(text, max) end
    assert.same({ "", "a", "a", "aé", "aé", "aé", "aé日", "aé日", "aé日", "aé日", "aé日😀", text, text }, kept)
  end)

  it("drops the half character that text was cut in already", function()
    assert.equal("aé", room.cut("aé\xf0\x9f\x98", 99))
    assert.equal("aé", room.cut("aé\xf0", 99))
    assert.equal("", room.cut("\xe6\x97", 2))
  end)

  it("leaves bytes that are no text as they are", function()
    assert.equal("a\x80\x80", room.cut("a\x80\x80", 3))
    assert.equal(("\x80"):rep(7), room.cut(("\x80"):rep(9), 7))
  end)
end)
