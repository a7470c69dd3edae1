local parts = require "room.hubparts"

describe("effects", function()
  it("come out in the order they were wished, as copies", function()
    local wishes = {
      { kind = "publish", channel = "chat", data = '{"a":1}' },
      { kind = "kick", channel = "chat", user = "bob", reason = "rude" },
      { kind = "send", client = "c1", data = "" },
      { kind = "close", client = "c1", reason = "x" },
    }
    local list, count, left = parts.effects(wishes)
    assert.equal(4, count)
    assert.equal(0, left)
    for i, wish in ipairs(wishes) do
      wish.code = i
      assert.same(wish, list[i])
    end
  end)

  it("tell absent from empty: no user is anybody, an empty one is nobody known", function()
    local list = parts.effects { { kind = "kick", channel = "a", user = "" }, { kind = "kick", channel = "a" } }
    assert.equal("", list[1].user)
    assert.is_nil(list[2].user)
  end)

  it("may be none", function()
    assert.same({}, (parts.effects {}))
  end)
end)
