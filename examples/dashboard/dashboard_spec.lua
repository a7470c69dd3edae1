-- What the dashboard promises, run by `weir test`.
local t = require "weir.test"

describe("the dashboard", function()
  local scene, agent, ann

  before_each(function()
    scene = t.load "dashboard.lua"
    agent, ann = scene:client { user = "web1", roles = { "agent" } }, scene:client { user = "ann" }
    ann:subscribe "metrics:web1"
    ann:subscribe "alerts"
  end)

  it("shows what agents measure", function()
    assert.accepted(agent:publish("metrics:web1", { name = "cpu", value = 12.5, unit = "%" }))
    assert.received(ann, "metrics:web1", { name = "cpu", value = 12.5, unit = "%", at = scene:now() })
  end)

  it("takes numbers from agents only, and nothing but numbers", function()
    assert.refused("publish rule: role.agent", ann:publish("metrics:web1", { name = "cpu", value = 1 }))
    assert.refused("/value", agent:publish("metrics:web1", { name = "cpu", value = "much" }))
    assert.not_received(ann, "metrics:web1")
  end)

  it("shows the newest of each name when many come at once", function()
    for value = 1, 9 do agent:publish("metrics:web1", { name = "cpu", value = value }) end
    agent:publish("metrics:web1", { name = "disk", value = 50 })
    scene:advance "300ms"
    assert.received(ann, "metrics:web1", { name = "cpu", value = 9 })
    assert.received(ann, "metrics:web1", { name = "disk", value = 50 })
    assert.not_received(ann, "metrics:web1", { name = "cpu", value = 8 })
  end)

  it("alerts once when a value gets high, and once when it is well again", function()
    for _, value in ipairs { 50, 91, 95, 99, 50, 40 } do agent:publish("metrics:web1", { name = "cpu", value = value }) end
    local alerts = ann:messages "alerts"
    assert.equal(2, #alerts)
    assert.received(ann, "alerts", { host = "web1", name = "cpu", value = 91, firing = true })
    assert.received(ann, "alerts", { host = "web1", name = "cpu", value = 50, firing = false })
  end)

  it("tells who comes late what was there before", function()
    assert.same({}, ann:call("metrics:web1/last").data)
    agent:publish("metrics:web1", { name = "disk", value = 50 })
    agent:publish("metrics:web1", { name = "cpu", value = 2 })
    agent:publish("metrics:web1", { name = "cpu", value = 3 })
    local last = ann:call("metrics:web1/last").data
    assert.same({ 2, "cpu", 3, "disk" }, { #last, last[1].name, last[1].value, last[2].name })
  end)

  it("stops an agent that has gone wild", function()
    for _ = 1, 50 do agent:publish("metrics:web1", { name = "cpu", value = 1 }) end
    assert.refused("too many requests", agent:publish("metrics:web1", { name = "cpu", value = 1 }))
    scene:advance "1s"
    assert.accepted(agent:publish("metrics:web1", { name = "cpu", value = 1 }))
  end)
end)
