local cjson = require "cjson"
local filter = require "room.filter"

local SEED = tonumber(os.getenv "SEED" or "") or 12
local FIELDS = { "name", "host", "load", "by.team" }

local function made(json, form) return assert(filter.new(FIELDS, json, form)) end
local function passes(json, message, form) return made(json, form):passes(message) end
local function refused(json, form)
  local one, why = filter.new(FIELDS, json, form)
  assert.is_nil(one, json)
  return why
end

local function all(answer, message, list, form)
  for _, json in ipairs(list) do assert.equal(answer, passes(json, message, form), json .. " of " .. message) end
end

local CPU = [[{"name":"cpu","host":"a\u0062\n","load":12.50,"by":{"team":"red"},"gone":1,"host2":"x"}]]

describe("a filter by fields", function()
  it("wants a value, one of several, none, or what comparisons say; and all of it", function()
    all(true, CPU, { "{}", '{"name":"cpu"}', '{"name":["disk","cpu"]}', '{"by.team":"red","name":"cpu"}', '{"load":"12.50"}',
      '{"load":12.50}', '{"load":{"gt":12,"lte":12.5}}', [[{"host":"ab\n"}]], '{"host":{"sw":"a","ew":"\\n","ct":"b"}}',
      '{"name":{"neq":"disk"}}', '{"name":{"nin":["disk"]}}', '{"name":{"ex":true}}' })
    all(false, CPU, { '{"name":"disk"}', '{"name":["disk"]}', '{"by.team":"blue","name":"cpu"}', '{"load":12.5}', '{"name":null}',
      '{"load":{"gt":12.5}}', '{"name":{"gt":1}}', '{"name":{"nex":true}}', '{"name":{"nin":["cpu"]}}' })
  end)

  it("finds nothing in null, arrays and objects, nor where the field is not", function()
    for _, message in ipairs { "{}", "5", "null", "[]", '{"name":null}', '{"name":["cpu"]}', '{"name":{"a":1}}', '"name"' } do
      all(true, message, { '{"name":null}', '{"name":{"nex":true}}', '{"name":{"neq":"cpu"}}', '{"name":{"nin":["cpu"]}}', '{"name":[""]}' })
      all(false, message, { '{"name":"cpu"}', '{"name":""}', '{"name":{"sw":""}}', '{"name":{"ct":""}}', '{"name":{"lt":5}}' })
    end
    all(true, '{"name":true,"load":false}', { '{"name":true}', '{"name":"true"}', '{"load":false}' })
    all(true, '{"name":"a","name":"b"}', { '{"name":"b"}' })
  end)

  it("compares numbers exactly, and nothing else", function()
    all(true, '{"load":9007199254740993}', { '{"load":{"gt":9007199254740992}}', '{"load":{"lt":"9007199254740994"}}' })
    all(true, '{"load":"1e2"}', { '{"load":{"gte":100,"lte":100}}' })
    for _, text in ipairs { "", "nan", "inf", "0x10", " 1", "1 ", "1,", "+1", "[1]" } do
      all(false, cjson.encode { load = text }, { '{"load":{"gt":-1}}', '{"load":{"lt":100}}' })
    end
  end)

  it("is refused where it is wrong, with the reason", function()
    local wrong = {
      ["5"] = 'an object is wanted, such as {"name":"cpu"}: 5',
      ['{"nme":1}'] = 'this channel cannot be filtered by that field: "nme"',
      ['{"team":1}'] = 'this channel cannot be filtered by that field: "team"',
      ['{"name":[]}'] = "an empty array",
      ['{"name":[[1]]}'] = "a text, a number, true or false is wanted: [1]",
      ['{"name":{"is":1}}'] = 'a comparison is one of eq neq in nin ex nex sw ew ct lt lte gt gte: "is"',
      ['{"name":{"in":1}}'] = "an array is wanted: 1",
      ['{"name":{"eq":null}}'] = "a text, a number, true or false is wanted: null",
      ['{"name":{"ex":false}}'] = "ex and nex want true: false",
    }
    for json, why in pairs(wrong) do assert.equal("bad request: filter: " .. why, refused(json)) end
    assert.matches("more than 4096 bytes", refused('{"name":"' .. ("x"):rep(4100) .. '"}'))
    local many = {}
    for i = 1, 200 do many[i] = '"eq":1' end
    assert.matches("too many parts", refused('{"name":{' .. table.concat(many, ",") .. "}}"))
  end)

  it("is equal to what asks the same, in whichever order and form", function()
    local one = made '{"name":"cpu","host":["a","b"]}'
    assert.is_true(one:equals(made ' {"host":["\\u0061","b"] , "name":"cpu"}'))
    assert.is_true(one:equals(made('{"op":"and","nodes":[{"key":"name","cmp":"eq","val":"cpu"},{"key":"host","cmp":"in","vals":["a","b"]}]}', "tags")))
    for _, other in ipairs { '{"name":"cpu"}', '{"name":"cpu","host":["b","a"]}', '{"name":"cpu","host":{"nin":["a","b"]}}', "{}" } do
      assert.is_false(one:equals(made(other)))
    end
  end)
end)

describe("a filter by tags", function()
  it("is a tree of comparisons", function()
    all(true, CPU, {
      '{"key":"name","cmp":"eq","val":"cpu"}', '{"op":"","key":"name","cmp":"ex","val":"","vals":[]}',
      '{"op":"not","nodes":[{"key":"name","cmp":"eq","val":"disk"}]}',
      '{"op":"or","nodes":[{"key":"name","cmp":"eq","val":"disk"},{"key":"load","cmp":"gt","val":"12"}]}',
      '{"op":"and","nodes":[{"op":"not","nodes":[{"key":"by.team","cmp":"ct","val":"bl"}]},{"key":"load","cmp":"lte","val":"12.5"}]}',
      '{"key":"host","cmp":"neq"}',
    }, "tags")
    all(false, CPU, { '{"key":"name","cmp":"nex"}', '{"key":"name","cmp":"eq"}',
      '{"op":"and","nodes":[{"key":"name","cmp":"eq","val":"cpu"},{"key":"name","cmp":"nin","vals":["cpu"]}]}' }, "tags")
  end)

  it("is refused where it is wrong, with the reason", function()
    local deep = ('{"op":"not","nodes":['):rep(16) .. '{"key":"name","cmp":"ex"}' .. ("]}"):rep(16)
    local wrong = {
      ["5"] = "an object is wanted: 5", ["{}"] = "`key` or `cmp` is missing", ['{"key":"name"}'] = "`key` or `cmp` is missing",
      ['{"key":"x","cmp":"ex"}'] = 'this channel cannot be filtered by that field: "x"',
      ['{"key":"name","cmp":"like","val":"x"}'] = 'a comparison is one of eq neq in nin ex nex sw ew ct lt lte gt gte: "like"',
      ['{"key":"name","cmp":"ex","val":"x"}'] = 'that comparison has another operand: "ex"',
      ['{"key":"name","cmp":"in","val":"x"}'] = 'that comparison has another operand: "in"',
      ['{"key":"name","cmp":"in"}'] = "an empty array",
      ['{"op":"xor","nodes":[]}'] = 'an op is and, or, not: "xor"', ['{"op":"and"}'] = "`nodes` is missing",
      ['{"op":"and","nodes":[]}'] = "`and` and `or` have nodes, `not` has one",
      ['{"op":"not","nodes":[{"key":"name","cmp":"ex"},{"key":"name","cmp":"ex"}]}'] = "`and` and `or` have nodes, `not` has one",
      [deep] = "it is nested too deep",
    }
    for json, why in pairs(wrong) do assert.equal("bad request: filter: " .. why, refused(json, "tags")) end
  end)
end)

describe("a filter", function()
  -- The slow reference: the protocol's table, word for word, over a table of tags.
  local tests = {}
  function tests.eq(tag, node) return tag == node.val end
  function tests.neq(tag, node) return tag ~= node.val end
  tests["in"] = function(tag, node)
    for _, val in ipairs(node.vals) do
      if val == (tag or "") then return true end
    end
    return false
  end
  function tests.nin(tag, node) return not tests["in"](tag, node) end
  function tests.ex(tag) return tag ~= nil end
  function tests.nex(tag) return tag == nil end
  function tests.sw(tag, node) return tag ~= nil and tag:sub(1, #node.val) == node.val end
  function tests.ew(tag, node) return tag ~= nil and (node.val == "" or tag:sub(-#node.val) == node.val) end
  function tests.ct(tag, node) return tag ~= nil and tag:find(node.val, 1, true) ~= nil end
  local function both(compare)
    return function(tag, node)
      local a = tag and tag:match "^%-?%d" and tonumber(tag)
      local b = node.val:match "^%-?%d" and tonumber(node.val)
      return a and b and compare(a, b) or false
    end
  end
  tests.lt, tests.lte = both(function(a, b) return a < b end), both(function(a, b) return a <= b end)
  tests.gt, tests.gte = both(function(a, b) return a > b end), both(function(a, b) return a >= b end)

  local function slow(node, tags)
    if node.op == "not" then return not slow(node.nodes[1], tags) end
    if node.op then
      for _, child in ipairs(node.nodes) do
        if slow(child, tags) == (node.op == "or") then return node.op == "or" end
      end
      return node.op == "and"
    end
    return tests[node.cmp](tags[node.key], node)
  end

  local VALUES = { "", "a", "ab", "b", "1", "2", "10", "-1", "1.5", "aba", "é" }
  local COMPARISONS = {}
  for name in pairs(tests) do COMPARISONS[#COMPARISONS + 1] = name end
  table.sort(COMPARISONS)
  local function any(list) return list[math.random(#list)] end

  local function random_node(depth)
    local kind = math.random(6)
    if depth == 0 or kind <= 2 then
      local node = { key = any(FIELDS), cmp = any(COMPARISONS) }
      if node.cmp == "in" or node.cmp == "nin" then
        node.vals = {}
        for i = 1, math.random(3) do node.vals[i] = any(VALUES) end
      elseif node.cmp ~= "ex" and node.cmp ~= "nex" then
        node.val = any(VALUES)
      end
      return node
    end
    local node = { op = any { "and", "or", "not" }, nodes = {} }
    for i = 1, node.op == "not" and 1 or math.random(3) do node.nodes[i] = random_node(depth - 1) end
    return node
  end

  it("answers as a slow reference does, for random trees and messages", function()
    math.randomseed(SEED)
    local count = { [true] = 0, [false] = 0 }
    for _ = 1, 4000 do
      local tree, tags, message = random_node(3), {}, {}
      for _, name in ipairs(FIELDS) do
        if math.random(4) > 1 then tags[name] = any(VALUES) end
      end
      message.name, message.host, message.load = tags.name, tags.host, tags.load
      message.by = tags["by.team"] and { team = tags["by.team"] } or nil
      local json, text = cjson.encode(tree), next(message) and cjson.encode(message) or "{}"
      local expected = slow(tree, tags)
      assert.equal(expected, passes(json, text, "tags"), ("seed %d: %s of %s"):format(SEED, json, text))
      count[expected] = count[expected] + 1
    end
    assert.is_true(count[true] > 500 and count[false] > 500)
  end)

  -- A member's value as it may be written, and what that is as a text; nil: the field is absent.
  local WRITTEN = { { '"a"', "a" }, { '"\\u0061b"', "ab" }, { '"aba"', "aba" }, { '""', "" }, { '"\\u00e9"', "é" }, { '"10"', "10" },
    { "1", "1" }, { "2", "2" }, { "-1", "-1" }, { "1.5", "1.5" }, { "true", "true" }, { "null" }, { "[1]" }, { '{"a":1}' } }

  local function gap() return any { "", "", " ", "\n\t" } end

  -- A message as strangers write it: spaces, other members, names in disguise, names that come twice; and its tags.
  local function random_message()
    local tags, parts = {}, {}
    local function add(name, value) parts[#parts + 1] = gap() .. '"' .. name .. '"' .. gap() .. ":" .. gap() .. value .. gap() end
    for _, name in ipairs { "name", "host", "load" } do
      for _ = 1, any { 0, 1, 1, 1, 2 } do
        local one = any(WRITTEN)
        add(any { name, name:gsub("o", "\\u006f"), name }, one[1])
        tags[name] = one[2]
      end
      if math.random(3) == 1 then add(any { "names", "hos", "x" }, any(WRITTEN)[1]) end
    end
    if math.random(3) > 1 then
      local one = any(WRITTEN)
      add("by", ('{"x":[{"team":"no"}],%s"team":%s}'):format(gap(), one[1]))
      tags["by.team"] = one[2]
    end
    return "{" .. table.concat(parts, ",") .. "}", tags
  end

  local function random_wish()
    local nodes, parts = {}, {}
    for _, key in ipairs(FIELDS) do
      local kind = math.random(12)
      if kind == 1 then
        local val = any(VALUES)
        nodes[#nodes + 1], parts[#parts + 1] = { key = key, cmp = "eq", val = val }, cjson.encode(key) .. ":" .. cjson.encode(val)
      elseif kind == 2 then
        local vals = { any(VALUES), any(VALUES) }
        nodes[#nodes + 1], parts[#parts + 1] = { key = key, cmp = "in", vals = vals }, cjson.encode(key) .. ":" .. cjson.encode(vals)
      elseif kind == 3 then
        nodes[#nodes + 1], parts[#parts + 1] = { key = key, cmp = "nex" }, cjson.encode(key) .. ":null"
      elseif kind == 4 then
        local node, operand = { key = key, cmp = any(COMPARISONS) }, "true"
        if node.cmp == "in" or node.cmp == "nin" then
          node.vals = { any(VALUES), any(VALUES) }
          operand = cjson.encode(node.vals)
        elseif node.cmp ~= "ex" and node.cmp ~= "nex" then
          node.val = any(VALUES)
          operand = cjson.encode(node.val)
        end
        nodes[#nodes + 1], parts[#parts + 1] = node, ('%s:{"%s":%s}'):format(cjson.encode(key), node.cmp, operand)
      end
    end
    return { op = "and", nodes = nodes }, "{" .. table.concat(parts, "," .. gap()) .. "}"
  end

  it("answers as a slow reference does, for random wishes and messages as strangers write them", function()
    math.randomseed(SEED)
    local count = { [true] = 0, [false] = 0 }
    for _ = 1, 4000 do
      local wish, json = random_wish()
      local message, tags = random_message()
      local expected = slow(wish, tags)
      assert.equal(expected, passes(json, message), ("seed %d: %s of %s"):format(SEED, json, message))
      count[expected] = count[expected] + 1
    end
    assert.is_true(count[true] > 500 and count[false] > 500, count[true] .. " of 4000 pass")
  end)
end)
