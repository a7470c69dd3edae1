local mask = require "room.mask"

local function cut(paths, text)
  return assert(mask.new(paths.drop, paths.keep)):apply(text)
end

local function refused(paths)
  local made, why = mask.new(paths.drop, paths.keep)
  assert.is_nil(made)
  return why
end

-- The slow reference: a text to a tree of { kind, members or items or raw }, keys decoded, repeated ones kept.

local function decode_key(raw)
  local short = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }
  local text = raw:gsub("\\u([dD][89abAB]%x%x)\\u([dD][c-fC-F]%x%x)", function(high, low)
    return utf8.char(0x10000 + ((tonumber(high, 16) - 0xD800) << 10) + tonumber(low, 16) - 0xDC00)
  end)
  text = text:gsub("\\(u?)(.)(%x?%x?%x?)", function(u, first, rest)
    if u == "u" then return utf8.char(tonumber(first .. rest, 16)) end
    return (short[first] or first) .. rest
  end)
  return text
end

local parse

local function parse_string(text, at)
  local from = at + 1
  at = from
  while text:sub(at, at) ~= '"' do at = at + (text:sub(at, at) == "\\" and 2 or 1) end
  return text:sub(from, at - 1), at + 1
end

local function space(text, at) return text:match("^[ \t\r\n]*()", at) end

local function parse_list(text, at, close, one)
  local list = {}
  at = space(text, at + 1)
  while text:sub(at, at) ~= close do
    list[#list + 1], at = one(text, at)
    at = space(text, at)
    if text:sub(at, at) == "," then at = space(text, at + 1) end
  end
  return list, at + 1
end

local function parse_member(text, at)
  local key, value
  key, at = parse_string(text, at)
  at = space(text, space(text, at) + 1)
  value, at = parse(text, at)
  return { key = decode_key(key), raw = key, value = value }, at
end

function parse(text, at)
  local first = text:sub(at, at)
  local list, after
  if first == "{" then
    list, after = parse_list(text, at, "}", parse_member)
    return { kind = "object", list = list }, after
  elseif first == "[" then
    list, after = parse_list(text, at, "]", parse)
    return { kind = "array", list = list }, after
  elseif first == '"' then
    list, after = parse_string(text, at)
    return { kind = "scalar", raw = '"' .. list .. '"' }, after
  end
  local raw = text:match("^[^%s,%]}]+", at)
  return { kind = "scalar", raw = raw }, at + #raw
end

local function tree(text) return (parse(text, space(text, 1))) end

local function print_tree(node)
  if node.kind == "scalar" then return node.raw end
  local parts = {}
  for i, one in ipairs(node.list) do
    parts[i] = node.kind == "array" and print_tree(one) or '"' .. one.raw .. '":' .. print_tree(one.value)
  end
  local inner = table.concat(parts, ",")
  return node.kind == "array" and "[" .. inner .. "]" or "{" .. inner .. "}"
end

local function begins(path, names)
  for i, name in ipairs(names) do
    if path[i] ~= name then return false end
  end
  return true
end

-- What the pages say, said once more: of a value at `names`, is it dropped, kept, or does a path lead on from here?
local function judge(paths, names)
  local verdict = { kept = #paths.keep == 0 }
  for _, path in ipairs(paths.drop) do
    if begins(names, path) and #path > 0 then verdict.dropped = true end
    if begins(path, names) and #path > #names then verdict.leads = true end
  end
  for _, path in ipairs(paths.keep) do
    if begins(names, path) then verdict.kept = true end
    if begins(path, names) and #path > #names then verdict.leads = true end
  end
  return verdict
end

local function slow(node, paths, names)
  local verdict = judge(paths, names)
  if verdict.dropped then return nil end
  if node.kind == "scalar" or not verdict.leads then return verdict.kept and node or nil end
  local out = { kind = node.kind, list = {} }
  for _, one in ipairs(node.list) do
    if node.kind == "array" then
      out.list[#out.list + 1] = slow(one, paths, names)
    else
      local below = { table.unpack(names) }
      below[#below + 1] = one.key
      local value = slow(one.value, paths, below)
      if value then out.list[#out.list + 1] = { key = one.key, raw = one.raw, value = value } end
    end
  end
  return out
end

-- Random documents in which the same few names come again and again, some in disguise.
local NAMES = { a = { "a", "\\u0061" }, b = { "b" }, ["é"] = { "é", "\\u00e9" }, ["c.d"] = { "c.d", "c\\u002Ed" },
  ['"'] = { '\\"', "\\u0022" }, ["😀"] = { "😀", "\\ud83d\\uDE00" } }
local KEYS = {}
for key in pairs(NAMES) do KEYS[#KEYS + 1] = key end
table.sort(KEYS)
local SCALARS = { "1", "-2.50", "1e3", "true", "false", "null", '"x"', [["\"}],{[\\"]], '""', '"a"' }

local function any(list) return list[math.random(#list)] end
local function gap() return any { "", "", "", " ", "\t ", "\n" } end

local function random_text(depth)
  local kind = math.random(5)
  if depth == 0 or kind <= 1 then return any(SCALARS) end
  local parts = {}
  for i = 1, math.random(0, 4) do
    local key = kind > 2 and '"' .. any(NAMES[any(KEYS)]) .. '"' .. gap() .. ":" .. gap() or ""
    parts[i] = gap() .. key .. random_text(depth - 1) .. gap()
  end
  local inner = table.concat(parts, ",")
  return kind > 2 and "{" .. inner .. "}" or "[" .. inner .. "]"
end

local function random_paths(most)
  local texts, paths = {}, {}
  for i = 1, math.random(0, most) do
    local names, parts = {}, {}
    for n = 1, math.random(3) do
      names[n] = any(KEYS)
      parts[n] = names[n]:gsub("[.\\]", "\\%0")
    end
    texts[i], paths[i] = table.concat(parts, "."), names
  end
  return texts, paths
end

describe("rule/mask", function()
  it("drops members by name, and leaves the rest as it came", function()
    assert.equal('{"name":"cpu","avg":1.50}', cut({ drop = { "cost", "p95" } },
      '{"cost":1, "name":"cpu","p95":{"a":[1,2]},"avg":1.50}'))
    assert.equal("{}", cut({ drop = { "cost" } }, '{"cost":1}'))

  end)

  it("keeps members by name, and nothing else", function()
    assert.equal('{"name":"cpu"}', cut({ keep = { "name" } }, '{"cost":1,"name":"cpu","x":{"name":1}}'))
    assert.equal('{"a":{"b":2}}', cut({ keep = { "a.b" } }, '{"a":{"b":2,"c":3},"b":4}'))
    assert.equal("{}", cut({ keep = { "a.b" } }, '{"a":1}'))
  end)

  it("follows a path through objects and into every item of arrays", function()
    local text = '{"items":[{"cost":1,"id":7},{"id":8},[{"cost":2}],3],"cost":4}'
    assert.equal('{"items":[{"id":7},{"id":8},[{}],3],"cost":4}', cut({ drop = { "items.cost" } }, text))
    assert.equal('{"items":[{"id":7},{"id":8},[{}]]}', cut({ keep = { "items.id" } }, text))
    assert.equal('[{},{"a":1}]', cut({ drop = { "cost" } }, '[{"cost":1},{"a":1,"cost":2}]'))
  end)

  it("finds a name however it is spelt, and each time it is repeated", function()
    assert.equal('{"b":1}', cut({ drop = { "cost" } }, [[{"\u0063ost":1,"b":1,"cost":2,"co\u0073t":3,"cost":4}]]))
    assert.equal([[{"\u0061":1,"a":2}]], cut({ keep = { "a" } }, [[{"\u0061":1,"b":3,"a":2}]]))
    assert.equal("{}", cut({ drop = { "é😀" } }, [[{"\u00E9\ud83d\ude00":1,"é😀":2}]]))
  end)

  it("is not deceived by brackets and quotes in texts", function()
    assert.equal('{"a":"}\\"],"}', cut({ drop = { "x" } }, '{"x":"{\\"","a":"}\\"],","x":["\\\\"]}'))
  end)

  it("lets a dot be part of a name behind a backslash", function()
    assert.equal('{"a":{"b":1}}', cut({ drop = { [[a\.b]] } }, '{"a.b":1,"a":{"b":1}}'))
    assert.equal('{"a.b":1,"a":{}}', cut({ drop = { "a.b" } }, '{"a.b":1,"a":{"b":1}}'))
    assert.equal("{}", cut({ drop = { [[a\\]] } }, [[{"a\\":1}]]))
  end)

  it("drops within what is kept; what is dropped is gone, whatever is kept in it", function()
    assert.equal('{"a":{"c":2}}', cut({ keep = { "a" }, drop = { "a.b" } }, '{"a":{"b":1,"c":2},"d":3}'))
    assert.equal("{}", cut({ keep = { "a.b" }, drop = { "a" } }, '{"a":{"b":1}}'))
    assert.equal("{}", cut({ keep = { "a" }, drop = { "a" } }, '{"a":{"b":1}}'))
  end)

  it("leaves a message that is no object or array whole, or nothing of it where paths are kept", function()
    assert.equal("42", cut({ drop = { "a" } }, " 42 "))
    assert.is_nil(cut({ keep = { "a" } }, " 42 "))
    assert.equal("[]", cut({ keep = { "a" } }, "[1,2]"))
  end)

  it("refuses what is no path", function()
    for _, path in ipairs { "", ".", "a.", ".a", "a..b" } do
      assert.matches("is no path: write names with dots between them", refused { drop = { path } }, 1, true)
    end
    assert.matches("has more than 16 names", refused { keep = { ("a."):rep(16) .. "a" } }, 1, true)
    assert.matches("without NUL", refused { keep = { "a\0b" } }, 1, true)
    assert.matches("in UTF-8", refused { keep = { "\xff" } }, 1, true)
    local many = {}
    for i = 1, 65 do many[i] = "a" .. i end
    assert.matches("more than 64 paths", refused { drop = many }, 1, true)
  end)

  it("cuts random documents as a slow reference does", function()
    local seed = tonumber(os.getenv "SEED" or "") or 20
    math.randomseed(seed)
    local cuts = 0
    for _ = 1, 4000 do
      local text = gap() .. random_text(4) .. gap()
      local drop, drops = random_paths(3)
      local keep, keeps = random_paths(2)
      local expected = slow(tree(text), { drop = drops, keep = keeps }, {})
      local got = assert(mask.new(drop, keep)):apply(text)
      local said = "seed " .. seed .. ": " .. text .. " drop " .. table.concat(drop, " ") .. " keep " .. table.concat(keep, " ")
      assert.equal(expected and print_tree(expected), got and print_tree(tree(got)), said)
      if got and #got < #text then cuts = cuts + 1 end
    end
    assert.is_true(cuts > 1000)
  end)
end)
