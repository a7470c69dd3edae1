-- docs/scripting/reference.md from lua/weir.d.lua, what editors know of scripts: one account of each name.
--   lua5.4 spec/support/reference.lua    writes the page (make reference)
-- Its order is the file's. "-- ---- title ----" begins a part, a class or an alias a section; functions of a part that
-- are no class's methods stand in one table. A class of that kind has no text here: what it says stands above.
local reference = {}

local SOURCE, PAGE = "lua/weir.d.lua", "docs/scripting/reference.md"

-- What scripts call a class of the annotations.
local TITLES = { ["weir.Channel"] = "self", ["weir.Client"] = "Clients", ["weir.Server"] = "Hooks of the server" }

-- Where names are explained, with scripts that run: classes, options, hooks, members and globals.
local EXPLAINED = {
  class = {
    ["weir.Rule"] = "channels.md#rules", ["weir.Schema"] = "messages.md#schemas", ["weir.View"] = "delivery.md#views",
    ["weir.Rollup"] = "delivery.md#rollups", ["weir.Channel"] = "language.md#self", ["weir.Client"] = "language.md#clients",
    ["weir.Identity"] = "hooks.md#serveron_connect", ["weir.HttpOptions"] = "services.md#http",
    ["weir.Breaker"] = "services.md#breaker",
  },
  option = {
    schema = "messages.md#schemas", emits = "messages.md#what-subscribers-get", rate = "messages.md#rates",
    once = "messages.md#once", echo = "messages.md#echo", views = "delivery.md#views", filter = "delivery.md#filters",
    latest = "delivery.md#the-last-message", rollup = "delivery.md#rollups", slow = "delivery.md#readers-who-are-behind",
    conflate = "delivery.md#readers-who-are-behind", batch = "delivery.md#readers-who-are-behind",
    timeout = "hooks.md#waiting",
  },
  hook = {
    on_publish = "hooks.md#what-on_publish-returns", on_upgrade = "hooks.md#state-and-reload",
    view_NAME = "delivery.md#views-with-a-hook", on_connect = "hooks.md#serveron_connect",
  },
  member = {
    state = "hooks.md#state-and-reload", ["Channel:every"] = "hooks.md#timers", ["Channel:after"] = "hooks.md#timers",
    ["Channel:cancel"] = "hooks.md#timers", ["Channel:latest"] = "delivery.md#the-last-message",
    ["Client:close"] = "../protocol.md#close-codes",
  },
  name = {
    publish = "hooks.md#effects-when-things-happen",
    channel = "channels.md#channels-and-patterns", sleep = "hooks.md#waiting", http = "services.md#http",
    store = "services.md#store", cache = "services.md#cache", breaker = "services.md#breaker", env = "services.md#env",
    shape = "messages.md#schemas", json = "language.md#json", require = "language.md#modules",
  },
}

-- ---- reading ----

-- A type ends at a white space that no bracket holds and no ":" or "," stands before.
local function split_type(text)
  local depth = 0
  for at = 1, #text do
    local c = text:sub(at, at)
    if c:match "[%(%[{]" then depth = depth + 1 elseif c:match "[%)%]}]" then depth = depth - 1 end
    if c == " " and depth == 0 and not text:sub(at - 1, at - 1):match "[:,]" then
      return text:sub(1, at - 1), text:sub(at + 1)
    end
  end
  return text, ""
end

local tag = {}

function tag.class(entry, text)
  entry.class, entry.parent = text:match "^([%w_.]+):?%s*([%w_.]*)$"
end

function tag.alias(entry, text)
  local name, rest = text:match "^(%S+)%s+(.*)$"
  entry.alias, entry.type = name, rest
end

function tag.field(entry, text)
  local name, rest = text:match "^(%S+)%s+(.*)$"
  local type, told = split_type(rest)
  local optional = name:match "%?$" ~= nil
  entry.fields[#entry.fields + 1] = { name = name:gsub("%?$", ""), optional = optional, type = type, text = told }
end

function tag.param(entry, text)
  local name, rest = text:match "^(%S+)%s+(.*)$"
  local type, told = split_type(rest)
  entry.params[#entry.params + 1] = { name = name, type = type, text = told }
end

tag["return"] = function(entry, text)
  local type, rest = split_type(text)
  local name, told = rest:match "^(%S*)%s*(.*)$"
  entry.returns[#entry.returns + 1] = { name = name, type = type, text = told }
end

function tag.type(entry, text) entry.type = text end
function tag.overload() end
function tag.generic() end
function tag.meta() end

-- Joins what goes on in the next line, "--- ..." behind a tag, and reads tags.
local function read_block(lines)
  local entry, joined = { text = "", fields = {}, params = {}, returns = {} }, {}
  for _, line in ipairs(lines) do
    local text = line:sub(4)
    if text:match "^ " then
      joined[#joined] = joined[#joined] .. text
    elseif text:match "^@" or #joined == 0 or joined[#joined]:match "^@" then
      joined[#joined + 1] = text
    else
      joined[#joined] = joined[#joined] .. " " .. text
    end
  end
  for _, text in ipairs(joined) do
    local name, rest = text:match "^@(%l+)%s*(.*)$"
    if name then
      (tag[name] or error(SOURCE .. ": what is @" .. name .. "?", 0))(entry, rest)
    else
      entry.text = text
    end
  end
  return entry
end

-- Parts of the file: { title, entries }; an entry has what its comment says and `name`, what it is of.
function reference.read(text)
  local parts, block = {}, {}
  local function close(name)
    if #block == 0 then return end
    local entry = read_block(block)
    entry.name, block = name, {}
    if #parts > 0 and (name or entry.class or entry.alias) then table.insert(parts[#parts].entries, entry) end
  end
  for line in text:gmatch "([^\n]*)\n" do
    local title = line:match "^%-%- %-%-%-%- (.-) %-%-%-%-$"
    if title then
      close()
      parts[#parts + 1] = { title = title, entries = {} }
    elseif line:match "^%-%-%-" then
      block[#block + 1] = line
    else
      close(line:match "^function ([%w_.:]+)%(" or line:match "^local (%u%l+) = {}" or line:match "^([%l_]+) = {}")
    end
  end
  close()
  return parts
end

-- ---- writing ----

local function plain(type)
  return (type:gsub("weir%.", ""))
end

local function cell(text)
  return (text:gsub("|", "\\|"))
end

local function signature(entry)
  local shown, returned = {}, {}
  for _, param in ipairs(entry.params) do
    shown[#shown + 1] = param.name == "..." and "..." or param.name .. ": " .. plain(param.type)
  end
  for _, each in ipairs(entry.returns) do
    returned[#returned + 1] = plain(each.type) .. (each.name ~= "" and " " .. each.name or "")
  end
  local name = entry.name:gsub("^Channel:", "self:"):gsub("^%u%l+:", string.lower)
  return ("%s(%s)%s"):format(name, table.concat(shown, ", "), #returned > 0 and " → " .. table.concat(returned, ", ") or "")
end

local function with_stop(text)
  return (text == "" or text:match "[.:!?]$") and text or text .. "."
end

local function described(entry)
  local said = { with_stop(entry.text) }
  for _, each in ipairs(entry.params) do
    if each.text ~= "" then said[#said + 1] = ("`%s`: %s"):format(each.name:gsub("%?$", ""), with_stop(each.text)) end
  end
  for _, each in ipairs(entry.returns) do
    if each.text ~= "" then said[#said + 1] = ("`%s`: %s"):format(each.name, with_stop(each.text)) end
  end
  return table.concat(said, " "):gsub("^ ", "")
end

local function named(kind, name, shown)
  local page = EXPLAINED[kind][name]
  return page and ("[`%s`](%s)"):format(cell(shown), page) or ("`%s`"):format(cell(shown))
end

local function put_functions(put, entries, head)
  if #entries == 0 then return end
  put(("| %s | does |"):format(head))
  put("|---|---|")
  for _, entry in ipairs(entries) do
    local shown = entry.is_table and entry.name or signature(entry)
    put(("| %s | %s |"):format(named(head == "method" and "member" or "name", entry.name, shown), cell(described(entry))))
  end
  put("")
end

local function put_fields(put, fields, head)
  if #fields == 0 then return end
  put(("| %s | type | meaning |"):format(head))
  put("|---|---|---|")
  for _, field in ipairs(fields) do
    local shown = field.name .. (field.optional and head ~= "option" and "?" or "")
    put(("| %s | `%s` | %s |"):format(named(head, field.name, shown), cell(plain(field.type)),
      cell(with_stop(field.text))))
  end
  put("")
end

-- "fun(self: weir.Channel, client: weir.Client): boolean" as it is written down, and what it gives.
local function hook(prefix, field)
  local params = field.type:match "^fun(%b())" or error(field.name .. " is no function", 0)
  local given = field.type:sub(#params + 4):match "^:%s*(.*)$"
  local inside = params:sub(2, -2):gsub("^self: weir%.Channel,?%s*", "")
  return ("%s%s(%s)%s"):format(prefix, field.name, plain(inside), given and " → " .. plain(given) or "")
end

local function put_hooks(put, fields, prefix)
  if #fields == 0 then return end
  put("| hook | when, and what it returns |")
  put("|---|---|")
  for _, field in ipairs(fields) do
    put(("| %s | %s |"):format(named("hook", field.name, hook(prefix, field)), cell(with_stop(field.text))))
  end
  put("")
end

local function put_section(put, entry, methods)
  local full = entry.class or entry.alias
  local more = EXPLAINED.class[full] and (" More [here](%s)."):format(EXPLAINED.class[full]) or ""
  local parent = entry.parent and entry.parent ~= "" and (" It has what `%s` has, too."):format(plain(entry.parent)) or ""
  local members, hooks = {}, {}
  for _, field in ipairs(entry.fields) do table.insert(field.type:match "^fun%(" and hooks or members, field) end
  put(("## %s\n"):format(TITLES[full] or plain(full)))
  put((with_stop(entry.text) .. parent .. more):gsub("^ ", "") .. "\n")
  put_fields(put, members, full == "weir.Options" and "option" or "member")
  put_functions(put, methods, "method")
  if #hooks > 0 and full == "weir.Channel" then put "## Hooks of a channel\n" end
  put_hooks(put, hooks, full == "weir.Server" and "server." or "")
end

-- A class whose table is a global (http, store, log): its functions are the part's, and what it says is a row there.
local function is_library(entry)
  return entry.class and entry.class ~= "weir.Server" and entry.name and entry.name:match "^%l"
end

local function row_of(library)
  local told = with_stop(library.text)
  for _, field in ipairs(library.fields) do
    told = told .. (" `%s.%s`: %s"):format(library.name, field.name, with_stop(field.text))
  end
  return { name = library.name, text = told, is_table = true, params = {}, returns = {} }
end

local function put_part(put, part)
  local methods, rows = {}, {}
  for _, entry in ipairs(part.entries) do
    local owner = (entry.name or ""):match "^(%u%l+):"
    if owner then
      methods[owner] = methods[owner] or {}
      table.insert(methods[owner], entry)
    elseif is_library(entry) or entry.type and not entry.alias then
      table.insert(rows, row_of(entry))
    elseif not entry.class and not entry.alias then
      table.insert(rows, entry)
    end
  end
  for _, entry in ipairs(part.entries) do
    if entry.alias or entry.class and not is_library(entry) then put_section(put, entry, methods[entry.name] or {}) end
  end
  if #rows > 0 then put(("## %s\n"):format(part.title:gsub("^%l", string.upper))) end
  put_functions(put, rows, "global")
end

function reference.write(text)
  local out = {}
  local function put(line) out[#out + 1] = line end
  put "# Reference\n"
  put "<!-- Made by `make reference` of lua/weir.d.lua, what `weir types` writes for editors. Change that file, not this one. -->\n"
  put "Every option, hook and name that scripts have. A `?` marks what may be left out; a name that is a link is explained there, with"
  put "scripts that run. What each may cost is in [the sandbox](sandbox.md#limits).\n"
  for _, part in ipairs(reference.read(text)) do put_part(put, part) end
  return (table.concat(out, "\n"):gsub("\n+$", "\n"))
end

function reference.made()
  local file <close> = assert(io.open(SOURCE, "rb"))
  return reference.write(file:read "a")
end

if arg and arg[0] and arg[0]:match "reference%.lua$" then
  local file <close> = assert(io.open(PAGE, "wb"))
  file:write(reference.made())
end

return reference
