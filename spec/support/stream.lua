-- A client whose answers come as an event stream and whose commands go by requests: it says and hears what talk.lua does.
--
--   local ann = stream.to(it_runs, { as = "ann" }):connect():join "chat:lobby"     (opened by what is said first)
--   ann:post { session = "…", node = "…", data = "{}" }.status
--
-- `method` opens it by POST. What is said is told the server on a connection of its own, and must be answered with 204
-- unless `.is_unsure`; `.posted` is the last answer.
local assert = require "luassert"
local cjson = require "cjson"
local http = require "http"
local socket = require "room.socket"
local talk = require "talk"

local stream = setmetatable({}, { __index = talk })
stream.__index = stream

local PATH = "/connection/sse"
local TEXT, CLOSE = 1, 8
local open = {}

local function escape(text)
  return (text:gsub("[^%w]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

-- ---- opening ----

-- The request that opens a stream with these first commands (false: none).
function stream.request(server, commands, options)
  options = options or {}
  local query = options.as and { "as=" .. options.as } or {}
  if options.roles then query[#query + 1] = "roles=" .. options.roles end
  local is_post = options.method == "POST"
  if commands and not is_post then query[#query + 1] = "cf_connect=" .. escape(commands) end
  local lines = { ("%s %s?%s HTTP/1.1"):format(options.method or "GET", PATH, table.concat(query, "&")),
    "Host: 127.0.0.1:" .. server.port }
  if is_post then lines[#lines + 1] = "Content-Length: " .. #commands end
  for name, value in pairs(options.headers or {}) do lines[#lines + 1] = name .. ": " .. value end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (is_post and commands or "")
end

-- A stream that is opened when something is said.
function stream.to(server, options)
  local self = setmetatable({ server = server, options = options or {}, inbox = {}, heard = {}, last_id = 0 }, stream)
  open[self] = true
  return self
end

local function begin(self, commands)
  self.tcp = assert(socket.connect(self.server.port, self.options.receive_buffer))
  assert(self.tcp:send(stream.request(self.server, commands, self.options)))
  self.head = assert(self.tcp:read_until "\r\n\r\n")
  self.status = tonumber(self.head:match "^HTTP/1%.1 (%d+)")
  assert(self.status == 200, self.head)
  assert.equal("\n", assert(self.tcp:read(1)))
end

-- ---- out ----

-- What POST /emulation answers to that table or text.
function stream:post(body, headers)
  self.line = self.line or http.open(self.server)
  self.line:ask("POST", "/emulation", headers, type(body) == "table" and cjson.encode(body) or body)
  self.posted = assert(self.line:answer())
  return self.posted
end

function stream:send_text(text)
  if not self.tcp then
    begin(self, text)
    return self
  end
  local answer = self:post { session = self.welcome.session, node = self.welcome.node, data = text }
  assert(self.is_unsure or answer.status == 204, answer.head .. answer.body)
  return self
end

-- ---- in ----

-- An event as the frame that talk.lua would have had: a disconnect is its close frame.
function stream:next_frame(ms)
  local event, why = self.tcp:read_until("\n\n", ms)
  if not event then return nil, why end
  local payload = event:match "^data: ([^\r\n]*)\n\n$"
  assert(payload, "no event: " .. event)
  self.events = (self.events or "") .. event
  if not payload:find('^{"push":{"disconnect"') then return { opcode = TEXT, payload = payload } end
  local why_not = cjson.decode(payload).push.disconnect
  return { opcode = CLOSE, payload = (">I2"):pack(why_not.code) .. why_not.reason }
end

function stream:close()
  open[self] = nil
  if self.line then self.line:close() end
  if self.tcp then self.tcp:close() end
end
stream.__close = stream.close

function stream.close_all()
  while next(open) do next(open):close() end
end

return stream
