local map = require "room.map"

describe("base/map", function()
  it("finds what was added and nothing else", function()
    local m = map.new()
    m:add("a", 1)
    m:add("", 2)
    assert.equal(1, m:find("a"))
    assert.equal(2, m:find(""))
    assert.is_nil(m:find("b"))
  end)

  it("agrees with a Lua table over ten thousand random changes", function()
    local m, model, size = map.new(), {}, 0
    math.randomseed(7)
    for i = 1, 10000 do
      local key = "k" .. math.random(1, 700)
      assert.equal(model[key], m:find(key))
      if model[key] then
        assert.equal(model[key], m:remove(key))
        model[key], size = nil, size - 1
      else
        m:add(key, i)
        model[key], size = i, size + 1
      end
    end
    local count, walked = m:count()
    assert.equal(size, count)
    assert.equal(size, walked)
  end)
end)
