-- What the document promises, run by `weir test`.
local t = require "weir.test"

describe("the document", function()
  local scene, ann, ben

  before_each(function()
    scene = t.load "doc.lua"
    ann, ben = scene:client { user = "ann" }, scene:client { user = "ben" }
    ann:subscribe "doc:1"
    ben:subscribe "doc:1"
  end)

  local function edit(who, block, version, text)
    return who:publish("doc:1", { block = block, version = version, text = text })
  end

  it("tells everybody each edit, and who made it", function()
    assert.accepted(edit(ann, "title", 0, "Plan"))
    assert.received(ben, "doc:1", { op = 1, block = "title", text = "Plan", version = 1, by = "ann" })
  end)

  it("lets people edit different blocks at once", function()
    edit(ann, "a", 0, "one")
    edit(ben, "b", 0, "two")
    assert.accepted(edit(ann, "a", 1, "one!"))
    assert.accepted(edit(ben, "b", 1, "two!"))
  end)

  it("tells the second of two who edit one block that it was the second", function()
    edit(ann, "a", 0, "one")
    assert.accepted(edit(ann, "a", 1, "ann's"))
    assert.refused(409, "block a is at version 2, not 1", edit(ben, "a", 1, "ben's"))
    assert.not_received(ann, "doc:1", { text = "ben's" })
  end)

  it("gives who comes late all of it", function()
    edit(ann, "b", 0, "two")
    edit(ann, "a", 0, "one")
    edit(ben, "a", 1, "uno")
    local cy = scene:client { user = "cy" }
    cy:subscribe "doc:1"
    local snapshot = cy:call("doc:1/snapshot").data
    local blocks = snapshot.blocks
    assert.equal(3, snapshot.op)
    assert.same({ 2, "a", "uno", 2, "b" }, { #blocks, blocks[1].block, blocks[1].text, blocks[1].version, blocks[2].block })
    edit(ann, "b", 1, "dos")
    assert.received(cy, "doc:1", { op = 4, block = "b", text = "dos" })
  end)

  it("refuses what is no edit", function()
    assert.refused("/version", edit(ann, "a", -1, "x"))
    assert.refused("/text", edit(ann, "a", 0, ("x"):rep(10001)))
    assert.refused("/block", edit(ann, "", 0, "x"))
    assert.refused("permission denied", edit(scene:client {}, "a", 0, "x"))
  end)

  it("is still there when the rules have changed", function()
    edit(ann, "a", 0, "one")
    scene:reload { ["doc.lua"] = [[
      local doc = channel("doc:{id}", {})
      function doc:rpc_text() return self.state.blocks.a.text end
    ]] }
    assert.equal("one", ann:call("doc:1/text").data)
  end)
end)
