-- The rules' language by the book and slowly, in Lua, for expressions that are trees: what rule/rule is compared with on
-- random expressions and random clients. Also makes those, and their text in the many ways it can be written.
--
-- A tree: { kind, ... }. Clients: { user, ip, roles = { ... }, claims = value, params = { [name] = text } }; values are those
-- of schema_reference.
local values = require "schema_reference"

local reference = {}

local NULL, NAMES, ROLES, PARAMS = values.NULL, { "a", "b", "c", "ab", "longer_name", "absent" }, { "x", "y", "z" }, { "a", "room" }
local TEXTS = { "", "a", "b", "ab", "é", "10.0.0.1", 'with "both\' quotes' }
local random = math.random

local function pick(list) return list[random(#list)] end

-- ---- deciding ----

local function is_container(value) return type(value) == "table" and value ~= NULL end
local function is_true(value) return value ~= NULL and value ~= false end

local function find_claim(value, path)
  for _, name in ipairs(path) do
    if type(value) ~= "table" or value.kind ~= "object" or value.at[name] == nil then return NULL end
    value = value.at[name]
  end
  return value
end

local function is_in(value, list)
  if list.kind == "object" then return type(value) == "string" and list.at[value] ~= nil end
  for _, item in ipairs(list) do
    if item == value and not is_container(item) then return true end
  end
  return false
end

local ORDERS = {
  ["<"] = function(a, b) return a < b end,
  ["<="] = function(a, b) return a <= b end,
  [">"] = function(a, b) return a > b end,
  [">="] = function(a, b) return a >= b end,
}

-- Raises where there is no answer.
local function decide(tree, client)
  local kind = tree[1]
  if kind == "literal" then return tree[2] end
  if kind == "anyone" then return true end
  if kind == "nobody" then return false end
  if kind == "user" then return client.user ~= "" end
  if kind == "user.id" then return client.user end
  if kind == "ip" then return client.ip end
  if kind == "params" then return client.params[tree[2]] end
  if kind == "claims" then return find_claim(client.claims, tree[2]) end
  if kind == "role" then
    for _, role in ipairs(client.roles) do
      if role == tree[2] then return true end
    end
    return false
  end
  if kind == "not" then return not is_true(decide(tree[2], client)) end
  local left = decide(tree[2], client)
  if kind == "and" then return is_true(left) and decide(tree[3], client) or not is_true(left) and left end
  if kind == "or" then
    if is_true(left) then return left end
    return decide(tree[3], client)
  end
  local right = decide(tree[3], client)
  if kind == "in" then
    assert(not is_container(left) and is_container(right))
    return is_in(left, right)
  end
  if kind == "==" or kind == "~=" then
    assert(not is_container(left) and not is_container(right))
    return (left == right) == (kind == "==")
  end
  assert(type(left) == type(right) and (type(left) == "number" or type(left) == "string"))
  return ORDERS[kind](left, right)
end

--- Whether the rule lets the client in, and whether it had an answer at all: no answer is a no.
function reference.allows(tree, client)
  local has_answer, value = pcall(decide, tree, client)
  return has_answer and is_true(value), has_answer
end

-- ---- at random ----

local function path()
  local names = { pick(NAMES) }
  while random(3) == 1 do names[#names + 1] = pick(NAMES) end
  return names
end

local LEAVES = {
  function() return { "literal", pick { NULL, true, false } } end,
  function() return { "literal", random(-8, 24) / 4 } end,
  function() return { "literal", pick(TEXTS) } end,
  function() return { pick { "anyone", "nobody", "user", "user.id", "ip" } } end,
  function() return { "role", pick(ROLES) } end,
  function() return { "params", pick(PARAMS) } end,
  function() return { "claims", path() } end,
  function() return { "claims", path() } end,
}
-- `user` is no value of a comparison, and where it stands as one a rule does not load.
local function operand(depth)
  local tree = reference.tree(depth)
  return tree[1] == "user" and { "user.id" } or tree
end

--- An expression, nested at most so deep.
function reference.tree(depth)
  local kind = random(depth > 0 and 10 or 3)
  if kind <= 3 then return pick(LEAVES)() end
  if kind == 4 then return { "not", reference.tree(depth - 1) } end
  if kind <= 6 then return { pick { "and", "or" }, reference.tree(depth - 1), reference.tree(depth - 1) } end
  if kind == 7 then return { "in", operand(depth - 1), { "claims", path() } } end
  return { pick { "==", "~=", "<", "<=", ">", ">=" }, operand(depth - 1), operand(depth - 1) }
end

--- Somebody; or nobody, about whom little is known.
function reference.client()
  local claims = values.value(3)
  for _ = 1, 4 do
    if type(claims) ~= "table" or claims.kind ~= "object" then claims = values.value(3) end
  end
  if type(claims) ~= "table" or claims.kind ~= "object" then claims = values.object {} end
  local roles = {}
  for _, role in ipairs(ROLES) do
    if random(2) == 1 then roles[#roles + 1] = role end
  end
  return { user = pick(TEXTS), ip = pick { "10.0.0.1", "::1" }, roles = roles, claims = claims,
    params = { a = pick(TEXTS), room = pick(TEXTS) } }
end

-- ---- as text ----

local RANKS = { ["or"] = 1, ["and"] = 2, ["=="] = 3, ["~="] = 3, ["<"] = 3, ["<="] = 3, [">"] = 3, [">="] = 3, ["in"] = 3, ["not"] = 4 }

local function space() return pick { " ", " ", "  ", "\t" } end

local function write_text(text)
  local quote = pick { '"', "'" }
  return quote .. text:gsub("[\\" .. quote .. "]", "\\%0") .. quote
end

local function write_number(n)
  if n % 1 == 0 and random(2) == 1 then return ("%d"):format(n // 1) end
  return pick { ("%.2f"):format(n), ("%.5f"):format(n) }
end

local function write_leaf(tree)
  local kind, value = tree[1], tree[2]
  if kind == "role" or kind == "params" then return kind .. "." .. value end
  if kind == "claims" then return "claims." .. table.concat(value, ".") end
  if kind ~= "literal" then return kind end
  if value == NULL then return "nil" end
  if type(value) == "number" then return write_number(value) end
  return type(value) == "string" and write_text(value) or tostring(value)
end

--- The text of an expression, with all the brackets it needs and some that it does not.
function reference.write(tree, rank)
  local own, text = RANKS[tree[1]]
  if not own then
    text = write_leaf(tree)
  elseif own == 4 then
    text = "not" .. space() .. reference.write(tree[2], own)
  else
    text = reference.write(tree[2], own) .. space() .. tree[1] .. space() .. reference.write(tree[3], own + 1)
  end
  if own and own < (rank or 0) or random(8) == 1 then return "(" .. text .. ")" end
  return text
end

--- The client as room.rule takes it.
function reference.facts(client)
  local roles = { kind = "array", table.unpack(client.roles) }
  return { user = client.user, ip = client.ip, roles = values.encode(roles), claims = values.encode(client.claims),
    names = PARAMS, values = { client.params.a, client.params.room } }
end

reference.PARAMS = PARAMS

return reference
