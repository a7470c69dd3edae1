local pattern = require "room.pattern"

local function compile(text)
  return assert(pattern.new(text))
end

local function match(text, name)
  return compile(text):match(name)
end

local function refused(text)
  local p, why = pattern.new(text)
  assert.is_nil(p, text)
  return why
end

describe("rule/pattern", function()
  it("takes one segment for a {name} and nothing but a whole one", function()
    assert.same({ room = "lobby" }, match("chat:{room}", "chat:lobby"))
    assert.is_nil(match("chat:{room}", "chat:"))
    assert.is_nil(match("chat:{room}", "chat:a:b"))
    assert.is_nil(match("chat:{room}", "chat:a/b"))
    assert.is_nil(match("chat:{room}", "chat"))
    assert.is_nil(match("chat:{room}", "chats:a"))
    assert.is_nil(match("chat:{room}", "cha:a"))
    assert.is_nil(match("chat:{room}", ""))
  end)

  it("takes names that are text of any script, or hold bytes of any kind", function()
    assert.same({ room = "käse 奶酪 {x} *" }, match("chat:{room}", "chat:käse 奶酪 {x} *"))
    assert.same({ room = "a\0b" }, match("chat:{room}", "chat:a\0b"))
  end)

  it("tells ':' from '/'", function()
    assert.same({ a = "x", b = "y" }, match("{a}:{b}", "x:y"))
    assert.is_nil(match("{a}:{b}", "x/y"))
    assert.same({ a = "x", b = "y" }, match("p/{a}:q/{b}", "p/x:q/y"))
  end)

  it("takes all the rest for '*', but not nothing", function()
    assert.same({}, match("news:*", "news:a"))
    assert.same({}, match("news:*", "news:a:b/c:"))
    assert.same({}, match("news:*", "news::"))
    assert.is_nil(match("news:*", "news:"))
    assert.is_nil(match("news:*", "news"))
    assert.same({}, match("*", "anything:at/all"))
    assert.is_nil(match("*", ""))
    assert.same({ a = "x" }, match("{a}:*", "x:y:z"))
  end)

  it("takes a plain name for itself, empty segments included", function()
    assert.same({}, match("alerts", "alerts"))
    assert.is_nil(match("alerts", "alert"))
    assert.is_nil(match("alerts", "alerts:"))
    assert.same({}, match("a::b", "a::b"))
    assert.same({}, match("a:", "a:"))
    assert.is_nil(match("a:", "a"))
  end)

  it("lists its parameters in order and knows its text", function()
    local p = compile("t/{tenant}:{room}:*")
    assert.same({ "tenant", "room" }, p:params())
    assert.equal("t/{tenant}:{room}:*", p:text())
  end)

  it("refuses what could not be meant, and says why", function()
    assert.matches("1 to 255", refused(""))
    assert.matches("1 to 255", refused(("a"):rep(256)))
    assert.matches("fills the whole", refused("chat:a{room}"))
    assert.matches("fills the whole", refused("chat:{room}b"))
    assert.matches("fills the whole", refused("{room"))
    assert.matches("fills the whole", refused("room}"))
    assert.matches("is not a name", refused("{}"))
    assert.matches("is not a name", refused("{1a}"))
    assert.matches("is not a name", refused("{a-b}"))
    assert.matches("is not a name", refused("{a}{b}"))
    assert.matches("{a} is there twice", refused("{a}:{a}"), 1, true)
    assert.matches("stands alone, at the end", refused("a:*:b"))
    assert.matches("stands alone, at the end", refused("*/"))
    assert.matches("stands alone, at the end", refused("news*"))
    assert.matches("control character", refused("a\nb"))
    assert.matches("control character", refused("a\0b"))
    assert.is_nil(refused("a{room}"):find("pattern", 1, true)) -- whoever declares it names it
  end)

  it("refuses what no channel's name can match", function()
    local why = "no channel can match it: names are visible ASCII characters, and there is "
    assert.equal(why .. "a space in it", refused("a b"))
    assert.equal(why .. "a space in it", refused("a:{x} "))
    assert.equal(why .. "a letter in it that is not ASCII", refused("Öl:{x}"))
    assert.equal(why .. "a control character in it", refused("a\127"))
    for byte = 0, 255 do
      local is_fine = byte > 0x20 and byte < 0x7f and not ("{}*"):find(string.char(byte), 1, true)
      assert.equal(is_fine, pattern.new("a" .. string.char(byte)) ~= nil, byte)
    end
  end)

  it("has room for 16 names and refuses the 17th", function()
    local names = {}
    for i = 1, 16 do
      names[i] = "{p" .. i .. "}"
    end
    local text = table.concat(names, ":")
    assert.equal("x16", match(text, "x1:x2:x3:x4:x5:x6:x7:x8:x9:x10:x11:x12:x13:x14:x15:x16").p16)
    assert.matches("more than 16", refused(text .. ":{p17}"))
  end)

  it("finds a literal more specific than {}, and {} than *", function()
    local order = { "chat:lobby", "chat:{room}", "chat:*", "{kind}:lobby", "{kind}:{room}", "{kind}:*", "*" }
    for i, a in ipairs(order) do
      for j, b in ipairs(order) do
        local compared = compile(a):compare(compile(b))
        if i == j then
          assert.equal(0, compared)
        else
          assert.equal(i < j, compared < 0, a .. " with " .. b)
        end
      end
    end
    assert.equal(0, compile("a:{x}"):compare(compile("a:{y}")))
  end)

  it("knows which two patterns some name could match both", function()
    local function overlaps(a, b)
      local there, back = compile(a):overlaps(compile(b)), compile(b):overlaps(compile(a))
      assert.equal(there, back)
      return there
    end
    assert.is_true(overlaps("a:{x}", "a:{y}"))
    assert.is_true(overlaps("a:{x}", "{y}:b"))
    assert.is_true(overlaps("a:*", "a:{x}:c"))
    assert.is_true(overlaps("*", "a"))
    assert.is_true(overlaps("a:*", "a::"))
    assert.is_false(overlaps("a:{x}", "b:{x}"))
    assert.is_false(overlaps("a:{x}", "a/{x}"))
    assert.is_false(overlaps("a:{x}", "a:{x}:b"))
    assert.is_false(overlaps("a:{x}", "a:"))
    assert.is_false(overlaps("a:*", "a:"))
    assert.is_false(overlaps("a:*", "a"))
    assert.is_false(overlaps("a:b", "a:c"))
  end)

  it("never says that patterns do not overlap when a name matches both", function()
    math.randomseed(11)
    local parts, texts = { "a", "b", "{x}", "{y}", "*", "" }, {}
    local function random_pattern()
      local out = {}
      for i = 1, math.random(1, 3) do
        out[#out + 1] = (i > 1 and ({ ":", "/" })[math.random(2)] or "") .. parts[math.random(#parts)]
      end
      return pattern.new(table.concat(out)) or random_pattern()
    end
    local names = {}
    for _, first in ipairs { "a", "b", "c", "" } do
      for _, sign in ipairs { ":", "/" } do
        for _, second in ipairs { "a", "b", "", "b:a", "b/", ":" } do
          names[#names + 1] = first .. sign .. second
        end
      end
      names[#names + 1] = first
    end
    local both = 0
    for _ = 1, 2000 do
      local p, q = random_pattern(), random_pattern()
      local shared = nil
      for _, name in ipairs(names) do
        if p:match(name) and q:match(name) then
          shared, both = name, both + 1
        end
      end
      texts[#texts + 1] = p:text()
      if shared then
        assert.is_true(p:overlaps(q), p:text() .. " and " .. q:text() .. " for " .. shared)
      end
    end
    assert.is_true(both > 100)
  end)
end)
