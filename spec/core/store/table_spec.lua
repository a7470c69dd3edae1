local stores = require "room.store"

describe("a table of the memory store", function()
  it("has its keys in the order of their bytes", function()
    local t = stores.table()
    for _, key in ipairs { "b", "a", "ab", "\xff", "\0", "aa", "a\0", "B", "c" } do t:put(key, "v" .. key) end
    local keys, bytes, cost = t:keys ""
    assert.same({ "\0", "v\0", "B", "vB", "a", "va", "a\0", "va\0", "aa", "vaa", "ab", "vab", "b", "vb", "c", "vc",
      "\xff", "v\xff" }, keys)
    assert.equal(cost, bytes)
  end)

  it("is sought from a key on, or after it", function()
    local t = stores.table()
    for _, key in ipairs { "a", "c", "e" } do t:put(key, "1") end
    local function first(from, is_after) return t:keys(from, is_after)[1] end
    assert.equal("a", first "")
    assert.equal("c", first "b")
    assert.equal("c", first "c")
    assert.equal("e", first("c", true))
    assert.equal("c", first("b", true))
    assert.is_nil(first("e", true))
    assert.is_nil(first "f")
  end)

  it("gives every put another version", function()
    local t, seen = stores.table(), {}
    for i = 1, 100 do
      local version = t:put("k" .. i % 3, "v")
      assert.is_nil(seen[version])
      assert.is_true(version >= 1)
      seen[version] = true
      if i % 5 == 0 then t:remove("k" .. i % 3) end
    end
  end)

  it("forgets first what is due first, and no more than it is told", function()
    local t = stores.table()
    for i = 1, 50 do t:put("k" .. i, "v", 100 + i * 37 % 50) end
    t:put("stays", "v")
    assert.equal(0, t:sweep(99, 10))
    assert.equal(3, t:sweep(200, 3))
    local keys = t:keys ""
    assert.equal(48 * 2, #keys)
    assert.equal(47, t:sweep(200, 1000))
    assert.same({ "stays", "v" }, (t:keys ""))
  end)

  it("agrees with a simple model, whatever is done to it", function()
    local t, model = stores.table(), {}
    math.randomseed(7)
    local now = 1
    for _ = 1, 20000 do
      local key = "k" .. math.random(1, 300)
      local what = math.random(1, 10)
      if what <= 6 then
        local due = math.random() < 0.5 and now + math.random(1, 200) or 0
        local value = ("v"):rep(math.random(0, 5))
        t:put(key, value, due)
        model[key] = { value, due }
      elseif what <= 8 then
        assert.equal(model[key] ~= nil, t:remove(key))
        model[key] = nil
      else
        now = now + math.random(1, 20)
        local swept = t:sweep(now, 100000)
        for name, kept in pairs(model) do
          if kept[2] ~= 0 and kept[2] <= now then
            model[name] = nil
            swept = swept - 1
          end
        end
        assert.equal(0, swept)
      end
    end
    local names, want = {}, {}
    for name in pairs(model) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
      want[#want + 1] = name
      want[#want + 1] = model[name][1]
    end
    local keys, bytes, cost = t:keys ""
    assert.same(want, keys)
    assert.equal(cost, bytes)
  end)
end)
