local room = require "room.runtime"
local folder = require "folder"

describe("lua/dev", function()
  local files, r

  before_each(function()
    files = folder { ["a.lua"] = 'channel("a")' }
    r = room.new()
    assert(r:load(files.path, 1, true))
    r:switch()
  end)
  after_each(function() files:delete() r = nil collectgarbage() end)

  it("tells who joins what was said last, and nothing before that", function()
    local dev = r:channel "weir:dev"
    local who = { id = "c1", user = "" }
    assert.equal("{}", dev:call("subscribe", who).out)
    dev:call("published", { data = '{"generation":2,"files":["a.lua"]}', offset = 1 })
    assert.equal('{"files":["a.lua"],"generation":2}', dev:call("subscribe", who).out)
  end)

  it("still knows it after a reload", function()
    local dev = r:channel "weir:dev"
    dev:call("published", { data = '{"generation":2}', offset = 1 })
    files:write("a.lua", 'channel("b")')
    assert(r:load(files.path, 2, true))
    r:switch()
    assert.equal('{"generation":2}', dev:call("subscribe", { id = "c1" }).out)
  end)

  it("is not there outside dev mode", function()
    assert(r:load(files.path, 2, false))
    r:switch()
    local dev = r:channel "weir:dev"
    assert.is_false(dev:has_instance())
  end)
end)
