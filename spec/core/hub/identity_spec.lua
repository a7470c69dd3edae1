local parts = require "room.hubparts"

describe("an identity", function()
  it("keeps its facts when those it was made of are gone", function()
    local facts = { client = "c-1", user = "bob", roles = '["a"]', claims = '{"t":1}', info = "null", ip = "::1" }
    local kept = parts.identity(facts)
    facts.expires = 77
    assert.same(facts, kept)
  end)

  it("keeps absent facts absent and empty ones empty", function()
    assert.same({ client = "c", user = "", expires = 77 }, parts.identity { client = "c", user = "" })
  end)
end)
