local rate = require "room.rate"

describe("a rate", function()
  it("is so many in a time, counted for somebody", function()
    assert.same({ 5, 10000, "user" }, { rate.parse "5/10s" })
    assert.same({ 5, 10000, "user" }, { rate.parse "5/10s per user" })
    assert.same({ 1, 1000, "ip" }, { rate.parse "1/s per ip" })
    assert.same({ 100, 60000, "channel" }, { rate.parse "100/1m per channel" })
    assert.same({ 20, 3600000, "connection" }, { rate.parse "  20/h   per   connection " })
    assert.same({ 3, 1000, "claim", "org.id" }, { rate.parse "3/s per claims.org.id" })
  end)

  it("says what is wrong with one that is none", function()
    local wrong = {
      [""] = 'a rate begins with a number from 1 to 1000000 (got "")',
      ["x/s"] = 'a rate begins with a number from 1 to 1000000 (got "x")',
      ["0/s"] = 'a rate begins with a number from 1 to 1000000 (got "0")',
      ["1000001/s"] = 'a rate begins with a number from 1 to 1000000 (got "1000001")',
      ["99999999999/s"] = 'a rate begins with a number from 1 to 1000000 (got "99999999999")',
      ["5"] = "a rate's number stands before a time, as in \"5/10s\" or \"5/s\"",
      ["5/0s"] = "a rate's number stands before a time, as in \"5/10s\" or \"5/s\"",
      ["5000/ms"] = 'a rate of more than 1000 in a millisecond limits nothing (got "5000/ms")',
      ["1000000/999ms"] = 'a rate of more than 1000 in a millisecond limits nothing (got "1000000/999ms")',
      ["1/999999999d"] = 'a rate\'s time is at most 365d (got "999999999d")',
      ["1/366d"] = 'a rate\'s time is at most 365d (got "366d")',
      ["5/week"] = "a rate's number stands before a time, as in \"5/10s\" or \"5/s\"",
      ["5/s each user"] = 'after a rate comes "per user" or the like (got "each")',
      ["5/s per usr"] = 'unknown "per usr": did you mean "per user"?',
      ["5/s per"] = 'a rate is per user, ip, connection, channel or claims.NAME (got "")',
      ["5/s per claims."] = 'a rate is per user, ip, connection, channel or claims.NAME (got "claims.")',
      ["5/s per claims.a..b"] = 'a rate is per user, ip, connection, channel or claims.NAME (got "claims.a..b")',
      ["5/s per planet"] = 'a rate is per user, ip, connection, channel or claims.NAME (got "planet")',
      ["5/s per user now"] = 'a rate ends after "per ..." (got "now")',
    }
    for text, why in pairs(wrong) do assert.same({ nil, why }, { rate.parse(text) }) end
  end)

  -- Who does as much as it can, ten times a second: how often in the first n ms?
  local function eager(text, from, ms)
    local due, done, wait = 0, 0, nil
    for now = from, from + ms - 1, 100 do
      repeat
        wait, due = rate.try(text, due, now)
        if wait == 0 then done = done + 1 end
      until wait > 0
    end
    return done
  end

  it("lets so many through at once, and then one whenever its share of the time is over", function()
    assert.equal(5, eager("5/10s", 0, 100))
    assert.equal(5, eager("5/10s", 123456789, 2000))
    assert.equal(6, eager("5/10s", 123456789, 2100))
    assert.equal(5 + 5, eager("5/10s", 123456789, 10100))
    assert.equal(5 + 50, eager("5/10s", 123456789, 100100))
  end)

  it("holds at its bounds", function()
    assert.equal(1000, eager("1000/ms", 123456789, 1))
    assert.equal(1000, eager("1000/ms", 123456789, 100))
    assert.equal(2000, eager("1000/ms", 123456789, 101))
    local year, start = 365 * 86400000, 1764000000000
    local wait, due = rate.try("1/365d", 0, start)
    assert.equal(0, wait)
    assert.equal(year, (rate.try("1/365d", due, start)))
    assert.equal(1, (rate.try("1/365d", due, start + year - 1)))
    assert.equal(0, (rate.try("1/365d", due, start + year)))
  end)

  it("says how long it is until the next", function()
    local wait, due = rate.try("1/10s", 0, 5000)
    assert.equal(0, wait)
    assert.equal(10000, (rate.try("1/10s", due, 5000)))
    assert.equal(2500, (rate.try("1/10s", due, 12500)))
    assert.equal(1, (rate.try("1/10s", due, 14999)))
    assert.equal(0, (rate.try("1/10s", due, 15000)))
  end)

  it("forgets nothing by being refused, and all by waiting", function()
    assert.equal(5, eager("5/10s", 0, 100))
    local due = 0
    for _ = 1, 5 do due = select(2, rate.try("5/10s", due, 0)) end
    local after = select(2, rate.try("5/10s", due, 10))
    assert.equal(due, after)
    for _ = 1, 5 do
      local wait
      wait, due = rate.try("5/10s", due, 60000)
      assert.equal(0, wait)
    end
  end)
end)
