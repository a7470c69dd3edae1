local folder = require "folder"
local lfs = require "lfs"
local loops = require "room.loop"

describe("a watch", function()
  local loop, files, calls

  before_each(function()
    loop = loops.new()
    files = folder { ["a.lua"] = "return 1", ["lib/b.lua"] = "return 2", [".git/c"] = "x" }
    calls = 0
    assert(loop:watch(files.path, 30, function() calls = calls + 1 end))
    loop:turn()
  end)

  after_each(function()
    loop:finish()
    files:delete()
  end)

  local function settle()
    local before = calls
    for _ = 1, 5000 do
      loop:turn()
      if calls > before then return true end
      loops.sleep(1)
    end
    return false
  end

  local function stays_quiet()
    local before = calls
    for _ = 1, 150 do
      loop:turn()
      loops.sleep(1)
    end
    return calls == before
  end

  it("says nothing while nothing changes", function()
    assert.is_true(stays_quiet())
  end)

  it("notices that a file is edited", function()
    files:write("a.lua", "return 3")
    assert.is_true(settle())
  end)

  it("notices that a file comes, goes, or takes another one's place", function()
    files:write("new.lua", "return 1")
    assert.is_true(settle())
    files:remove("new.lua")
    assert.is_true(settle())
    files:write("a.lua.tmp", "return 4")
    assert(os.rename(files.path .. "/a.lua.tmp", files.path .. "/a.lua"))
    assert.is_true(settle())
  end)

  it("notices what changes in a folder in it", function()
    files:write("lib/b.lua", "return 5")
    assert.is_true(settle())
  end)

  it("notices what changes in a folder that came later", function()
    files:write("later/d.lua", "return 1")
    assert.is_true(settle())
    assert.is_true(stays_quiet())
    files:write("later/d.lua", "return 2")
    assert.is_true(settle(), "a file in the new folder was edited in silence")
  end)

  it("notices what changes in folders as deep as scripts may lie", function()
    local deep = ("d/"):rep(8) .. "deep.lua"
    files:write(deep, "return 1"):write("lib/a/b.lua", "return 1")
    assert.is_true(settle())
    assert.is_true(stays_quiet())
    files:write(deep, "return 2")
    assert.is_true(settle(), "a file eight folders down was edited in silence")
    files:write("lib/a/b.lua", "return 2")
    assert.is_true(settle(), "a file in lib/a was edited in silence")
  end)

  it("goes on when the folder is moved away and back", function()
    assert(os.rename(files.path, files.path .. ".x"))
    assert(os.rename(files.path .. ".x", files.path))
    settle()
    assert.is_true(stays_quiet())
    files:write("a.lua", "return 6")
    assert.is_true(settle())
  end)

  it("goes on in the folder that takes the place of the old one, and says that it has come", function()
    files:delete()
    assert.is_true(settle())
    assert(lfs.mkdir(files.path))
    files:write("a.lua", "return 7")
    assert.is_true(settle(), "the new folder went unnoticed")
    stays_quiet()
    files:write("lib/b.lua", "return 8")
    assert.is_true(settle())
  end)

  it("follows a link that leads elsewhere", function()
    local other, link = folder { ["a.lua"] = "return 1" }, files.path .. ".link"
    assert(lfs.link(files.path, link, true))
    local second, seen = loops.new(), 0
    assert(second:watch(link, 30, function() seen = seen + 1 end))
    local function sees()
      local before = seen
      for _ = 1, 5000 do
        second:turn()
        if seen > before then return true end
        loops.sleep(1)
      end
    end
    assert(lfs.link(other.path, link .. ".new", true))
    assert(os.rename(link .. ".new", link))
    assert.is_true(sees())
    other:write("a.lua", "return 2")
    assert.is_true(sees())
    second:finish()
    os.remove(link)
    other:delete()
  end)

  it("notices what happens to a file that a link leads to", function()
    local other = folder { ["real.lua"] = "return 1" }
    assert(lfs.link(other.path .. "/real.lua", files.path .. "/linked.lua", true))
    assert.is_true(settle())
    assert.is_true(stays_quiet())
    other:write("real.lua", "return 1234")
    assert.is_true(settle(), "an edit went unnoticed")
    other:write("new.lua", "return 12345")
    assert(os.rename(other.path .. "/new.lua", other.path .. "/real.lua"))
    assert.is_true(settle(), "another file in its place went unnoticed")
    other:remove("real.lua")
    assert.is_true(settle(), "that it has gone went unnoticed")
    assert.is_true(stays_quiet())
    other:write("real.lua", "return 1")
    assert.is_true(settle(), "that it has come back went unnoticed")
    files:remove("linked.lua")
    assert.is_true(settle())
    other:write("real.lua", "return 123")
    assert.is_true(stays_quiet() and stays_quiet() and stays_quiet(), "nobody links to it any more")
    other:delete()
  end)

  it("notices that a link's link leads elsewhere", function()
    local other = folder { ["one.lua"] = "return 1", ["two.lua"] = "return 2" }
    assert(lfs.link("one.lua", other.path .. "/middle.lua", true))
    assert(lfs.link(other.path .. "/middle.lua", files.path .. "/linked.lua", true))
    assert.is_true(settle())
    assert(lfs.link("two.lua", other.path .. "/next.lua", true))
    assert(os.rename(other.path .. "/next.lua", other.path .. "/middle.lua"))
    assert.is_true(settle())
    other:delete()
  end)

  it("goes round no circle of links", function()
    assert(lfs.link(".", files.path .. "/round", true))
    assert(lfs.link("..", files.path .. "/lib/up", true))
    assert.is_true(settle())
    assert.is_nil(loop:gap())
    files:remove("round"):remove("lib/up")
  end)

  it("says in which folder it notices nothing, when there are too many", function()
    assert.is_nil(loop:gap())
    for i = 1, 2001 do lfs.mkdir(files.path .. "/many" .. i) end
    assert.is_true(settle())
    assert.truthy(loop:gap():find("^" .. files.path .. "/"))
  end)

  it("takes many changes in a row for one", function()
    for i = 1, 20 do
      files:write("a.lua", "return " .. i)
      loop:turn()
      loops.sleep(2)
    end
    assert.is_true(settle())
    assert.is_true(stays_quiet())
    assert.is_true(calls < 10, calls .. " calls for 20 changes") -- 1, but on a machine that stalls
  end)

  it("leaves hidden folders alone", function()
    files:write(".git/c", "y")
    assert.is_true(stays_quiet())
  end)

  it("says when the folder cannot be watched", function()
    local other = loops.new()
    assert.is_false(other:watch(files.path .. "/nowhere", 30, function() end))
    other:finish()
  end)
end)
