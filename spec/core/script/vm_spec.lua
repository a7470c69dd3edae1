local room = require "room.vm"

local HOSTILE = {
  ["a plain loop"] = "while true do end",
  ["a loop in pcall"] = "while true do pcall(function() while true do end end) end",
  ["a loop around a pcall that fails at once"] = "while true do pcall(error, 'x') end",
  ["pcall of pcall of pcall"] = "local function f() return pcall(f) end while true do f() end",
  ["a message handler that loops"] =
    "xpcall(error, function() while true do end end, 'x')",
  ["a message handler that loops, under sort"] = [[
    table.sort({ 3, 2, 1 }, function()
      xpcall(function() while true do end end, function() while true do end end)
      return false
    end)]],
  ["an index metamethod"] =
    "local t = setmetatable({}, { __index = function() while true do end end }) return t.x",
  ["a comparison in sort, caught"] = [[
    while true do
      pcall(table.sort, { 3, 2, 1 }, function() while true do end end)
    end]],
  ["a callback of gsub, caught"] = [[
    while true do
      pcall(string.gsub, "aaa", "a", function() while true do end end)
    end]],
  ["a tostring metamethod in format"] = [[
    pcall(string.format, "%s", setmetatable({}, { __tostring = function() while true do end end }))
    while true do end]],
  ["an error object whose tostring loops"] =
    "error(setmetatable({}, { __tostring = function() while true do end end }))",
  ["a close handler that loops"] = [[
    local x <close> = setmetatable({}, { __close = function() while true do end end })
    while true do end]],
  ["a close handler that loops after an error"] = [[
    local x <close> = setmetatable({}, { __close = function() while true do end end })
    error("x")]],
  ["a close handler that loops after a stop inside sort"] = [[
    local x <close> = setmetatable({}, { __close = function() while true do end end })
    table.sort({ 3, 2, 1 }, function() while true do end end)]],
  ["many close handlers that catch and loop"] = [[
    local function close() pcall(function() while true do end end) while true do end end
    local m = { __close = close }
    local a <close> = setmetatable({}, m)
    local b <close> = setmetatable({}, m)
    table.sort({ 3, 2, 1 }, function() local d <close> = setmetatable({}, m) while true do end end)]],
  ["a concat metamethod"] =
    "return setmetatable({}, { __concat = function() while true do end end }) .. 'x'",
  ["an equality metamethod"] = [[
    local m = { __eq = function() while true do end end }
    return setmetatable({}, m) == setmetatable({}, m)]],
  ["an iterator"] = "for _ in function() while true do end end do end",
  ["a pairs metamethod"] =
    "for _ in pairs(setmetatable({}, { __pairs = function() while true do end end })) do end",
  ["a long loop of C calls"] = "while true do ('x'):rep(1000):upper():lower():reverse():byte() end",
  ["growing strings"] = "local s = 'x' while true do s = (s .. s):sub(1, 1e6) end",
  ["allocations that are refused and caught"] =
    "while true do pcall(string.rep, 'x', 1 << 40) end",
  ["recursion that is caught"] =
    "local function f() f() end while true do pcall(f) end",
  ["recursion through metamethods"] = [[
    local t = {}
    setmetatable(t, { __index = function(_, k) return t[k .. "x"] end })
    while true do pcall(function() return t.a end) end]],
  ["rep of nothing"] = "while true do (''):rep(1 << 62) end",
  ["insert in front of a long list"] =
    "local t = table.pack(('x'):rep(200000):byte(1, 200000)) while true do table.insert(t, 1, 0) end",
  ["many moves of many positions"] = "while true do table.move({}, 1, 1 << 19, 2) end",
  ["plain find of what is nearly there"] = [[
    local a = ("a"):rep(1 << 20)
    while true do a:find(("a"):rep(1 << 19) .. "b", 1, true) end]],
  ["utf8 over a long text"] = "local s = ('x'):rep(1 << 22) while true do utf8.len(s) end",
  ["arithmetic on long texts"] = "local s = ('1'):rep(1 << 22) while true do local _ = s + 1 end",
  ["leaving that is caught"] = "while true do pcall(error) end",
}

local MEMORY = {
  ["rep"] = "return ('x'):rep(1 << 30)",
  ["doubling"] = "local s = 'x' while true do s = s .. s end",
  ["a growing table"] = "local t = {} for i = 1, 1 << 40 do t[i] = { i } end",
  ["a growing table in pcall"] =
    "while true do pcall(function() local t = {} for i = 1, 1 << 40 do t[i] = { i } end end) end",
  ["strings kept one by one"] = "local t = {} for i = 1, 1 << 40 do t[i] = ('x'):rep(1000) .. i end",
  ["concat of a list"] = [[
    local s, t = ("x"):rep(1 << 16), {}
    for i = 1, 4096 do t[i] = s end
    return table.concat(t)]],
  ["gsub that multiplies"] = "return (('x'):rep(60000):gsub('x', ('y'):rep(1000)))",
  ["pack with padding"] = "return string.pack('c' .. (1 << 30), '')",
  ["closures"] = "local f while true do local g = f f = function() return g end end",
  ["a deep recursion"] = "local function f(...) local n = f(1, ...) return n end return f()",
}

local function stays_alive(vm)
  local out = vm:run "local n = 0 for i = 1, 100 do n = n + i end return n"
  assert.equal("done", out.how)
  assert.equal("5050", out.result)
end

describe("script/vm", function()
  local vm
  before_each(function() vm = room.new(16 << 20, 30) end)
  after_each(function() vm = nil collectgarbage() end)

  it("runs a chunk and says what it returned", function()
    local out = vm:run "return 1 + 1"
    assert.equal("done", out.how)
    assert.equal("2", out.result)
  end)

  it("says file, line, reason and trace of an error", function()
    local out = vm:run "local function f()\n  local t\n  return t.x\nend\nlocal r = f()\nreturn r"
    assert.equal("failed", out.how)
    assert.equal("chunk.lua", out.file)
    assert.equal(3, out.line)
    assert.equal("attempt to index a nil value (local 't')", out.text)
    assert.equal("chunk.lua:3 in f < chunk.lua:5 in the file", out.trace)
  end)

  it("takes the place that error() was told", function()
    local out = vm:run "local function f()\n  error('no', 2)\nend\n\nf()\n"
    assert.equal(5, out.line)
    assert.equal("no", out.text)
  end)

  it("does not take a text with colons for a place", function()
    local out = vm:run "error('12:30: too late', 0)"
    assert.equal("12:30: too late", out.text)
    assert.equal("chunk.lua", out.file)
    assert.equal(1, out.line)
  end)

  it("names errors that are no text", function()
    assert.equal('error({"code":7,"why":["no"]})', vm:run("error({ code = 7, why = { 'no' } })").text)
    assert.equal("error({})", vm:run("error(setmetatable({}, { __tostring = 7 }))").text)
    assert.equal("an error that is no text but a table", vm:run("error({ error })").text)
    assert.equal("an error that is no text but a table", vm:run("error({ ('x'):rep(2000) })").text)
    assert.equal("an error that is no text but a boolean", vm:run("error(true)").text)
    assert.equal("error() with no message", vm:run("error()").text)
    assert.equal("42", vm:run("error(42)").text)
  end)

  it("leaves without being caught, and closes what is open on the way", function()
    local out = vm:run [[
      local log = {}
      pcall(function()
        local x <close> = setmetatable({}, { __close = function() log[1] = "closed" end })
        xpcall(pcall, function() error("handled") end, reject)
      end)
      error("not left")]]
    assert.equal("left", out.how)
    stays_alive(vm)
  end)

  it("leaves from inside sort and gsub", function()
    assert.equal("left", vm:run("pcall(table.sort, { 2, 1 }, function() reject() end)").how)
    assert.equal("left", vm:run("pcall(string.gsub, 'a', 'a', function() reject() end)").how)
    stays_alive(vm)
  end)

  for name, source in pairs(HOSTILE) do
    it("stops " .. name, function()
      local out = vm:run(source)
      assert.is_true(out.how == "over cpu" or out.how == "over memory" or
        source:find("__tostring") and out.how == "failed", out.how .. ": " .. out.text)
      stays_alive(vm)
    end)
  end

  it("says where it was when it was stopped", function()
    local out = vm:run "local n = 0\nwhile true do\n  n = n + 1\nend"
    assert.equal("over cpu", out.how)
    assert.equal("stopped after 30 ms of CPU time", out.text)
    assert.equal("chunk.lua", out.file)
    assert.is_true(out.line == 2 or out.line == 3)
  end)

  for name, source in pairs(MEMORY) do
    it("ends a run that takes memory by " .. name .. ", and has it back", function()
      vm = room.new(4 << 20, 2000)
      local before = vm:bytes()
      local out = vm:run(source)
      assert.is_true(out.how == "over memory" or out.text:find("stack overflow") ~= nil,
        out.how .. ": " .. out.text)
      stays_alive(vm)
      assert.is_true(vm:bytes() < before + (1 << 20))
    end)
  end

  it("gives room for a run that stays below its memory, again and again", function()
    for _ = 1, 20 do
      assert.equal("done", vm:run("local s = ('x'):rep(7 << 20) return #s").how)
    end
  end)

  it("makes long texts also after memory has run out within the first", function()
    local n, asked = 0, nil
    repeat
      n = n + 1
      vm = room.new(16 << 20, 1000)
      asked = select(2, vm:run("return #('x'):rep(3000)", n, n + 2))
      assert.equal("3000", vm:run("return #('x'):rep(3000)").result)
    until asked < n
    assert.is_true(n > 2)
  end)

  it("says where memory ran out", function()
    local out = vm:run "local t = {}\nlocal s\ns = ('x'):rep(1 << 30)\nreturn s"
    assert.equal("over memory", out.how)
    assert.equal(3, out.line)
  end)

  it("keeps the memory flat over thousands of runs of every kind", function()
    vm = room.new(1 << 20, 5)
    local sizes = {}
    for round = 1, 4 do
      for i = 1, 200 do
        vm:run "return 1"
        vm:run "error('x')"
        vm:run "local t <close> = setmetatable({}, { __close = function() end }) reject()"
        if i % 50 == 0 then vm:run "while true do end" end
        if i % 50 == 0 then vm:run "return ('x'):rep(1 << 21)" end
      end
      sizes[round] = vm:bytes()
    end
    assert.is_true(sizes[4] <= sizes[2] + 65536, table.concat(sizes, " "))
  end)
end)
