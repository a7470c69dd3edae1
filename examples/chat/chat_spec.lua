-- What the chat promises, run by `weir test examples/chat`.
local t = require "weir.test"

describe("the chat", function()
  local scene, ann, ben

  before_each(function()
    scene = t.load "chat.lua"
    ann, ben = scene:client { user = "ann" }, scene:client { user = "ben" }
    ann:subscribe "chat:lobby"
    ben:subscribe "chat:lobby"
    ann:forget()
  end)

  it("tells everybody who says what, and when", function()
    assert.accepted(ben:publish("chat:lobby", { text = " hello ", by = "the queen" }))
    assert.received(ann, "chat:lobby", { text = "hello", by = "ben", at = scene:now() })
    assert.received(ben, "chat:lobby", { text = "hello" })
  end)

  it("masks what is blocked, in any case, and counts it", function()
    ben:publish("chat:lobby", { text = "Casino? CASINO, free money!" })
    assert.received(ann, "chat:lobby", { text = "***? ***, ***!" })
    assert.same({ messages = 1, masked = 3 }, ann:call("chat:lobby/stats").data)
  end)

  it("refuses what is empty, too long or no message", function()
    assert.refused("empty", ben:publish("chat:lobby", { text = "  " }))
    assert.refused("500 characters at most", ben:publish("chat:lobby", { text = ("x"):rep(501) }))
    assert.refused("not a message", ben:publish("chat:lobby", 42))
    assert.not_received(ann, "chat:lobby")
  end)

  it("passes on who is typing, and remembers nothing of it", function()
    ben:publish("chat:lobby", { typing = true })
    assert.received(ann, "chat:lobby", { typing = true, by = "ben" })
    assert.same({ messages = 0, masked = 0 }, ann:call("chat:lobby/stats").data)
  end)

  it("tells who comes and goes, and who is here", function()
    local members = ann:presence("chat:lobby").members
    assert.same({ "ann", "ben" }, { members[1].user, members[2].user })
    ben:leave()
    assert.received(ann, "chat:lobby", { left = "ben" })
    scene:client({ user = "cy" }):subscribe "chat:lobby"
    assert.received(ann, "chat:lobby", { joined = "cy" })
  end)

  it("lets nobody in who has no name", function()
    local somebody = scene:client {}
    assert.refused("permission denied", somebody:subscribe "chat:lobby")
    assert.refused(103, somebody:publish("chat:lobby", { text = "hello" }))
  end)

  it("goes on where it was when the rules change", function()
    ben:publish("chat:lobby", { text = "one" })
    scene:reload { ["chat.lua"] = [[
      local chat = channel("chat:{room}", { presence = true })
      function chat:on_publish(msg) return { text = msg.text:upper(), number = self.state.messages + 1 } end
    ]] }
    ben:publish("chat:lobby", { text = "two" })
    assert.received(ann, "chat:lobby", { text = "TWO", number = 2 })
  end)
end)
