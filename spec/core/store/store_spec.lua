local stores = require "room.store"

describe("a store", function()
  local store

  before_each(function() store = stores.new(1 << 20) end)
  after_each(function() store:finish() end)

  it("has what was set, as it was set last", function()
    assert.is_nil(store:get "a")
    assert.is_true(store:set("a", "1"))
    assert.equal("1", (store:get "a"))
    assert.is_true(store:set("a", '{"b":[]}'))
    assert.equal('{"b":[]}', (store:get "a"))
    assert.is_true(store:set("\0\xff", ""))
    assert.equal("", (store:get "\0\xff"))
    assert.equal(2, store:counts().values)
  end)

  it("has nothing any more that was deleted", function()
    store:set("a", "1")
    assert.is_true(store:delete "a")
    assert.is_false(store:delete "a")
    assert.is_nil(store:get "a")
    assert.same({ 0, 0 }, { store:counts().values, store:counts().bytes })
  end)

  it("has a value until its time is over, not longer", function()
    store:set("a", "1", 1000, 50)
    assert.equal("1", (store:get("a", 1049)))
    assert.is_nil(store:get("a", 1050))
    assert.is_false(store:delete("a", 1050))
    store:set("a", "2", 1060, 50)
    store:set("a", "3", 1070)
    assert.equal("3", (store:get("a", 9999999)), "set again without a time it stays")
    store:set("b", "1", 0, math.maxinteger)
    assert.equal("1", (store:get("b", math.maxinteger - 1)))
  end)

  it("takes no key and no value that is too large", function()
    for _, key in ipairs { "", ("k"):rep(stores.key_max + 1) } do
      local none, why, code = store:set(key, "1")
      assert.is_nil(none)
      assert.equal("BAD_REQUEST", code)
      assert.equal(("a key of the store has 1 to %d bytes (got %d)"):format(stores.key_max, #key), why)
      assert.is_nil(store:get(key))
      assert.is_false(store:delete(key))
      assert.same({ nil, why, code }, { store:increment(key, 1) })
      assert.same({ nil, why, code }, { store:swap(key, 0, "1") })
    end
    store:finish()
    store = stores.new(1 << 30)
    local none, why, code = store:set("big", ("x"):rep(stores.value_max + 1))
    assert.same({ nil, "TOO_LARGE" }, { none, code })
    assert.truthy(why:find '"big" would have 1048577%)$')
    assert.is_true(store:set(("k"):rep(stores.key_max), ("x"):rep(stores.value_max)))
  end)

  describe("counting", function()
    it("begins at 0, and goes up and down", function()
      assert.equal(1, store:increment("n", 1))
      assert.equal(11, store:increment("n", 10))
      assert.equal(-5, store:increment("n", -16))
      assert.equal("-5", (store:get "n"))
      assert.equal(-5, store:increment("n", 0))
    end)

    it("goes on from integers of 64 bits, and no further", function()
      for text, by in pairs { ["9223372036854775806"] = 1, ["-9223372036854775807"] = -1, ["-0"] = 5, ["0"] = -7 } do
        store:set("n", text)
        assert.equal(math.tointeger(text) + by, store:increment("n", by))
      end
      store:set("n", "9223372036854775807")
      local none, why, code = store:increment("n", 1)
      assert.same({ nil, "BAD_REQUEST" }, { none, code })
      assert.equal('"n" of the store is no integer, or would be none of 64 bits', why)
      assert.equal("9223372036854775807", (store:get "n"))
      store:set("n", "-9223372036854775808")
      assert.is_nil((store:increment("n", -1)))
      assert.equal(math.mininteger, store:increment("n", 0))
    end)

    it("takes nothing else for an integer", function()
      for _, text in ipairs { "", "-", "1.0", "1e3", '"1"', "01", "-01", "+1", " 1", "1 ", "null", "9223372036854775808",
        "-9223372036854775809", "99999999999999999999", "1\0" } do
        store:set("n", text)
        assert.is_nil((store:increment("n", 1)), text)
        assert.equal(text, (store:get "n"))
      end
    end)

    it("keeps the time that the first has set", function()
      assert.equal(1, store:increment("n", 1, 1000, 100))
      assert.equal(2, store:increment("n", 1, 1050, 100))
      assert.equal(3, store:increment("n", 1, 1099, 100))
      assert.equal(1, store:increment("n", 1, 1100, 100))
      assert.equal(2, store:increment("n", 1, 1199, 100))
      store:set("m", "5", 1000)
      assert.equal(6, store:increment("m", 1, 1000, 100))
      assert.equal("6", (store:get("m", 99999)))
    end)
  end)

  describe("swapping", function()
    it("sets only what is still as it was", function()
      assert.same({ true }, { (store:swap("a", 0, "1")) })
      local value, version = store:get "a"
      assert.equal("1", value)
      local swapped, other = store:swap("a", version, "2")
      assert.is_true(swapped)
      assert.not_equal(version, other)
      assert.same({ false, other }, { store:swap("a", version, "3") })
      assert.same({ false, other }, { store:swap("a", 0, "3") })
      assert.equal("2", (store:get "a"))
    end)

    it("is not fooled by what went and came again", function()
      store:set("a", "1")
      local _, version = store:get "a"
      store:delete "a"
      assert.same({ false, 0 }, { store:swap("a", version, "2") })
      store:set("a", "1")
      assert.is_false((store:swap("a", version, "2")))
      store:set("a", "1")
      assert.is_false((store:swap("a", version, "2")))
    end)

    it("takes what is over for gone", function()
      store:set("a", "1", 0, 10)
      local _, version = store:get("a", 5)
      assert.same({ false, 0 }, { store:swap("a", version, "2", 10) })
      assert.is_true((store:swap("a", 0, "2", 10, 5)))
      assert.is_nil(store:get("a", 15))
    end)
  end)

  describe("listing", function()
    local function keys(...)
      local list, has_more = store:list(...)
      local out = {}
      for i, pair in ipairs(list) do out[i] = pair[1] end
      return out, has_more
    end

    before_each(function()
      for i = 9, 1, -1 do store:set("room/" .. i, tostring(i)) end
      for _, key in ipairs { "room", "rooms/1", "a", "room0", "z" } do store:set(key, "other") end
    end)

    it("has the keys with a prefix, in order, with their values", function()
      local list, has_more = store:list("room/", 100)
      assert.is_false(has_more)
      assert.equal(9, #list)
      for i = 1, 9 do
        assert.same({ "room/" .. i, tostring(i) }, { list[i][1], list[i][2] })
        assert.equal(select(2, store:get("room/" .. i)), list[i][3])
      end
      assert.same({ "a", "room" }, (keys("", 2)))
      assert.same({}, (keys("nothing", 10)))
    end)

    it("goes on after a key", function()
      local found, has_more = keys("room/", 4)
      assert.same({ "room/1", "room/2", "room/3", "room/4" }, found)
      assert.is_true(has_more)
      found, has_more = keys("room/", 4, "room/4")
      assert.same({ "room/5", "room/6", "room/7", "room/8" }, found)
      assert.is_true(has_more)
      found, has_more = keys("room/", 4, "room/8")
      assert.same({ "room/9" }, found)
      assert.is_false(has_more)
      assert.same({ {}, false }, { keys("room/", 4, "room/9") })
      assert.same({}, (keys("room/", 4, "z")))
      assert.same({ "room/1" }, (keys("room/", 1, "a")))
      assert.same({ "room/5" }, (keys("room/", 1, "room/4x")))
    end)

    it("leaves out what is over", function()
      store:set("room/3", "3", 0, 10)
      assert.same({ "room/1", "room/2", "room/4" }, (keys("room/", 3, nil, 10)))
    end)

    it("has as many as are asked for, and not too many at once", function()
      assert.same({ {}, false }, { keys("", 0) })
      store:finish()
      store = stores.new(1 << 24)
      for i = 1, stores.list_max + 5 do store:set(("k%06d"):format(i), "1") end
      local found, has_more = keys("", 1 << 20)
      assert.equal(stores.list_max, #found)
      assert.is_true(has_more)
      found, has_more = keys("", 1 << 20, found[#found])
      assert.same({ 5, false }, { #found, has_more })
    end)

    it("stops early where values are large", function()
      store:finish()
      store = stores.new(1 << 24)
      for i = 1, 6 do store:set("k" .. i, ("x"):rep(400000)) end
      local found, has_more = keys("", 10)
      assert.same({ { "k1", "k2", "k3" }, true }, { found, has_more })
      assert.same({ { "k4", "k5", "k6" }, false }, { keys("", 10, "k3") })
    end)
  end)

  describe("within its bytes", function()
    before_each(function()
      store:finish()
      store = stores.new(10000)
    end)

    local function fill(now, ttl)
      local i = 0
      while store:set(("k%03d"):format(i + 1), ("x"):rep(100), now, ttl) do i = i + 1 end
      return i
    end

    it("says no where there is no room, and what to do about it", function()
      local count = fill()
      assert.is_true(count > 20)
      local none, why, code = store:set("more", ("x"):rep(100))
      assert.same({ nil, "STORE_FULL" }, { none, code })
      assert.equal('the store has no room for "more" (limit: 10000 bytes): delete something, set values with a ttl, '
        .. "or raise the limit", why)
      assert.same({ nil, "STORE_FULL" }, { (store:swap("more", 0, ("x"):rep(100))), select(3, store:swap("more", 0, ("x"):rep(100))) })
      local counts = store:counts()
      assert.same({ count, 4 }, { counts.values, counts.refused })
      assert.is_true(counts.bytes <= counts.byte_limit)
    end)

    it("lets in what makes room", function()
      fill()
      assert.is_true(store:set("k001", "small"))
      assert.is_true(store:set("k001", ("y"):rep(100)))
      assert.is_nil((store:set("k001", ("y"):rep(5000))))
      assert.equal(("y"):rep(100), (store:get "k001"))
      assert.is_true(store:delete "k002")
      assert.is_true(store:set("more", ("x"):rep(100)))
    end)

    it("makes room of what is over", function()
      local count = fill(0, 50)
      assert.is_nil((store:set("more", ("x"):rep(100), 49)))
      assert.is_true(store:set("more", ("x"):rep(100), 50))
      assert.is_true(store:counts().values <= 2)
      assert.equal(count, store:counts().values - 1 + store:counts().expired)
    end)

    it("counts no more, and no less, than there is", function()
      local function settle()
        for _, pair in ipairs((store:list("", 1000))) do store:delete(pair[1]) end
      end
      for round = 1, 3 do
        fill(0, round == 2 and 10 or 0)
        store:increment("n", 1)
        store:swap("m", 0, "1")
        store:set("k001", "")
        settle()
        store:sweep(1000, 1000)
        assert.same({ 0, 0 }, { store:counts().values, store:counts().bytes })
      end
    end)
  end)

  it("forgets what is over in small steps", function()
    for i = 1, 500 do store:set("k" .. i, "1", 0, 10) end
    assert.equal(0, store:sweep(9, 1000))
    assert.equal(7, store:sweep(10, 7))
    assert.equal(493, store:counts().values)
    local before = store:counts().values
    store:set("other", "1", 10)
    local after = store:counts().values
    assert.is_true(after >= before - 4 and after <= before, "a write forgets a few")
    while store:sweep(10, 100) > 0 do end
    assert.same({ 1, 500 }, { store:counts().values, store:counts().expired })
  end)

  it("is one for all threads: nothing is lost, and nobody sees halves", function()
    local threads, times = 6, 3000
    store:finish()
    store = stores.new(1 << 24)
    local wrong, swapped, heard = store:storm(threads, times)
    assert.equal(0, wrong)
    assert.equal(tostring(swapped), (store:get "common"))
    assert.is_true(heard > 0)
    local sum = 0
    for _, pair in ipairs((store:list("counter/", 100))) do sum = sum + math.tointeger(pair[2]) end
    assert.equal(threads * times, sum)
    stores.destroy_nothing()
  end)
end)
