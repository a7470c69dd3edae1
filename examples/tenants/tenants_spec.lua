-- What tenants are promised, run by `weir test`.
local t = require "weir.test"

describe("tenants", function()
  local scene, ann, amy, eve, root

  before_each(function()
    scene = t.load "tenants.lua"
    ann = scene:client { user = "ann", roles = { "owner" }, claims = { tenant = "acme" } }
    amy = scene:client { user = "amy", claims = { tenant = "acme" } }
    eve = scene:client { user = "eve", roles = { "owner" }, claims = { tenant = "evil" } }
    root = scene:client { user = "root", roles = { "admin" } }
    ann:subscribe "feed:acme"
  end)

  it("hear their own people", function()
    assert.accepted(amy:publish("feed:acme", { text = "hello" }))
    assert.received(ann, "feed:acme", { text = "hello", by = "amy" })
  end)

  it("have nothing of one another, and are told by what", function()
    local why = 'claims.tenant == params.tenant -> "evil" == "acme" -> false'
    assert.refused(why, eve:publish("feed:acme", { text = "it is me" }))
    assert.refused(103, eve:subscribe "feed:acme")
    assert.refused(103, eve:subscribe "bill:acme")
    assert.refused(103, eve:presence "feed:acme")
    assert.not_received(ann, "feed:acme")
  end)

  it("are nothing to who has none", function()
    local somebody = scene:client { user = "cy" }
    assert.refused(103, somebody:subscribe "feed:acme")
    assert.refused(103, somebody:call("jobs/start", { name = "report" }))
  end)

  it("are heard by admins, who do not speak in their name", function()
    assert.accepted(root:subscribe "feed:acme")
    assert.accepted(root:subscribe "feed:evil")
    amy:publish("feed:acme", { text = "hello" })
    assert.received(root, "feed:acme", { text = "hello", by = "amy" })
    assert.refused(103, root:publish("feed:acme", { text = "hello" }))
  end)

  it("show what they pay to their owners alone", function()
    assert.accepted(ann:subscribe "bill:acme")
    assert.refused(103, amy:subscribe "bill:acme")
    amy:call("jobs/start", { name = "report" })
    assert.received(ann, "bill:acme", { jobs = 1 })
    assert.received(ann, "feed:acme", { started = "report", by = "amy" })
  end)

  it("share the work: who has used up its own leaves the others theirs", function()
    for n = 1, 5 do assert.accepted((n % 2 == 0 and ann or amy):call("jobs/start", { name = "report" })) end
    assert.refused(111, ann:call("jobs/start", { name = "report" }))
    assert.refused(111, amy:call("jobs/start", { name = "report" }))
    assert.same({ jobs = 1 }, eve:call("jobs/start", { name = "report" }).data)
    scene:advance "2s"
    assert.same({ jobs = 6 }, amy:call("jobs/start", { name = "report" }).data)
  end)
end)
