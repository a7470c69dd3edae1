local rollup = require "room.rollup"

local function of(rule)
  rule.into = rule.into or "dash:{host}"
  return assert(rollup.new(rule))
end

local function refused(rule)
  rule.into = rule.into or "dash:{host}"
  local made, why = rollup.new(rule)
  assert.is_nil(made)
  return why
end

local function told(rule, ...)
  local sums = of(rule)
  for _, message in ipairs { ... } do assert.equal("taken", sums:add(message)) end
  local all = {}
  for text in function() return sums:take() end do all[#all + 1] = text end
  return table.concat(all, " ")
end

describe("a rollup", function()
  it("counts", function()
    assert.equal('{"count":3}', told({ stats = { "count" } }, "1", '"x"', "{}"))
  end)

  it("has the figures of a number, in the order in which they are wished for", function()
    local rule = { of = "v", stats = { "last", "first", "max", "min", "sum", "avg", "count" } }
    assert.equal('{"last":4,"first":2,"max":7.5,"min":-1,"sum":12.5,"avg":3.125,"count":4}',
      told(rule, '{"v":2}', '{"v":7.5}', '{"v":-1}', '{"v":4}'))
    assert.equal('{"last":2,"first":2,"max":2,"min":2,"sum":2,"avg":2,"count":1}', told(rule, '{"v":2}'))
  end)

  it("has percentiles by the nearest rank", function()
    local messages = {}
    for n = 100, 1, -1 do messages[#messages + 1] = ('{"v":%d}'):format(n) end
    assert.equal('{"p1":1,"p50":50,"p95":95,"p99":99}',
      told({ of = "v", stats = { "p1", "p50", "p95", "p99" } }, table.unpack(messages)))
    assert.equal('{"p1":7,"p99":7}', told({ of = "v", stats = { "p1", "p99" } }, '{"v":7}'))
    assert.equal('{"p50":1,"p51":2}', told({ of = "v", stats = { "p50", "p51" } }, '{"v":1}', '{"v":2}'))
  end)

  it("takes percentiles of a fair sample where there are very many", function()
    local sums = of { of = "v", stats = { "count", "p50", "p90" } }
    for n = 1, 20000 do sums:add(('{"v":%d}'):format(n)) end
    local count, half, most = sums:take():match '{"count":(%d+),"p50":(%d+),"p90":(%d+)}'
    assert.equal("20000", count)
    assert.truthy(math.abs(half - 10000) < 1500, half)
    assert.truthy(math.abs(most - 18000) < 1000, most)
  end)

  it("does each value by itself, in the order in which they came", function()
    assert.equal('{"name":"b","sum":4} {"name":"a","sum":2} {"name":7,"sum":5} {"sum":9}',
      told({ by = "of.name", of = "v", stats = { "sum" } }, '{"of":{"name":"b"},"v":1}', '{"of":{"name":"a"},"v":2}',
        '{"of":{"name":"b"},"v":3}', '{"of":{"name":7},"v":5}', '{"v":9}'))
  end)

  it("keeps members as the last message had them, and leaves out what it had not", function()
    assert.equal('{"count":2,"public":true,"at":{"x":[1,2]}}',
      told({ stats = { "count" }, keep = { "public", "pos.at" } }, '{"public":false,"pos":{"at":1}}',
        '{"public":true,"pos":{"at":{"x":[1,\n2]}}}'))
    assert.equal('{"count":2}', told({ stats = { "count" }, keep = { "public" } }, '{"public":1}', "{}"))
  end)

  it("leaves out messages without the number", function()
    local sums = of { of = "v", stats = { "count" } }
    for _, message in ipairs { "{}", "1", '{"v":"1"}', '{"v":null}', '{"v":1e999}', '{"v":[1]}', '{"v":' .. ("1"):rep(65) .. "}" } do
      assert.equal("no number", sums:add(message))
    end
    assert.is_nil(sums:take())
  end)

  it("adds up without losing the small beside the large", function()
    local messages = { '{"v":1e16}' }
    for _ = 1, 100 do messages[#messages + 1] = '{"v":1}' end
    messages[#messages + 1] = '{"v":-1e16}'
    assert.equal('{"sum":100}', told({ of = "v", stats = { "sum" } }, table.unpack(messages)))
  end)

  it("says null where a figure is too large for a number", function()
    assert.equal('{"sum":null,"max":1e+308}', told({ of = "v", stats = { "sum", "max" } }, '{"v":1e308}', '{"v":1e308}'))
  end)

  it("begins anew when all is taken", function()
    local sums = of { by = "k", stats = { "count" }, keep = { "x" } }
    sums:add '{"k":1,"x":"y"}'
    assert.equal('{"k":1,"count":1,"x":"y"}', sums:take())
    assert.is_nil(sums:take())
    assert.equal(0, sums:bytes())
    sums:add '{"k":1}'
    assert.equal('{"k":1,"count":1}', sums:take())
  end)

  it("has room for 1,024 values, and for those it goes on", function()
    local sums = of { by = "k", stats = { "count" } }
    for n = 1, 1024 do assert.equal("taken", sums:add(('{"k":%d}'):format(n))) end
    assert.equal("no room", sums:add '{"k":0}')
    assert.equal("taken", sums:add '{"k":1}')
    assert.equal('{"k":1,"count":2}', sums:take())
    assert.equal("taken", sums:add '{"k":0}')
  end)

  it("keeps within a megabyte, whatever is said", function()
    local sums = of { by = "k", of = "v", stats = { "p50" }, keep = { "pad" } }
    local refused_ones = 0
    for n = 1, 4000 do
      local answer = sums:add(('{"k":%d,"v":%d,"pad":"%s"}'):format(n % 1000, n, ("x"):rep(3000)))
      refused_ones = refused_ones + (answer == "no room" and 1 or 0)
      assert.truthy(sums:bytes() <= 1 << 20, sums:bytes())
    end
    assert.truthy(refused_ones > 0)
    local taken = 0
    while sums:take() do taken = taken + 1 end
    assert.truthy(taken > 50)
    assert.equal(0, sums:bytes())
  end)

  it("counts the memory that what it keeps takes, and gives back what shorter members need no more", function()
    local sums = of { stats = { "count" }, keep = { "pad" } }
    local function add(len) sums:add(('{"pad":"%s"}'):format(("x"):rep(len))) end
    add(40000)
    add(30000)
    assert.truthy(sums:bytes() > 40000, sums:bytes())
    add(10)
    assert.truthy(sums:bytes() < 2000, sums:bytes())
    add(40000)
    sums:add "{}"
    assert.truthy(sums:bytes() < 2000, sums:bytes())
  end)

  it("goes into a channel that is named after its own", function()
    assert.equal("dash:web1", of({ stats = { "count" } }):into("web1", "shop"))
    assert.equal("shop/web1/all", of({ into = "{app}/{host}/all", stats = { "count" } }):into("web1", "shop"))
    assert.equal("all", of({ into = "all", stats = { "count" } }):into("web1", "shop"))
  end)

  it("knows whether another does the same", function()
    local function rule(change)
      local table = { into = "a:{host}", every = 1000, by = "k", of = "v", stats = { "sum", "p95" }, keep = { "x" } }
      for name, value in pairs(change or {}) do table[name] = value end
      return of(table)
    end
    assert.is_true(rule():equals(rule()))
    for _, change in ipairs { { into = "b:{host}" }, { every = 2000 }, { by = "j" }, { of = "w" }, { stats = { "sum" } },
      { stats = { "sum", "p96" } }, { keep = { "y" } }, { keep = { "x", "y" } } } do
      assert.is_false(rule():equals(rule(change)))
    end
  end)

  it("says what is wrong with it", function()
    assert.equal('no figure is called "cuont": did you mean "count"?', refused { stats = { "cuont" } })
    for _, name in ipairs { "p0", "p100", "p", "p05", "p9x", "" } do
      assert.truthy(refused { of = "v", stats = { name } }:find('no figure is called "' .. name .. '"', 1, true))
    end
    assert.equal("`avg` wants a number: say where it is by `of`", refused { stats = { "count", "avg" } })
    assert.equal("two members of what it tells are called `count`", refused { by = "of.count", stats = { "count" } })
    assert.equal("two members of what it tells are called `sum`", refused { of = "v", stats = { "sum", "sum" } })
    assert.equal("two members of what it tells are called `x`", refused { stats = { "count" }, keep = { "x", "y.x" } })
    assert.equal('{app2} in "a:{app2}" is no parameter of the channel\'s own pattern',
      refused { into = "a:{app2}", stats = { "count" } })
    assert.equal('a { without its } in "a:{host"', refused { into = "a:{host", stats = { "count" } })
    for _, name in ipairs { "a b", "a*", "a}", "\n" } do
      assert.truthy(refused { into = name, stats = { "count" } }:find "no channel's name")
    end
    assert.equal('it is the name of a channel, such as "dash:{host}"', refused { into = "", stats = { "count" } })
  end)
end)
