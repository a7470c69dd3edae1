-- weir types: what editors and luacheck are told.
local cjson = require "cjson"
local cli = require "cli"

local weir, folder, has, has_not = cli.weir, cli.folder, cli.has, cli.has_not

after_each(cli.clean)

describe("weir types", function()
  it("writes four files, and scripts are what they were", function()
    local dir = folder { ["a.lua"] = 'channel("a", {})', ["a_spec.lua"] = 'it("is", function() require("weir.test").load() end)' }
    for _ = 1, 2 do -- the second time over the first
      local result = weir { "types", dir }
      assert.equal(0, result.code, result.err)
      assert.equal("", result.out)
      has(result.err, dir .. " has weir.d.lua, weir.test.d.lua, .luarc.json and .luacheckrc")
    end
    assert.equal(cli.read_file "lua/weir.d.lua", cli.read_file(dir .. "/weir.d.lua"))
    assert.equal(cli.read_file "lua/weir.test.d.lua", cli.read_file(dir .. "/weir.test.d.lua"))
    has(weir({ "check", dir }).err, "1 script, 1 channel pattern")
    assert.equal(0, weir({ "test", dir }).code)
  end)

  it("tells luacheck the same names", function()
    local dir = folder {}
    weir { "types", dir }
    local settings = { stds = {}, files = {} }
    assert(loadfile(dir .. "/.luacheckrc", "t", settings))()
    local names = settings.stds.weir.read_globals
    assert.equal("weir", settings.std)
    for line in cli.read_file("core/script/sandbox.c"):match("documented%[%] = (%b{})"):gmatch '"([%l]+)"' do
      assert.is_truthy(line == "server" or names[line], line)
    end
    assert.is_nil(names.print)
    assert.same({ debug = {}, info = {}, warn = {}, error = {} }, names.log.fields)
    assert.same({ encode = {}, decode = {}, array = {}, null = {} }, names.json.fields)
    assert.is_true(settings.stds.weir.globals.server.other_fields)
  end)

  it("tells the language server which of Lua's libraries scripts have", function()
    local dir = folder {}
    weir { "types", dir }
    local settings = cjson.decode(cli.read_file(dir .. "/.luarc.json"))
    assert.equal("Lua 5.4", settings["runtime.version"])
    for _, name in ipairs { "io", "debug", "package", "coroutine", "os", "basic" } do
      assert.equal("disable", settings["runtime.builtin"][name])
    end
    for _, name in ipairs { "string", "table", "math", "utf8" } do assert.is_nil(settings["runtime.builtin"][name]) end
  end)

  it("leaves settings alone that are somebody's own", function()
    local dir = folder { [".luacheckrc"] = "std = 'mine'\n", [".luarc.json"] = "{}" }
    local result = weir { "types", dir }
    assert.equal(0, result.code)
    has(result.err, dir .. "/.luacheckrc is your own", dir .. "/.luarc.json is your own")
    assert.equal("std = 'mine'\n", cli.read_file(dir .. "/.luacheckrc"))
    assert.equal("{}", cli.read_file(dir .. "/.luarc.json"))
    has_not(result.err, "weir.d.lua is your own")
  end)

  it("says why it cannot write", function()
    local result = weir { "types", "/nonexistent" }
    assert.equal(1, result.code)
    has(result.err, "/nonexistent/weir.d.lua cannot be written: No such file or directory")
  end)
end)
