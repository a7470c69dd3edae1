-- What the rules promise, run by `weir test`.
local t = require "weir.test"

describe("a room", function()
  it("tells everybody who says what", function()
    local scene = t.load "empty.lua"
    local ann, ben = scene:client { user = "ann" }, scene:client { user = "ben" }
    ben:subscribe "room:1"
    assert.accepted(ann:publish("room:1", { text = "hello" }))
    assert.received(ben, "room:1", { text = "hello", by = "ann" })
  end)

  it("is for those who have a name", function()
    local scene = t.load "empty.lua"
    assert.refused("permission denied", scene:client():publish("room:1", { text = "hello" }))
  end)
end)
