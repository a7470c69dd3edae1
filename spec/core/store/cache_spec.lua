local caches = require "room.cache"

describe("a cache", function()
  local cache

  before_each(function() cache = caches.new(1 << 20) end)
  after_each(function() cache:finish() end)

  -- Brings a value in, good for 100 ms, stale for 50 more, usable after errors for 400.
  local function fill(key, value, now)
    local sight, _, flight = cache:look(key, now)
    assert.equal("you fetch", sight)
    cache:fill(flight, value, now, 100, 50, 400)
  end

  local function look(key, now)
    local sight, value, flight = cache:look(key, now)
    if flight then cache:abandon(flight) end
    return sight, value
  end

  it("has what was fetched for as long as it is fresh", function()
    fill("a", "1", 1000)
    for now = 1000, 1099 do assert.same({ "fresh", "1" }, { cache:look("a", now) }) end
    assert.same({ "you fetch" }, { look("b", 1000) })
    assert.same({ 100, 2, 1 }, { cache:counts().hits, cache:counts().misses, cache:counts().values })
  end)

  it("has empty values and odd keys", function()
    fill("", "", 0)
    fill("\0", "zero", 0)
    fill(("k"):rep(caches.key_max), "long", 0)
    assert.same({ "fresh", "" }, { cache:look("", 1) })
    assert.same({ "fresh", "zero" }, { cache:look("\0", 1) })
    assert.same({ "fresh", "long" }, { cache:look(("k"):rep(caches.key_max), 1) })
  end)

  it("gives what is stale to all while one fetches it anew", function()
    fill("a", "1", 0)
    local sight, value, flight = cache:look("a", 100)
    assert.same({ "stale, you fetch", "1" }, { sight, value })
    for now = 100, 149 do assert.same({ "stale", "1" }, { cache:look("a", now) }) end
    cache:fill(flight, "2", 149, 100, 50, 400)
    assert.same({ "fresh", "2" }, { cache:look("a", 150) })
    assert.equal(51, cache:counts().stale)
  end)

  it("gives nothing that is past that, though an error would let it be used", function()
    fill("a", "1", 0)
    assert.same({ "you fetch" }, { look("a", 150) })
    assert.equal(1, cache:counts().values)
    assert.same({ "you fetch" }, { look("a", 500) })
    assert.equal(0, cache:counts().values, "past all its times it is gone")
  end)

  it("lets one fetch and all others wait for it", function()
    local told = {}
    local sight, _, flight = cache:look("a", 0)
    assert.equal("you fetch", sight)
    for i = 1, 3 do
      assert.equal("wait", (cache:look("a", 0, function(value, err) told[#told + 1] = { i, value, err } end)))
    end
    assert.same({}, told)
    cache:fill(flight, "1", 5, 100)
    assert.same({ { 1, "1" }, { 2, "1" }, { 3, "1" } }, told)
    assert.same({ "fresh", "1" }, { cache:look("a", 6) })
    assert.same({ 1, 3 }, { cache:counts().misses, cache:counts().joined })
  end)

  it("tells all who wait that it failed", function()
    local told = {}
    local _, _, flight = cache:look("a", 0)
    for _ = 1, 2 do cache:look("a", 0, function(value, err) told[#told + 1] = { value, err } end) end
    assert.is_nil(cache:fail(flight, "outage", "down", 5))
    assert.same({ { nil, "down" }, { nil, "down" } }, told)
    assert.same({ "you fetch" }, { look("a", 6) })
  end)

  it("has a stale value for the one who fetched and all who wait, where fetching failed", function()
    fill("a", "1", 0)
    local told = {}
    local sight, _, flight = cache:look("a", 200)
    assert.equal("you fetch", sight)
    cache:look("a", 200, function(value) told[#told + 1] = value end)
    assert.equal("1", cache:fail(flight, "outage", "down", 499))
    assert.same({ "1" }, told)
    _, _, flight = cache:look("a", 499)
    assert.is_nil(cache:fail(flight, "outage", "down", 500))
    assert.equal(0, cache:counts().values)
  end)

  it("forgets a value of which it was said that there is none", function()
    fill("a", "1", 0)
    local sight, value, flight = cache:look("a", 120)
    assert.same({ "stale, you fetch", "1" }, { sight, value })
    assert.is_nil(cache:fail(flight, "verdict", "bad token", 121))
    assert.same({ "you fetch" }, { look("a", 122) })
  end)

  it("gives the fetch to the next who waits, where the first has gone", function()
    local told = {}
    local _, _, flight = cache:look("a", 0)
    cache:look("a", 0, function(_, _, heir) told.flight = heir end)
    cache:look("a", 0, function(value) told.value = value end)
    cache:abandon(flight)
    assert.is_nil(told.value)
    assert.equal("wait", (cache:look("a", 1)))
    cache:fill(told.flight, "1", 2, 100)
    assert.equal("1", told.value)
    _, _, flight = cache:look("b", 0)
    cache:abandon(flight)
    assert.same({ "you fetch" }, { look("b", 0) })
  end)

  it("does not tell who has left", function()
    local told = {}
    local _, _, flight = cache:look("a", 0)
    local function never() told[#told + 1] = "left" end
    local _, _, _, first = cache:look("a", 0, never)
    local third
    cache:look("a", 0, function()
      told[#told + 1] = "second"
      cache:leave(third)
    end)
    _, _, _, third = cache:look("a", 0, never)
    cache:look("a", 0, function() told[#told + 1] = "fourth" end)
    cache:leave(first)
    cache:fill(flight, "1", 1, 100)
    assert.same({ "second", "fourth" }, told)
  end)

  it("lets who is told do anything with it", function()
    cache:finish()
    cache = caches.new(1000)
    local told = {}
    local _, _, flight = cache:look("a", 0)
    cache:look("a", 0, function(value)
      local _, _, other = cache:look("b", 0)
      cache:fill(other, ("b"):rep(600), 0, 100) -- the first gives way to it
      cache:remove("b")
      told[#told + 1] = value
    end)
    cache:look("a", 0, function(value) told[#told + 1] = value end)
    local value = ("a"):rep(600)
    cache:fill(flight, value, 0, 100, 0, 1000)
    assert.same({ value, value }, told)
    assert.same({ 0, 0, 1 }, { cache:counts().values, cache:counts().bytes, cache:counts().evicted })
  end)

  it("keeps a stale value for the one who fetched, whatever those who wait do", function()
    cache:finish()
    cache = caches.new(1000)
    local value = ("a"):rep(600)
    fill("a", value, 0)
    local _, _, flight = cache:look("a", 200)
    cache:look("a", 200, function() cache:remove("a") end)
    assert.equal(value, cache:fail(flight, "outage", "down", 200))
    assert.equal(0, cache:counts().values)
  end)

  it("keeps what was looked at last, within its bytes", function()
    cache:finish()
    cache = caches.new(4000)
    for i = 1, 100 do
      fill("k" .. i, ("v"):rep(500), 0)
      if i > 1 then assert.equal("fresh", (look("k1", 1))) end
      assert.is_true(cache:counts().bytes <= 4000)
    end
    assert.equal("fresh", (look("k100", 1)))
    assert.equal("you fetch", (look("k50", 1)))
    local counts = cache:counts()
    assert.is_true(counts.values >= 3 and counts.values <= 7, "values: " .. counts.values)
    assert.equal(100, counts.values + counts.evicted)
  end)

  it("passes on what is too large for it, but does not keep it", function()
    cache:finish()
    cache = caches.new(1000)
    fill("small", "1", 0)
    local told
    local _, _, flight = cache:look("a", 0)
    cache:look("a", 0, function(value) told = value end)
    cache:fill(flight, ("x"):rep(5000), 0, 100)
    assert.equal(5000, #told)
    assert.equal("you fetch", (look("a", 0)))
    assert.same({ "fresh", "1" }, { look("small", 0) })
    _, _, flight = cache:look("small", 100)
    cache:fill(flight, ("x"):rep(5000), 100, 100)
    assert.equal("you fetch", (look("small", 100)), "what it replaces is gone too")
  end)

  it("keeps a fetch whose value has given way to others", function()
    cache:finish()
    cache = caches.new(1000)
    fill("a", ("a"):rep(500), 0)
    local sight, _, flight = cache:look("a", 120)
    assert.equal("stale, you fetch", sight)
    fill("b", ("b"):rep(500), 120)
    assert.equal("wait", (cache:look("a", 120)))
    cache:fill(flight, "2", 121, 100)
    assert.same({ "fresh", "2" }, { look("a", 122) })
  end)

  it("forgets on request, and what comes in afterwards is kept", function()
    fill("a", "1", 0)
    cache:remove("a")
    cache:remove("a")
    assert.equal("you fetch", (look("a", 1)))
    local _, _, flight = cache:look("a", 1)
    cache:remove("a")
    assert.equal("wait", (cache:look("a", 1)))
    cache:fill(flight, "2", 1, 100)
    assert.same({ "fresh", "2" }, { look("a", 1) })
    caches.destroy_nothing()
  end)

  it("agrees with a simple model, whatever is done to it", function()
    cache:finish()
    cache = caches.new(1 << 20)
    local model, flights, now = {}, {}, 0
    math.randomseed(42)
    for step = 1, 20000 do
      now = now + math.random(0, 3)
      local key = "k" .. math.random(1, 20)
      local kept, flight = model[key], flights[key]
      if flight and math.random() < 0.4 then
        flights[key] = nil
        if math.random() < 0.5 then
          local terms = { math.random(0, 40), math.random(0, 40), math.random(0, 80) }
          cache:fill(flight, "v" .. step, now, table.unpack(terms))
          model[key] = { "v" .. step, now + terms[1], now + terms[1] + terms[2], now + terms[1] + terms[3] }
        else
          local usable = kept and now < math.max(kept[3], kept[4]) and kept[1] or nil
          assert.equal(usable, cache:fail(flight, "outage", "down", now))
          if not usable then model[key] = nil end
        end
      else
        local sight, value, mine = cache:look(key, now)
        local want = flight and "wait" or "you fetch"
        if kept and now < kept[2] then
          want = "fresh"
        elseif kept and now < kept[3] then
          want = flight and "stale" or "stale, you fetch"
        end
        assert.equal(want, sight)
        assert.equal((want == "fresh" or want:find "stale") and kept[1] or nil, value)
        if mine then flights[key] = mine end
      end
    end
  end)
end)
