-- JSON Schema 2020-12 by the book and slowly, in Lua: what rule/schema is compared with on random schemas and values.
-- Also makes those, and their JSON text in the many ways it can be written.
--
-- Values: nil is never one; reference.NULL, booleans, numbers (quarters only, so that doubles are exact), strings,
-- { kind = "array", ... } and { kind = "object", names = { ... }, at = { [name] = value } }.
local reference = {}

local NULL = { kind = "null" }
reference.NULL = NULL

function reference.array(items)
  items.kind = "array"
  return items
end

function reference.object(members)
  local object = { kind = "object", names = {}, at = {} }
  for name in pairs(members) do object.names[#object.names + 1] = name end
  table.sort(object.names)
  object.at = members
  return object
end

local function kind_of(value)
  return type(value) == "table" and value.kind or type(value)
end

-- ---- equality ----

local function is_equal(a, b)
  local kind = kind_of(a)
  if kind ~= kind_of(b) then return false end
  if kind ~= "array" and kind ~= "object" then return a == b end
  if kind == "array" then
    if #a ~= #b then return false end
    for i, item in ipairs(a) do
      if not is_equal(item, b[i]) then return false end
    end
    return true
  end
  if #a.names ~= #b.names then return false end
  for _, name in ipairs(a.names) do
    if b.at[name] == nil or not is_equal(a.at[name], b.at[name]) then return false end
  end
  return true
end

-- ---- validating ----

-- Regular expressions that are Lua patterns as well.
local PATTERNS = {
  ["^a"] = function(text) return text:find("^a") ~= nil end,
  ["b$"] = function(text) return text:find("b$") ~= nil end,
  ["^[ab]*$"] = function(text) return text:find("^[ab]*$") ~= nil end,
  ["c|ab"] = function(text) return text:find("c") ~= nil or text:find("ab") ~= nil end,
  ["^.$"] = function(text) return utf8.len(text) == 1 end,
}

local validate

-- What a subschema has evaluated of a value: sets of names and of places.
local function nothing() return { names = {}, places = {} } end

local function merge(into, from)
  for name in pairs(from.names) do into.names[name] = true end
  for place in pairs(from.places) do into.places[place] = true end
end

-- Whether it fits; if so, what it has evaluated is added.
local function apply(root, schema, value, seen)
  local fits, evaluated = validate(root, schema, value)
  if fits and seen then merge(seen, evaluated) end
  return fits
end

local TYPES = {
  integer = function(value) return type(value) == "number" and value % 1 == 0 end,
}

local function is_type(value, name)
  return TYPES[name] and TYPES[name](value) or not TYPES[name] and kind_of(value) == name
end

local RULES = {}

function RULES.type(_, types, value)
  if type(types) == "string" then return is_type(value, types) end
  for _, name in ipairs(types) do
    if is_type(value, name) then return true end
  end
  return false
end

RULES["const"] = function(_, const, value) return is_equal(const, value) end
RULES["enum"] = function(_, values, value)
  for _, each in ipairs(values) do
    if is_equal(each, value) then return true end
  end
  return false
end

local function on(kind, rule)
  return function(root, argument, value, seen, schema)
    return kind_of(value) ~= kind or rule(argument, value, seen, root, schema)
  end
end

RULES.minimum = on("number", function(n, value) return value >= n end)
RULES.maximum = on("number", function(n, value) return value <= n end)
RULES.exclusiveMinimum = on("number", function(n, value) return value > n end)
RULES.exclusiveMaximum = on("number", function(n, value) return value < n end)
RULES.multipleOf = on("number", function(n, value) return (value / n) % 1 == 0 end)
RULES.minLength = on("string", function(n, value) return utf8.len(value) >= n end)
RULES.maxLength = on("string", function(n, value) return utf8.len(value) <= n end)
RULES.pattern = on("string", function(pattern, value) return PATTERNS[pattern](value) end)
RULES.minItems = on("array", function(n, value) return #value >= n end)
RULES.maxItems = on("array", function(n, value) return #value <= n end)
RULES.minProperties = on("object", function(n, value) return #value.names >= n end)
RULES.maxProperties = on("object", function(n, value) return #value.names <= n end)

RULES.uniqueItems = on("array", function(is_asked, value)
  for i = 1, is_asked and #value or 0 do
    for k = 1, i - 1 do
      if is_equal(value[i], value[k]) then return false end
    end
  end
  return true
end)

RULES.required = on("object", function(names, value)
  for _, name in ipairs(names) do
    if value.at[name] == nil then return false end
  end
  return true
end)

RULES.dependentRequired = on("object", function(all, value)
  for _, name in ipairs(all.names) do
    for _, other in ipairs(value.at[name] ~= nil and all.at[name] or {}) do
      if value.at[other] == nil then return false end
    end
  end
  return true
end)

RULES.dependentSchemas = on("object", function(all, value, seen, root)
  for _, name in ipairs(all.names) do
    if value.at[name] ~= nil and not apply(root, all.at[name], value, seen) then return false end
  end
  return true
end)

RULES.propertyNames = on("object", function(schema, value, _, root)
  for _, name in ipairs(value.names) do
    if not apply(root, schema, name) then return false end
  end
  return true
end)

-- The three about members see one another, so they are one.
local function check_member(root, schema, name, value, seen)
  local properties, patterns, is_known = schema.at.properties, schema.at.patternProperties, false
  if properties and properties.at[name] ~= nil then
    is_known = true
    if not apply(root, properties.at[name], value) then return false end
  end
  for _, pattern in ipairs(patterns and patterns.names or {}) do
    if PATTERNS[pattern](name) then
      is_known = true
      if not apply(root, patterns.at[pattern], value) then return false end
    end
  end
  local additional = schema.at.additionalProperties
  if not is_known and additional ~= nil then
    is_known = true
    if not apply(root, additional, value) then return false end
  end
  seen.names[name] = is_known or seen.names[name]
  return true
end

local function check_members(root, _, value, seen, schema)
  if kind_of(value) ~= "object" then return true end
  for _, name in ipairs(value.names) do
    if not check_member(root, schema, name, value.at[name], seen) then return false end
  end
  return true
end
RULES.properties, RULES.patternProperties, RULES.additionalProperties = check_members, check_members, check_members

local function check_items(root, _, value, seen, schema)
  if kind_of(value) ~= "array" then return true end
  local prefix = schema.at.prefixItems or {}
  for i, item in ipairs(value) do
    local each = prefix[i]
    if each == nil then each = schema.at.items end
    if each ~= nil then
      if not apply(root, each, item) then return false end
      seen.places[i] = true
    end
  end
  return true
end
RULES.prefixItems, RULES.items = check_items, check_items

RULES.contains = on("array", function(each, value, seen, root, schema)
  local found = 0
  for i, item in ipairs(value) do
    if apply(root, each, item) then
      found = found + 1
      seen.places[i] = true
    end
  end
  return found >= (schema.at.minContains or 1) and found <= (schema.at.maxContains or math.huge)
end)

function RULES.allOf(root, list, value, seen)
  for _, schema in ipairs(list) do
    if not apply(root, schema, value, seen) then return false end
  end
  return true
end

local function count_fitting(root, list, value, seen)
  local count = 0
  for _, schema in ipairs(list) do
    if apply(root, schema, value, seen) then count = count + 1 end
  end
  return count
end

function RULES.anyOf(root, list, value, seen) return count_fitting(root, list, value, seen) > 0 end
function RULES.oneOf(root, list, value, seen) return count_fitting(root, list, value, seen) == 1 end
RULES["not"] = function(root, schema, value) return not apply(root, schema, value) end
RULES["if"] = function(root, condition, value, seen, schema)
  local next_schema = schema.at["else"]
  if apply(root, condition, value, seen) then next_schema = schema.at["then"] end
  return next_schema == nil or apply(root, next_schema, value, seen)
end

RULES["$ref"] = function(root, place, value, seen)
  local target = root
  for name in place:gmatch("/([^/]+)") do target = target.at[name] end
  return apply(root, target, value, seen)
end

function RULES.unevaluatedProperties(root, schema, value, seen)
  if kind_of(value) ~= "object" then return true end
  for _, name in ipairs(value.names) do
    if not seen.names[name] and not apply(root, schema, value.at[name]) then return false end
    seen.names[name] = true
  end
  return true
end

function RULES.unevaluatedItems(root, schema, value, seen)
  if kind_of(value) ~= "array" then return true end
  for i, item in ipairs(value) do
    if not seen.places[i] and not apply(root, schema, item) then return false end
    seen.places[i] = true
  end
  return true
end

function validate(root, schema, value)
  if type(schema) == "boolean" then return schema, nothing() end
  local seen, last = nothing(), {}
  for _, name in ipairs(schema.names) do
    if name:find("^unevaluated") then
      last[#last + 1] = name
    elseif RULES[name] and not RULES[name](root, schema.at[name], value, seen, schema) then
      return false, seen
    end
  end
  for _, name in ipairs(last) do
    if not RULES[name](root, schema.at[name], value, seen, schema) then return false, seen end
  end
  return true, seen
end

--- Whether a value fits a schema.
function reference.fits(schema, value)
  return (validate(schema, schema, value))
end

-- ---- at random ----

local random = math.random
local NAMES = { "a", "b", "c", "ab", "abc", "longer_name", "é" }
local TEXTS = { "", "a", "b", "ab", "abc", "cab", "é", "😀", "ab😀", "a longer text \" with\n\\ signs" }
local TYPE_NAMES = { "null", "boolean", "integer", "number", "string", "array", "object" }
local PATTERN_NAMES = {}
for pattern in pairs(PATTERNS) do PATTERN_NAMES[#PATTERN_NAMES + 1] = pattern end
table.sort(PATTERN_NAMES)

local function pick(list) return list[random(#list)] end

local function some(most, make, ...)
  local list = { kind = "array" }
  for i = 1, random(0, most) do list[i] = make(...) end
  return list
end

local function members(most, names, make, ...)
  local at = {}
  for _ = 1, random(0, most) do at[pick(names)] = make(...) end
  return reference.object(at)
end

local function number() return random(-8, 24) / 4 end

--- A value, nested at most so deep.
function reference.value(depth)
  local kind = random(depth > 0 and 10 or 6)
  if kind == 1 then return NULL end
  if kind == 2 then return random(2) == 1 end
  if kind <= 4 then return number() end
  if kind <= 6 then return pick(TEXTS) end
  if kind <= 8 then return some(4, reference.value, depth - 1) end
  return members(4, NAMES, reference.value, depth - 1)
end

local function list_of(most, make, ...)
  local list = some(most, make, ...)
  if #list == 0 then list[1] = make(...) end
  return list
end

local function count() return random(0, 3) end
local function name() return pick(NAMES) end
local function names() return some(3, name) end
local schema_of

-- A reference to where it cannot come back without going into the value; others are refused when loading.
local function place() return pick { "#/$defs/x", "#/$defs/y", "#" } end

local KEYWORDS = {
  { "type", function() return random(2) == 1 and pick(TYPE_NAMES) or list_of(3, pick, TYPE_NAMES) end },
  { "type", function() return pick { "array", "object" } end },
  { "const", reference.value, 1 },
  { "enum", function() return some(4, reference.value, 1) end },
  { "minimum", number }, { "maximum", number }, { "exclusiveMinimum", number }, { "exclusiveMaximum", number },
  { "multipleOf", function() return random(1, 12) / 4 end },
  { "minLength", count }, { "maxLength", count }, { "minItems", count }, { "maxItems", count },
  { "minProperties", count }, { "maxProperties", count }, { "minContains", count }, { "maxContains", count },
  { "pattern", function() return pick(PATTERN_NAMES) end },
  { "uniqueItems", function() return random(3) > 1 end },
  { "required", names },
  { "dependentRequired", function() return members(2, NAMES, names) end },
  { "$ref", place },
}
local NESTED = {
  { "properties", function(depth) return members(4, NAMES, schema_of, depth) end },
  { "properties", function(depth) return members(4, NAMES, schema_of, depth) end },
  { "patternProperties", function(depth) return members(2, PATTERN_NAMES, schema_of, depth) end },
  { "dependentSchemas", function(depth) return members(2, NAMES, schema_of, depth) end },
  { "prefixItems", function(depth) return list_of(3, schema_of, depth) end },
  { "allOf", function(depth) return list_of(3, schema_of, depth) end },
  { "anyOf", function(depth) return list_of(3, schema_of, depth) end },
  { "oneOf", function(depth) return list_of(3, schema_of, depth) end },
}
for _, keyword in ipairs { "additionalProperties", "propertyNames", "items", "contains", "not", "if", "then", "else",
  "unevaluatedProperties", "unevaluatedItems" } do
  NESTED[#NESTED + 1] = { keyword, function(depth) return schema_of(depth) end }
end

function schema_of(depth)
  if depth < 0 or random(12) == 1 then return random(3) > 1 end
  local at = {}
  for _ = 1, random(0, 2) do
    local keyword = pick(KEYWORDS)
    at[keyword[1]] = keyword[2](keyword[3])
  end
  for _ = 1, depth > 0 and random(0, 3) or 0 do
    local keyword = pick(NESTED)
    at[keyword[1]] = keyword[2](depth - 1)
  end
  return reference.object(at)
end

--- A schema, nested at most so deep.
function reference.schema(depth)
  local schema = schema_of(depth)
  if type(schema) == "boolean" then schema = reference.object {} end
  schema.at["$defs"] = reference.object { x = schema_of(depth - 1), y = schema_of(depth - 1) }
  return reference.object(schema.at)
end

--- A value that the schema's own words suggest: nearer to fitting than any value.
function reference.value_near(schema, depth)
  if type(schema) == "boolean" or random(4) == 1 then return reference.value(math.max(depth, 1)) end
  local at = schema.at
  if at.const ~= nil then return at.const end
  if at.enum and #at.enum > 0 then return pick(at.enum) end
  if at.properties and random(3) > 1 then
    local own = {}
    for _, each in ipairs(at.properties.names) do
      if random(3) > 1 then own[each] = reference.value_near(at.properties.at[each], depth - 1) end
    end
    if random(3) == 1 then own[pick(NAMES)] = reference.value(1) end
    return reference.object(own)
  end
  if at.prefixItems or at.items then
    local items = { kind = "array" }
    for i = 1, random(0, 4) do
      local each = at.prefixItems and at.prefixItems[i]
      if each == nil then each = at.items end
      if each == nil then each = true end
      items[i] = reference.value_near(each, depth - 1)
    end
    return items
  end
  local inner = at.allOf or at.anyOf or at.oneOf
  if inner then return reference.value_near(pick(inner), depth) end
  return reference.value(depth)
end

-- ---- as text ----

local function space() return pick { "", "", "", " ", "\n\t" } end

local function encode_text(text)
  local out = {}
  for _, point in utf8.codes(text) do
    local char = utf8.char(point)
    if char == '"' or char == "\\" then
      char = "\\" .. char
    elseif point < 32 or random(6) == 1 and point < 0x10000 then
      char = ("\\u%04x"):format(point)
    elseif random(3) == 1 and point >= 0x10000 then
      char = ("\\u%04X\\u%04x"):format(0xD800 + (point - 0x10000 >> 10), 0xDC00 + (point - 0x10000 & 0x3FF))
    end
    out[#out + 1] = char
  end
  return '"' .. table.concat(out) .. '"'
end

local function encode_number(n)
  local form = random(6)
  if form == 1 then return ("%.2f"):format(n) end
  if form == 2 then return ("%.4fe+00"):format(n) end
  if form == 3 then return ("%de-2"):format(n * 100 // 1) end
  if form == 4 then return ("%.5fE1"):format(n / 10) end
  if form == 5 then return ("%.2f"):format(n) .. ("0"):rep(25) end
  return n % 1 == 0 and ("%d"):format(n // 1) or ("%s"):format(n)
end

--- The JSON of a value, written one way or another.
function reference.encode(value)
  local kind, out = kind_of(value), {}
  if kind == "null" then return "null" end
  if kind == "boolean" then return tostring(value) end
  if kind == "number" then return encode_number(value) end
  if kind == "string" then return encode_text(value) end
  if kind == "array" then
    for i, item in ipairs(value) do out[i] = space() .. reference.encode(item) .. space() end
    return "[" .. table.concat(out, ",") .. space() .. "]"
  end
  local order = table.move(value.names, 1, #value.names, 1, {})
  for i = #order, 2, -1 do
    local k = random(i)
    order[i], order[k] = order[k], order[i]
  end
  for i, each in ipairs(order) do
    out[i] = space() .. encode_text(each) .. space() .. ":" .. space() .. reference.encode(value.at[each])
  end
  return "{" .. table.concat(out, ",") .. space() .. "}"
end

return reference
