-- string.find, match, gmatch and gsub of the sandbox, compared with those of the Lua that runs this.
local room = require "room.vm"

-- Runs in both: makes CASES patterns, texts and replacements from SEED, and returns all that the four functions say.
local CASES = [==[
local seed = SEED
local function random(n)
  seed = (seed * 6364136223846793005 + 1442695040888963407) & 0x7fffffffffffffff
  return (seed >> 33) % n + 1
end
local function one(list) return list[random(#list)] end

local LETTERS = { "a", "b", "a", "b", "A", "B", "0", "7", " ", "\n", "_", "(", ")", "-", "%", "]", "[", "^", "$",
  ".", "\0", "\255", "ab", "aab" }
local SINGLES = { "a", "b", ".", "a", "b", ".", "0", " ", "_", "]", "^", "$", "-", "\0", "\255", "%(", "%)", "%%",
  "%.", "%]", "%-", "%_", "%^",
  "%a", "%A", "%c", "%C", "%d", "%D", "%g", "%G", "%l", "%L", "%p", "%P", "%s", "%S", "%u", "%U", "%w", "%W", "%x",
  "%X", "%z", "%Z", "%e", "%E" }
local SETS = { "[ab]", "[^a]", "[a-b]", "[^a-z]", "[]]", "[]a]", "[^]]", "[^]a]", "[a-]", "[-a]", "[a-%%]", "[%a-z]",
  "[%w_]", "[^%s]",
  "[%]]", "[%-a]", "[a-b-0]", "[\0-\127]", "[\128-\255]", "[^\0]", "[.]", "[%.a]", "[^^]", "[a^]", "[$]", "[(]",
  "[%D0]", "[b-a]", "[%b]" }
local BROKEN = { "[", "[a", "[^", "[]", "[^]", "[a-", "[%", "[%]", "[a%", "%", "%b", "%b(", "%f", "%fa", "%f[",
  "%f[a", "(", ")", "(", ")", "())",
  "%0", "%1", "%2", "%9" }
local OTHERS = { "%b()", "%bab", "%baa", "%b  ", "%f[a]", "%f[^a]", "%f[%w]", "%f[\0]", "%f[%W]", "^", "$", "()",
  "(a", "b)", "(.", ".)", "(a*)", "(.-)",
  "(b?)", "(%w+)", "()", "%1", "%2", "((a)", "(())", "%1*", "%f[a]*", "%b()?", "()+", "(a)-" }
local SIGNS = { "", "", "", "", "*", "+", "-", "?", "*", "+", "-", "?", "**", "+-", "??" }
local TEMPLATES = { "", "x", "<%0>", "%1", "%1%2", "[%0%1]", "%%", "%%%0", "%2", "%9", "%", "a%", "%x", "%\0",
  "\0%0\0", "%0%0", 7, 1.5 }

local function text()
  local out = {}
  for i = 1, random(10) - 1 do out[i] = one(LETTERS) end
  return table.concat(out)
end

local function pattern()
  local out = { random(8) == 1 and "^" or nil }
  for _ = 1, random(6) - (random(30) == 1 and 1 or 0) do
    local kind = random(20)
    if kind <= 10 then out[#out + 1] = one(SINGLES) .. one(SIGNS)
    elseif kind <= 14 then out[#out + 1] = one(SETS) .. one(SIGNS)
    elseif kind <= 19 then out[#out + 1] = one(OTHERS)
    else out[#out + 1] = one(BROKEN) end
  end
  if random(8) == 1 then out[#out + 1] = "$" end
  return table.concat(out)
end

local function show(...)
  local out = {}
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    out[i] = type(value) == "string" and ("%q"):format(value) or tostring(value)
  end
  return table.concat(out, " ")
end

local lines = {}
local function line(what, ...) lines[#lines + 1] = what .. " -> " .. show(...) end

local function collect(s, p, init)
  local out, n = {}, 0
  for a, b, c in s:gmatch(p, init) do
    n = n + 1
    out[n] = show(a, b, c)
  end
  return n, table.concat(out, ",")
end

local function answer(...)
  local n = random(6)
  if n == 1 then return nil elseif n == 2 then return false elseif n == 3 then return 12 end
  if n == 4 and random(10) == 1 then return {} end
  return "<" .. show(...) .. ">"
end
local ANSWERS = setmetatable({ a = "1", b = false, ab = "%0", [1] = "one", [2] = 2.5,
  ["0"] = random(10) == 1 and {} or nil },
  { __index = function(_, key) if key == " " then return "space" end end })

for _ = 1, COUNT do
  local s, p, init = text(), pattern(), random(16) - 6
  local template, limit = one(TEMPLATES), random(5) - 2
  local what = show(s, p, init)
  line("find " .. what, pcall(function() return s:find(p) end))
  line("find from " .. what, pcall(function() return s:find(p, init) end))
  line("plain find " .. what, pcall(function() return s:find(p, init, true) end))
  line("match " .. what, pcall(function() return s:match(p, init) end))
  line("gmatch " .. what, pcall(function() return collect(s, p) end))
  line("gmatch from " .. what, pcall(function() return collect(s, p, init) end))
  line("gsub " .. what .. " " .. show(template), pcall(function() return s:gsub(p, template) end))
  line("gsub at most " .. what .. limit, pcall(function() return s:gsub(p, template, limit) end))
  line("gsub by table " .. what, pcall(function() return s:gsub(p, ANSWERS) end))
  line("gsub by function " .. what, pcall(function() return s:gsub(p, answer) end))
end
return table.concat(lines, "\0\n")
]==]

local function run(source, memory, ms)
  local vm = room.new(memory or 64 << 20, ms or 10000)
  local out = vm:run(source)
  return out.how == "done" and out.result or out.how .. ": " .. out.text, vm
end

-- Later versions of 5.4 say more of where a wrong index stands.
local function common(text)
  return (text:gsub("(invalid capture index %%%d+) in %a+ ?%a*", "%1"))
end

local function split(text)
  local lines = {}
  for line in (text .. "\0\n"):gmatch "(.-)%z\n" do lines[#lines + 1] = line end
  return lines
end

local function same_as_stock(source, note)
  local ours = common(run(source))
  local stock = common(tostring(assert(load(source, "@chunk.lua"))()))
  if ours == stock then return ours end
  local a, b = split(ours), split(stock)
  for i = 1, math.max(#a, #b) do assert.equal(b[i], a[i], note) end
end

-- One expression a line, as somebody would write it.
local WRITTEN = [==[
("hello world"):find("wor")
("hello world"):find("l", 5)
("hello world"):find("xuxu")
("hello"):find("")
("hello"):find("", 6)
("hello"):find("", 7)
("hello"):find("", -100)
("hello"):find("l+")
("hello"):find("(l)(l)")
("a.b"):find(".", 2, true)
("a+b"):find("+", 1, true)
("a\0b"):find("\0")
("a\0b\0c"):find("%z", 3)
("a\0b"):match("[^\0]+$")
string.find(10203, 2)
string.find("abc", "b", "2")
("hello"):match("^(h)(.-)o$")
("key = value"):match("^(%w+)%s*=%s*(%w+)$")
("  trim  "):match("^%s*(.-)%s*$")
("2024-11-24"):match("(%d+)-(%d+)-(%d+)")
("flaaap"):match("()aa()")
("THE (quick) fox"):find("%((%a+)%)")
("f(a(b)c)d)"):match("%b()")
("THE (quick) fox"):gsub("%f[%a]%a+", string.lower)
([[say "it's" 'no']]):match([[(["'])(.-)%1]])
("hello world"):gsub("(%w+)", "%1 %1")
("hello world"):gsub("%w+", "%0 %0", 1)
("hello world from Lua"):gsub("(%w+)%s*(%w+)", "%2 %1")
("$name-$version"):gsub("%$(%w+)", { name = "lua", version = "5.4" })
("4+5 = $return$"):gsub("%$(.-)%$", function(s) return #s end)
("abc"):gsub("", "-")
("abc"):gsub(".-", "x")
("abc"):gsub("b*", "x")
("hello"):gsub("l", { l = false })
("hello"):gsub("l", {})
("hello"):gsub("(h)(e)", function(a, b) return b .. a end)
("abc"):gsub("^a", "x")
("aaa"):gsub("^a", "x")
("^a"):gsub("%^a", "x")
("abc"):gsub("%w", "%%%0")
("abc"):gsub("b", 12)
("abc"):gsub("()", "%1")
("abc"):gsub("()", function(at) return at end)
("abc"):gsub("b", "x", 0)
("abc"):gsub("b", "x", -1)
("abc"):gsub("b", "x", "1")
("abc"):gsub("b", "x", 1.0)
("abc"):gmatch("^a")()
("abc"):gmatch("b", 3)()
("abc"):gmatch("c", -1)()
("abc"):gmatch("", 10)()
("abc"):gmatch("()", 4)()
select("#", ("abc"):gmatch("x")())
select("#", ("abc"):match("x"))
("\255"):match("[\200-\255]")
("x^y"):match("[x^]+")
("a-b"):match("[a%-]+")
("]"):match("[]]")
("a$"):match("a$$")
("a$b"):match("a$b")
("aXb"):match("%u%l")
("a"):rep(300):find(("a?"):rep(199))
("a"):rep(300):match(("()"):rep(32))
("a.b"):gsub("%.", "%%")
]==]

local MISTAKES = [==[
("a"):gsub("a", "%2")
("a"):gsub("(a)", "%2")
("a"):gsub("a", "%")
("a"):gsub("a", "%x")
("a"):gsub("a", function() return {} end)
("a"):gsub("a", { a = true })
("a"):gsub("a", true)
("a"):gsub("a")
("a"):gsub("a", nil, {})
("a"):gsub("a", "x", 1.5)
("a"):gsub("a", "x", "many")
("a"):gsub()
("a"):find()
("a"):find({})
("a"):find("a", {}, {})
("a"):find("a", 1.5)
("a"):match("a", "x")
("a"):gmatch()
("a"):gmatch("a", true)
string.find()
string.match(nil, "a")
string.gsub({}, "a", "b")
("a"):match("[a")
("a"):match("[]")
("a"):match("[^]")
("a"):match("[a%")
("a"):match("a%")
("a"):match("%")
("a"):match("%f")
("a"):match("%fa")
("a"):match("%b")
("a"):match("%bx")
("a"):match("(a")
("a"):match("a)")
("a"):match("(()")
("a"):match("(a)%2")
("a"):match("(a%1)")
("a"):match("%0")
("a"):match("%1")
("a"):gsub("(a", "%1")
("a"):gsub("(a", {})
("a"):gmatch("(a")()
("a"):match(("()"):rep(33))
("a"):rep(300):match(("a?"):rep(200))
("ab"):rep(150):match(("a*b*"):rep(100))
("ab"):rep(150):match(("a+b+"):rep(100))
("a"):rep(300):match(("a-"):rep(200) .. "b")
("a"):gsub("a", error)
("a"):gsub("a", function() local t = nil; return t.x end)
("a"):gsub("a", setmetatable({}, { __index = function() error("no") end }))
]==]

-- Nothing of this ends by itself in a lifetime, or in more than the budget at least.
local HOSTILE = {
  ["shortest repetitions"] = "return (('a'):rep(100)):find(('.-'):rep(20) .. 'b')",
  ["longest repetitions"] = "return (('a'):rep(100)):match(('a*'):rep(20) .. 'b')",
  ["repetitions of at least one"] = "return (('a'):rep(100)):match(('[ab]+'):rep(20) .. 'c')",
  ["optional characters"] = "return (('a'):rep(100)):match(('a?'):rep(100) .. ('a'):rep(100) .. 'b')",
  ["captures"] = "return (('a'):rep(100)):match(('(.-)'):rep(20) .. 'b')",
  ["back references"] = "return (('a'):rep(200000)):match('(.*)(.*)%1%2b')",
  ["a repetition before what never comes"] = "return (('a'):rep(1 << 20)):match('.-b')",
  ["a long run tried from everywhere"] = "return (('a'):rep(1 << 20)):match('a*b')",
  ["brackets that are never closed"] = "return (('('):rep(1 << 20)):gsub('%b()', '')",
  ["a long set"] = "return (('a'):rep(1 << 20)):match('[' .. ('b'):rep(1 << 16) .. ']')",
  ["a run of a long set"] = "return (('a'):rep(1 << 20)):match('[' .. ('b'):rep(1 << 16) .. 'a]*$')",
  ["a long set on a frontier"] = "return (('ab'):rep(1 << 20)):match('%f[' .. ('b'):rep(1 << 16) .. ']c')",
  ["a long template for nothing"] = "return (('a'):rep(1 << 20)):gsub('()', ('%1'):rep(1 << 16):gsub('1', '1'))",
  ["gsub"] = "return (('a'):rep(100)):gsub(('.-'):rep(20) .. 'b', '')",
  ["gmatch"] = "for _ in (('a'):rep(100)):gmatch(('.-'):rep(20) .. 'b') do end",
  ["many short calls"] = "while true do (('a'):rep(60)):find('.-.-b') end",
  ["a caught one, again and again"] = [[
    while true do pcall(string.find, ('a'):rep(100), ('.-'):rep(20) .. 'b') end]],
  ["one in a callback of gsub, caught"] = [[
    while true do
      pcall(string.gsub, 'aaa', 'a', function() return (('a'):rep(100)):find(('.-'):rep(20) .. 'b') end)
    end]],
  ["one in a comparison of sort, caught"] = [[
    while true do
      pcall(table.sort, { 3, 2, 1 }, function() return (('a'):rep(100)):find(('.-'):rep(20) .. 'b') end)
    end]],
  ["one in an index metamethod of gsub's table"] = [[
    local t = setmetatable({}, { __index = function() return (('a'):rep(100)):find(('.-'):rep(20) .. 'b') end })
    return (('a'):gsub('a', t))]],
  ["one in an iteration that is left with a close handler"] = [[
    local x <close> = setmetatable({}, { __close = function() return (('a'):rep(100)):find(('.-'):rep(20) .. 'b') end })
    return (('a'):rep(100)):find(('.-'):rep(20) .. 'b')]],
}

-- A VM whose budget is used up at the second look at the clock, and what vm_charge may hear until then: two
-- intervals of vm.c, and what is told at once.
local NO_TIME, CHARGE_MAX = 0, 4 << 18

local BUILDING = [[
  local n, s = 0, ("abc "):rep(3000)
  local out, count = s:gsub("(%w+)", function(word) n = n + 1 return word:upper() .. n end)
  local again = out:gsub("%d", { ["1"] = "one" }):gsub("%s+", "%0%0")
  local words = {}
  for word in again:gmatch "%a+" do words[#words + 1] = word end
  return #out + #again + #words + count]]

describe("script/match", function()
  local ROUNDS, COUNT = 125, 400 -- 50,000 pairs
  local SEED_OF_ALL = tonumber(os.getenv "SEED" or "") or 0

  it("says what stock Lua says, for 50,000 patterns and texts of every kind", function()
    local unseen = { "missing ']'", "ends with '%'", "arguments to '%b'", "missing '[' after '%f'",
  "unfinished capture",
      "invalid pattern capture", "invalid capture index", "invalid use of '%'", "invalid replacement value" }
    for round = 1, ROUNDS do
      local seed = round * 7919 + SEED_OF_ALL
      local out = same_as_stock((CASES:gsub("SEED", tostring(seed)):gsub("COUNT", tostring(COUNT))), "seed " .. seed)
      for i = #unseen, 1, -1 do
        if out:find(unseen[i], 1, true) then table.remove(unseen, i) end
      end
    end
    assert.equal("", table.concat(unseen, ", "))
  end)

  local function show_all(expressions)
    local source = { [[
      local lines = {}
      local function add(...)
        local out = { select("#", ...) }
        for i = 1, out[1] do
          local value = select(i, ...)
          out[i + 1] = type(value) == "string" and ("%q"):format(value) or tostring(value)
        end
        lines[#lines + 1] = table.concat(out, " ")
      end]] }
    for expression in expressions:gmatch "[^\n]+" do
      source[#source + 1] = "add(pcall(function() return " .. expression .. " end))"
    end
    source[#source + 1] = "return table.concat(lines, '\\0\\n')"
    return table.concat(source, "\n")
  end

  it("does what the manual says", function()
    local lines = split(same_as_stock(show_all(WRITTEN)))
    for _, line in ipairs(lines) do assert.truthy(line:find("^%d+ true"), line) end
    assert.equal("hello hello world world", run [[return (("hello world"):gsub("(%w+)", "%1 %1"))]])
    assert.equal("-a-b-c-", run [[return (("abc"):gsub("", "-"))]])
    assert.equal("xax", run [[return (("bab"):gsub("b*", "x"))]])
  end)

  it("finds the mistakes that stock Lua finds, in its words", function()
    for i, line in ipairs(split(same_as_stock(show_all(MISTAKES)))) do
      assert.truthy(line:find("^2 false"), i .. " " .. line)
    end
  end)

  it("goes on where a callback left, whatever that does with the functions", function()
    assert.equal("<a1-b2-c3><d4>", run [[
      local n = 0
      return (("abc d"):gsub("%a+%s?", function(word)
        local inner = word:gsub("%a", function(c) n = n + 1 return c .. n .. "-" end)
        return "<" .. inner:match("^(.-)-?%s*$") .. ">"
      end))]])
    assert.equal("chunk.lua:2: no", run [[
      return select(2, pcall(string.gsub, "a", "a", function()
        error("no") end))]])
  end)

  it("keeps two iterators apart, and ends for good", function()
    assert.equal("a1b2nil0", run [[
      local a, b = ("a b"):gmatch("%a"), ("1 2"):gmatch("%d")
      return a() .. b() .. a() .. b() .. tostring((a())) .. select("#", a())]])
  end)

  it("takes texts and patterns of any length", function()
    assert.equal("5000001", run "return (('x'):rep(5000000) .. 'y'):match('()y')")
    assert.equal("200000", run "local s = ('x'):rep(200000) return select(2, s:find('^' .. s .. '$'))")
    assert.equal("300000", run "return #(('ab '):rep(100000):gsub('%s+', '-'))")
  end)

  it("recurses no deeper than Lua lets it, callback in callback", function()
    assert.truthy(run "local function f(s) return (s:gsub('.', f)) end return f('a')":find "stack overflow")
  end)

  for name, source in pairs(HOSTILE) do
    it("ends within the budget: " .. name, function()
      local vm = room.new(64 << 20, NO_TIME)
      for _ = 1, 2 do
        local out = vm:run(source)
        assert.equal("over cpu", out.how, out.text)
        assert.is_true(vm:charged() <= CHARGE_MAX, "it was stopped after " .. vm:charged())
        assert.is_true(out.line > 0)
      end
      assert.equal("3", vm:run("return (('abc'):find('c$'))").result)
    end)
  end

  it("needs no memory for looking", function()
    local vm = room.new(1 << 20, 2000)
    local out = vm:run [[
      local s, n = ("ab"):rep(100000), 0
      for _ = 1, 5 do
        assert(s:find("(a)(b)%1%2$") == #s - 3)
        assert(not s:find(".-.-c$", #s - 200))
      end
      for at in s:gmatch "()a" do n = n + at end
      return n]]
    assert.equal("10000000000", out.result, out.text)
  end)

  it("survives any refusal of memory, once or for the rest of the run", function()
    local vm = room.new(16 << 20, 10000)
    local all, growths = vm:run(BUILDING)
    assert.equal("done", all.how)
    local before, step = vm:bytes(), math.max(1, growths // 150)
    local at = 1
    while at <= growths do
      assert.equal("over memory", vm:run(BUILDING, at).how)
      local out = vm:run(BUILDING, at, at + 2)
      assert.is_true(out.how == "over memory" or out.result == all.result, out.how .. out.text)
      at = at + (at < 150 and 1 or step)
    end
    assert.equal(all.result, vm:run(BUILDING).result)
    assert.is_true(vm:bytes() < before + (1 << 18), vm:bytes() .. " after " .. before)
  end)
end)
