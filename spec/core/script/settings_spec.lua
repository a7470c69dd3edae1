local settings = require "room.settings"
local folder = require "folder"

describe("script/settings", function()
  local files
  after_each(function() files:delete() end)

  local function read(text)
    files = folder { ["weir.lua"] = text }
    local all, reason = settings.read(files.path .. "/weir.lua")
    return all, reason and reason:gsub(files.path:gsub("%p", "%%%0"), "DIR")
  end

  it("reads a table of strings, numbers, booleans and lists, in order of key", function()
    assert.same({ "2 text api-key=secret", "3 boolean dev-anywhere=true", "3 list origins=http://a,http://b",
      "2 number ratio=0.5", "2 number workers=4" },
      (read [[return {
        workers = 2 + 2, ratio = 0.5, ["api-key"] = "secret",
        ["dev-anywhere"] = true, origins = { "http://a", "http://b" },
      }]]))
  end)

  it("tells the line of a key, where there is one to tell", function()
    assert.same({ "6 number a=1", "0 number b=2", "8 number c=3", "0 number d=4", "0 number long=5" }, (read [==[
      -- a = 0, c = 0
      local b = 2 --[[ a = 0
      ]] local t = { long = 5, text = "a = 0 \" a = 0", other = [[ a = 0 ]] }
      if t.a == 0 then return {} end
      return { long = t.long,
        a = 1, b = b,
        ["d"] = 4, d = 4,
        ["c"]
          = 3,
      }]==]))
  end)

  it("may be empty", function() assert.same({}, (read "return {}")) end)

  it("says where it does not parse", function()
    local _, reason = read "return {\n  listen = \n}"
    assert.equal("DIR/weir.lua:3: unexpected symbol near '}'", reason)
  end)

  it("has nothing to call", function()
    local _, reason = read "return { a = os.getenv('HOME') }"
    assert.equal("DIR/weir.lua:1: attempt to index a nil value (global 'os')", reason)
    files:delete()
    _, reason = read "return { a = ('x'):rep(10) }"
    assert.truthy(reason:find("attempt to index a string value", 1, true))
  end)

  it("does not loop or grow", function()
    local _, reason = read "while true do end"
    assert.equal("DIR/weir.lua:1: stopped after 50 ms of CPU time", reason)
    files:delete()
    _, reason = read "local s = 'xxxxxxxx' while true do s = s .. s end"
    assert.truthy(reason:find("^DIR/weir.lua:1: stopped at its memory limit"))
  end)

  it("takes no bytecode", function()
    local _, reason = read(string.dump(function() return {} end))
    assert.truthy(reason:find("binary chunk", 1, true))
  end)

  it("refuses other values and says which", function()
    for text, want in pairs {
      ["return 1"] = "it has to return a table",
      ["local x = 1"] = "it has to return a table",
      ["return { listen = function() end }"] = "`listen` is a string, a number, true, false or a list of strings",
      ["return { origins = { a = 1 } }"] = "`origins`",
      ["return { origins = { 'a', {} } }"] = "`origins`",
      ["return { origins = { 'a', 1 } }"] = "`origins`",
      ["return { 'a' }"] = "a key is a name",
      ["return { listen = 'a\\0b' }"] = "`listen`",
      ["return { refused = 1 }"] = "refused by the visitor",
    } do
      local all, reason = read(text)
      assert.is_nil(all)
      assert.truthy(reason:find(want, 1, true), reason)
      files:delete()
    end
  end)

  it("says which file cannot be read", function()
    files = folder {}
    local all, reason = settings.read(files.path .. "/none.lua")
    assert.is_nil(all)
    assert.truthy(reason:find("none.lua: cannot be read: No such file or directory", 1, true))
  end)
end)
