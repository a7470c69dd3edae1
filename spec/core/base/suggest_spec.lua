local suggest = require "room.suggest"

-- The same distance, written without thought for speed.
local function distance(a, b)
  local d = {}
  for i = 0, #a do
    d[i] = { [0] = i }
    for j = 1, #b do
      if i == 0 then
        d[i][j] = j
      else
        local is_same = a:byte(i) == b:byte(j)
        d[i][j] = math.min(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (is_same and 0 or 1))
        if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
          d[i][j] = math.min(d[i][j], d[i - 2][j - 2] + 1)
        end
      end
    end
  end
  return d[#a][#b]
end

local options = { "port", "workers", "scripts", "log-level", "log-format", "tls-key", "tls-cert" }

describe("base/suggest", function()
  it("finds what a slip of the finger meant", function()
    assert.equal("workers", suggest("worker", options))
    assert.equal("workers", suggest("wrokers", options))
    assert.equal("scripts", suggest("scriipts", options))
    assert.equal("log-level", suggest("log_level", options))
    assert.equal("log-format", suggest("logformat", options))
    assert.equal("port", suggest("prot", options))
  end)

  it("takes the nearest, and the first of two that are as near", function()
    assert.equal("tls-key", suggest("tls-keys", options))
    assert.equal("ab", suggest("abc", { "xbd", "ab", "abd" }))
    assert.equal("abc", suggest("abc", { "abd", "abc" }))
  end)

  it("says nothing when nothing is near", function()
    assert.is_nil(suggest("banana", options))
    assert.is_nil(suggest("porcelain", options))
    assert.is_nil(suggest("x", options))
    assert.is_nil(suggest("port", {}))
  end)

  it("allows one change in a short word and a third of a long one", function()
    assert.equal("ab", suggest("ax", { "ab" }))
    assert.is_nil(suggest("xy", { "ab" }))
    assert.equal("abcdef", suggest("abcdxy", { "abcdef" }))
    assert.is_nil(suggest("abcxyz", { "abcdef" }))
    assert.is_nil(suggest("abxy", { "abcd" }))
  end)

  it("does not toil over endless words", function()
    assert.is_nil(suggest(("a"):rep(1000000), { ("a"):rep(1000000) }))
    assert.equal("port", suggest("porr", { ("a"):rep(1000), "port" }))
    assert.equal(("a"):rep(64), suggest(("a"):rep(63) .. "b", { ("a"):rep(64) }))
  end)

  it("agrees with a plain table over random words", function()
    math.randomseed(15)
    local function word()
      local letters = {}
      for i = 1, math.random(1, 9) do letters[i] = ("abc"):sub(math.random(3)):sub(1, 1) end
      return table.concat(letters)
    end
    for _ = 1, 3000 do
      local wrong, name = word(), word()
      local is_near = distance(wrong, name) <= math.max(1, #wrong // 3)
      assert.equal(is_near and name or nil, suggest(wrong, { name }))
    end
  end)
end)
