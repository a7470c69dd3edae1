local parts = require "room.hubparts"

describe("a history", function()
  it("keeps nothing with a size of 0", function()
    local history = parts.history()
    history:add(1, "a", nil, 0)
    history:expire(100)
    assert.same({}, history:all())
  end)

  it("keeps the newest, in order, with who said it", function()
    local history = parts.history(3, 1000)
    for i = 1, 5 do history:add(i, "m" .. i, i % 2 == 0 and "bob" or nil, 0) end
    assert.same({ { 3, "m3" }, { 4, "m4", "bob" }, { 5, "m5" } }, history:all())
  end)

  it("forgets what is as old as its time", function()
    local history = parts.history(10, 100)
    history:add(1, "a", nil, 1000)
    history:add(2, "b", nil, 1050)
    history:expire(1099)
    assert.equal(2, #history:all())
    history:expire(1100)
    assert.same({ { 2, "b" } }, history:all())
    history:expire(5000)
    assert.same({}, history:all())
  end)

  it("keeps the newest that fit when it gets smaller, all when it grows", function()
    local history = parts.history(4, 1000)
    for i = 1, 6 do history:add(i, "m" .. i, "u", 0) end
    history:resize(2, 1000)
    assert.same({ { 5, "m5", "u" }, { 6, "m6", "u" } }, history:all())
    history:resize(5, 1000)
    for i = 7, 9 do history:add(i, "m" .. i, nil, 0) end
    assert.equal(5, #history:all())
    history:resize(0, 1000)
    assert.same({}, history:all())
    history:add(10, "x", nil, 0)
    assert.same({}, history:all())
  end)

  it("takes a new time at once", function()
    local history = parts.history(4, 1000)
    history:add(1, "a", nil, 0)
    history:resize(4, 10)
    history:expire(10)
    assert.same({}, history:all())
  end)

  it("agrees with a list", function()
    math.randomseed(5)
    local history, size, ttl, now, model = parts.history(7, 500), 7, 500, 0, {}
    for offset = 1, 3000 do
      now = now + math.random(0, 60)
      if math.random(40) == 1 then
        size, ttl = math.random(0, 12), math.random(1, 900)
        history:resize(size, ttl)
      else
        local data = ("d"):rep(math.random(0, 20))
        history:expire(now)
        while model[1] and model[1].at + ttl <= now do table.remove(model, 1) end
        history:add(offset, data, nil, now)
        model[#model + 1] = { offset, data, at = now }
      end
      while #model > size do table.remove(model, 1) end
      local all = history:all()
      assert.equal(#model, #all)
      for i, kept in ipairs(all) do
        assert.equal(model[i][1], kept[1])
        assert.equal(model[i][2], kept[2])
      end
    end
  end)
end)
