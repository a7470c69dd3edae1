local room = require "room.vm"

-- What a chunk returns in a VM with the sandbox and nothing else.
local function run(source, vm)
  local out = (vm or room.new(16 << 20, 100)):run(source)
  return out.how == "done" and out.result or out.how .. ": " .. out.text
end

describe("script/sandbox", function()
  it("has these names and no others", function()
    local names = [[assert error getmetatable ipairs next pairs pcall rawequal rawget rawlen rawset select
      setmetatable tonumber tostring type xpcall string table math utf8 os]]
    for name in names:gmatch "%S+" do
      assert.not_equal("nil", run("return type(" .. name .. ")"), name)
    end
    for _, name in ipairs { "load", "loadstring", "loadfile", "dofile", "io", "debug", "package", "_G",
      "collectgarbage", "print", "coroutine", "warn", "module", "setfenv", "_VERSION" } do
      assert.truthy(run("return " .. name):find("^failed: `" .. name .. "` is not"), run("return " .. name))
    end
  end)

  it("has these functions in its libraries and no others", function()
    local want = {
      string = "byte char find format gmatch gsub len lower match pack packsize rep reverse sub trim unpack upper",
      table = "concat insert move pack remove sort unpack",
      utf8 = "char charpattern codepoint codes len offset",
      os = "clock time",
    }
    for library, names in pairs(want) do
      assert.equal(names, run(([[
        local t = {}
        for k in pairs(%s) do t[#t + 1] = k end
        table.sort(t)
        return table.concat(t, " ")]]):format(library)))
    end
  end)

  it("does what plain Lua does with what is left", function()
    assert.equal("3", run "return select('#', pcall(function() return 1, 2 end))")
    assert.equal("false:x", run "local ok, e = pcall(error, 'x', 0) return tostring(ok) .. ':' .. e")
    assert.equal("handled x 1", run [[
      local ok, a, b = xpcall(error, function(e) return "handled " .. e, 1 end, "x", 0)
      assert(ok == false)
      return a .. " " .. b]])
    assert.equal("1 2", run "local _, a, b = xpcall(function(...) return ... end, error, 1, 2) return a .. ' ' .. b")
    assert.equal("again", run [[
      local ok, e = xpcall(error, function() error("again", 0) end, "x")
      assert(not ok)
      return e]])
    assert.equal("3.0", run "return '1' + 2.0")
    assert.equal("2 4", run "local a, b = ('xabc'):find('abc', 1, true) return a .. ' ' .. b")
    assert.equal("nil", run "return ('xabc'):find('abc', 3, true)")
    assert.equal("4 3", run "local a, b = ('abc'):find('', 10, true) if a then return 'no' end a, b = ('abc'):find('', 4, true) return a .. ' ' .. b")
    assert.equal("2", run "return (('xabc'):find('abc', -3, true))")
    assert.equal("a,b", run "local t = { 'b' } table.insert(t, 1, 'a') return table.concat(t, ',')")
    assert.equal("2", run "local t = { 1, 2 } table.remove(t, 1) return t[1]")
    assert.equal("a-a-a", run "return ('a'):rep(3, '-')")
    assert.equal("--", run "return (''):rep(3, '-')")
    assert.equal("true", run "return math.type(os.time()) == 'integer'")
    assert.equal("1,2,3", run "local t = { 3, 1, 2 } table.sort(t) return table.concat(t, ',')")
    assert.equal("b1c2", run "return (('abac'):gsub('a(.)', (function() local n = 0 return function(c) n = n + 1 return c .. n end end)()))")
  end)

  it("trims", function()
    assert.equal("[a b]", run "return '[' .. ('  \\t a b\\r\\n '):trim() .. ']'")
    assert.equal("[]", run "return '[' .. string.trim('   ') .. ']'")
    assert.equal("[\0a]", run "return '[' .. ('\\0a'):trim() .. ']'")
  end)

  it("lets nobody change what is shared", function()
    for _, source in ipairs {
      "string.upper = nil", "function string.lower() end", "rawset(string, 'upper', 1)",
      "rawset(_ENV, 'string', 1)", "_ENV.x = 1", "table.insert(string, 1)", "table.insert(_ENV, 1)",
      "setmetatable(string, {})", "setmetatable(_ENV, {})", "getmetatable('').__index = {}",
      "getmetatable('').__index.upper = 1", "getmetatable(string).__index.upper = 1",
      "setmetatable(math, nil)", "os.time = nil",
    } do
      local vm = room.new(16 << 20, 100)
      assert.truthy(run(source, vm):find "^failed: ", source .. " -> " .. run(source, vm))
      assert.equal("X", run("return ('x'):upper()", vm))
    end
  end)

  it("shows nothing of the tables behind", function()
    assert.equal("false", run "return getmetatable('')")
    assert.equal("false", run "return getmetatable(string)")
    assert.equal("false", run "return getmetatable(_ENV)")
    assert.equal("nil", run "return next(_ENV)")
    assert.equal("nil", run "return rawget(string, 'upper')")
    -- pairs gives a copy: writing to it changes nothing
    assert.equal("X", run [[
      local _, copy = pairs(string)
      copy.upper = error
      return ("x"):upper()]])
  end)

  it("has no finalizers", function()
    assert.equal("failed: __gc is not available to scripts", run "setmetatable({}, { __gc = function() end })")
    assert.equal("done", room.new(1 << 20, 100):run("local m = {} setmetatable({}, m) m.__gc = error").how)
  end)

  it("does not run what is no text", function()
    assert.truthy(run(string.dump(function() return 1 end)):find("binary chunk", 1, true))
  end)

  it("lets patterns loose on any text", function()
    assert.equal("200000", run("return (('x'):rep(199999) .. 'y'):match('^x*()y')"))
    assert.equal("1000", run "return #('a'):rep(1000):match(('a'):rep(1000))")
    assert.equal("1000000", run "local s = ('x'):rep(999999) .. 'y' return (s:find('y', 1, true))")
  end)

  it("takes no list that says its own length", function()
    for _, call in ipairs { "insert(t, 1, 2)", "remove(t, 1)", "sort(t)", "concat(t)" } do
      local out = run("local t = setmetatable({}, { __len = function() return 1 << 50 end }) table." .. call)
      assert.truthy(out:find("__len", 1, true), out)
    end
    assert.truthy(run "table.move({}, 1, 1 << 60, 2)":find("more than 1048576 positions", 1, true))
    assert.truthy(run "table.move({}, math.mininteger, math.maxinteger, 2)":find("more than 1048576", 1, true))
  end)

end)
