-- weir new: folders to begin with.
local cli = require "cli"
local lfs = require "lfs"

local weir, folder, has, refuses_usage = cli.weir, cli.folder, cli.has, cli.refuses_usage

after_each(cli.clean)

local function names_in(path)
  local names = {}
  for name in lfs.dir(path) do
    if not name:find "^%.+$" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

describe("weir new", function()
  for _, template in ipairs { "chat", "dashboard", "trading", "doc", "empty" } do
    it("makes a folder of " .. template .. " that is right, and keeps what its spec says", function()
      local dir = folder {} .. "/mine"
      local result = weir { "new", template, dir }
      assert.equal(0, result.code, result.err)
      assert.equal("", result.out)
      has(result.err, dir .. " is made", "weir dev " .. dir)
      local want = { "README.md", template .. ".lua", template .. "_spec.lua", "index.html" }
      table.sort(want)
      assert.same(want, names_in(dir))
      assert.equal(5, select(2, cli.read_file(dir .. "/README.md"):gsub("\n", "")))
      has(cli.read_file(dir .. "/index.html"), '<script src="/weir.js">')
      assert.equal(0, weir({ "check", dir }).code)
      local tested = weir { "test", dir }
      assert.equal(0, tested.code, tested.out .. tested.err)
      assert.matches("passed, 0 failed", tested.out)
    end)
  end

  it("takes an empty folder that is there", function()
    local dir = folder {}
    assert.equal(0, weir({ "new", "empty", dir }).code)
    assert.equal(4, #names_in(dir))
  end)

  it("writes nothing where something is", function()
    local dir = folder { [".hidden"] = "mine" }
    local result = weir { "new", "empty", dir }
    assert.equal(1, result.code)
    has(result.err, dir .. " is not empty")
    assert.same({ ".hidden" }, names_in(dir))
  end)

  it("says why it cannot make a folder", function()
    local dir = folder { file = "" }
    has(weir({ "new", "empty", dir .. "/a/b" }).err, "/a/b cannot be made: No such file or directory")
    has(weir({ "new", "empty", dir .. "/file" }).err, "/file: Not a directory")
  end)

  it("says what there is to make", function()
    refuses_usage({ "new" }, "weir new TEMPLATE DIR", "chat, dashboard, trading, doc or empty")
    refuses_usage({ "new", "chat" }, "weir new TEMPLATE DIR")
    refuses_usage({ "new", "chatt", "x" }, "there is no template \"chatt\"", "did you mean `weir new chat`?")
    refuses_usage({ "new", "blog", "x" }, "there are chat, dashboard, trading, doc and empty")
    refuses_usage({ "new", "chat", "x", "y" }, 'does not know what to do with "y"')
  end)
end)
