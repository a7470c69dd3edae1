-- The scripts of spec/hostile: each is one attack, and says in its first lines what it tries and what must answer.
--
--   -- answer: 504 stopped after     the code, and a part of the text (a Lua pattern); or fine and the JSON it returns
--   -- at load: memory limit         it does not get into force, and the reason has this
--   -- through: publish              what sets it off, where it is not a call of rpc_go: publish, subscribe
--   -- log: event=timer_dropped      what the log says of it, as it stands
--   -- counts: weir_drops_total...   what is not 0 afterwards
--   -- hears: nothing                what the channel's subscriber hears first: JSON, or nothing
--   -- memory: kept                  what it has taken is its own, in self.state
--   -- crowd: 5000 METHOD            so many calls of it at once: each is answered
--   -- refuses                       some of the crowd with 429 or 504
--   -- busy                          goes on after its answer, and others get their turn in between
--   -- closes                        the connection that asked is closed after its answer
--   -- make: x REPEAT(100,y)         the file itself would be too large to keep
local attack = {}

local FOLDER = "spec/hostile"

-- What every channel of an attack has besides: whether it lives, and what it still knows.
local TAIL = [[

function a:rpc_keep(x) self.state.kept = x return true end
function a:rpc_kept() return self.state.kept end
]]

attack.bystander = [[
local c = channel("bystander:{n}", { subscribe = "anyone", publish = "anyone" })
local shared = require "shared"
function c:on_publish(msg)
  self.state.last = msg.n
  return { n = msg.n, word = shared.word, upper = ("x"):upper() }
end
]]
attack.shared = 'return { word = "whole" }\n'

local function unescape(text)
  text = text:gsub("\\x(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  text = text:gsub("\\([nr])", { n = "\n", r = "\r" }):gsub("\\(%d+)", function(d) return string.char(tonumber(d)) end)
  return (text:gsub("REPEAT(%b())", function(inside)
    local count, what = inside:match "^%((%d+),(.*)%)$"
    return what:rep(tonumber(count))
  end))
end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function parse(name, text)
  local found = { name = name, what = text:match "^%-%- ([^\n]*)" }
  for line in text:gmatch "[^\n]+" do
    local key, value = line:match "^%-%- ([a-z ]-):%s*(.*)$"
    key = key or line:match "^%-%- ([a-z]+)$"
    if not line:find "^%-%-" then break end
    if key then found[key:gsub(" ", "_")] = value or true end
  end
  found.through = found.through or "call"
  found.source = found.make and unescape(found.make) or text .. (found.at_load and "" or TAIL)
  return found
end

-- All of them, by name.
function attack.all()
  local names = {}
  local pipe <close> = assert(io.popen("ls " .. FOLDER))
  for name in pipe:lines() do names[#names + 1] = name:match "^(.*)%.lua$" end
  for i, name in ipairs(names) do names[i] = parse(name, read(FOLDER .. "/" .. name .. ".lua")) end
  return names
end

-- Their files, those that load, with the bystander's.
function attack.files(all)
  local files = { ["bystander.lua"] = attack.bystander, ["lib/shared.lua"] = attack.shared }
  for _, one in ipairs(all) do
    if not one.at_load then files[one.name .. ".lua"] = one.source end
  end
  return files
end

return attack
