-- The lines of a Lua file that can run, those of functions that nobody calls included: Lua tells them of a function
-- that it has at hand only, so they are read from what string.dump makes of the whole (Lua 5.4).
-- Returns active_lines(source) -> { [line] = true }, or nil where the format is another.
local ABSOLUTE = -128 -- ABSLINEINFO: the line stands in a list of its own

local Reader = {}
Reader.__index = Reader

function Reader:take(format)
  local value
  value, self.at = string.unpack(format, self.bytes, self.at)
  return value
end

function Reader:skip(count) self.at = self.at + count end

-- Seven bits a byte, the last one marked.
function Reader:size()
  local value = 0
  while true do
    local byte = self:take "B"
    value = value << 7 | byte & 0x7f
    if byte & 0x80 ~= 0 then return value end
  end
end

function Reader:string()
  local size = self:size()
  if size > 0 then self:skip(size - 1) end
end

local CONSTANTS = { [0x03] = 8, [0x13] = 8 } -- integer, float: bytes of each; nil and booleans have none

function Reader:constants()
  for _ = 1, self:size() do
    local kind = self:take "B"
    if kind == 0x04 or kind == 0x14 then self:string() else self:skip(CONSTANTS[kind] or 0) end
  end
end

function Reader:lines(first, is_vararg, found)
  local deltas, absolute = {}, {}
  for i = 1, self:size() do deltas[i] = self:take "b" end
  for _ = 1, self:size() do
    local at = self:size()
    absolute[at] = self:size()
  end
  local line = first
  for i, delta in ipairs(deltas) do
    line = delta == ABSOLUTE and absolute[i - 1] or line + delta
    if not (is_vararg and i == 1) then found[line] = true end -- that one is the head's, which no line hook tells
  end
end

function Reader:prototype(found)
  self:string()
  local first = self:size()
  self:size()
  self:skip(1) -- parameters
  local is_vararg = self:take "B" ~= 0
  self:skip(1) -- stack
  self:skip(self:size() * 4) -- code
  self:constants()
  self:skip(self:size() * 3) -- upvalues
  for _ = 1, self:size() do self:prototype(found) end
  self:lines(first, is_vararg, found)
  for _ = 1, self:size() do -- locals
    self:string()
    self:size()
    self:size()
  end
  for _ = 1, self:size() do self:string() end -- names of upvalues
end

-- "\27Lua", version, format, 6 bytes of test data, sizes of instruction, integer and number, one of each.
local HEAD = "^\27Lua\x54\0\x19\x93\r\n\x1a\n\4\8\8"

return function(source)
  local chunk = load(source, "=source", "t")
  local bytes = chunk and string.dump(chunk)
  if not bytes or not bytes:find(HEAD) then return nil end
  local found = {}
  local reader = setmetatable({ bytes = bytes, at = 4 + 2 + 6 + 3 + 8 + 8 + 1 + 1 }, Reader) -- and how many upvalues
  if not pcall(reader.prototype, reader, found) then return nil end
  return found
end
