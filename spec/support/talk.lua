-- A WebSocket client of our dialect whose script reads as a dialogue.
--
--   local ann = talk.to(it_runs, { as = "ann" }):connect():join "chat:lobby"
--   ann:says("chat:lobby", { text = "hi" }):hears("chat:lobby", { text = "hi", by = "ann" })
--   assert.same({ 103, "permission denied" }, { ann:refused { publish = { channel = "news:a", data = 1 } } })
--
-- Pings are answered unless `.is_silent`; what is not yet asked for waits in its .inbox, and .heard keeps all of it.
local assert = require "luassert"
local cjson = require "cjson"
local deflate = require "room.deflate"
local socket = require "room.socket"

local talk = {}
talk.__index = talk

local PATH = "/connection/websocket"
local OPCODES = { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 }
local WAIT_MS = 10000
local INFLATED_MAX = 64 * 1024 * 1024
local open = {}

-- ---- opening ----

local function query_of(options)
  local query = {}
  for _, name in ipairs { "as", "roles" } do
    if options[name] then query[#query + 1] = name .. "=" .. options[name] end
  end
  return #query > 0 and "?" .. table.concat(query, "&") or ""
end

-- The upgrade request's text. `headers` adds, changes or (false) takes away. `deflate`: true, or an offer of it.
function talk.request(server, options)
  options = options or {}
  local headers = {
    Host = "127.0.0.1:" .. server.port,
    Upgrade = "websocket",
    Connection = "Upgrade",
    ["Sec-WebSocket-Version"] = "13",
    ["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ==",
  }
  if options.deflate then
    headers["Sec-WebSocket-Extensions"] = options.deflate == true and "permessage-deflate" or options.deflate
  end
  for name, value in pairs(options.headers or {}) do headers[name] = value end
  local lines = { ("%s %s HTTP/1.1"):format(options.method or "GET", (options.path or PATH) .. query_of(options)) }
  for name, value in pairs(headers) do
    if value then lines[#lines + 1] = name .. ": " .. value end
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

-- Asks for an upgrade: the client, whose .status is 101, or whatever else the server said.
function talk.try(server, options)
  options = options or {}
  local self = setmetatable({ server = server, inbox = {}, heard = {}, last_id = 0 }, talk)
  self.tcp = assert(socket.connect(server.port, options.receive_buffer))
  open[self] = true
  assert(self.tcp:send(talk.request(server, options) .. (options.body or "")))
  local head, why = self.tcp:read_until("\r\n\r\n")
  self.head = head or ""
  self.status = tonumber(self.head:match("^HTTP/1%.1 (%d+)")) or why
  self.extensions = self.head:match("\r\nSec%-WebSocket%-Extensions: ([^\r]*)")
  self.subprotocol = self.head:match("\r\nSec%-WebSocket%-Protocol: ([^\r]*)")
  return self
end

function talk.to(server, options)
  local self = talk.try(server, options)
  if self.status ~= 101 then error("no upgrade: " .. self.head, 2) end
  return self
end

-- ---- frames ----

local function length_bytes(length)
  if length < 126 then return string.char(0x80 | length) end
  if length < 65536 then return string.pack(">BI2", 0x80 | 126, length) end
  return string.pack(">BI8", 0x80 | 127, length)
end

-- A client's frame as bytes. `flags`: fin = false, rsv = 1..7, mask = false, length = a lie about it.
function talk.frame(opcode, payload, flags)
  flags = flags or {}
  local first = (flags.fin == false and 0 or 0x80) | (flags.rsv or 0) << 4 | (OPCODES[opcode] or opcode)
  local length = length_bytes(flags.length or #payload)
  if flags.mask == false then
    return string.char(first, length:byte() & 0x7f) .. length:sub(2) .. payload
  end
  local key = "\x9a\x3c\x55\x01"
  return string.char(first) .. length .. key .. socket.mask(payload, key)
end

function talk:send_bytes(bytes)
  local sent, why = self.tcp:send(bytes)
  if not sent then self.send_failure = why end
  return self
end

function talk:send(opcode, payload, flags)
  return self:send_bytes(talk.frame(opcode, payload or "", flags))
end

function talk:send_text(text)
  return self:send("text", text)
end

-- One message, compressed as permessage-deflate has it (options: see room.deflate), in one frame.
function talk:send_deflated(text, options)
  return self:send("text", deflate.raw(text, options or {}):sub(1, -5), { rsv = 4 })
end

-- The next frame as { opcode = , fin = , payload = }, or nil and why not.
function talk:next_frame(ms)
  local head, why = self.tcp:read(2, ms)
  if not head then return nil, why end
  local first, second = head:byte(1, 2)
  assert(second < 0x80, "a server's frame is not masked")
  local length = second
  if second == 126 then length = (">I2"):unpack(assert(self.tcp:read(2))) end
  if second == 127 then length = (">I8"):unpack(assert(self.tcp:read(8))) end
  local payload
  payload, why = self.tcp:read(length, ms)
  if not payload then return nil, why end
  return { opcode = first & 15, fin = first & 0x80 ~= 0, rsv = first >> 4 & 7, payload = payload }
end

-- ---- messages ----

local function take_lines(self, text)
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    if line == "{}" and not self.is_silent then
      self:send_text("{}")
    elseif line == "{}" then
      self.pings = (self.pings or 0) + 1
    else
      local heard = { text = line, message = cjson.decode(line) }
      self.inbox[#self.inbox + 1] = heard
      self.heard[#self.heard + 1] = heard
    end
  end
end

-- What a text frame says; `deflated` counts those that were compressed.
local function text_of(self, frame)
  if (frame.rsv or 0) == 0 then return frame.payload end -- a stream has no bits
  assert(frame.rsv == 4 and self.extensions, "a reserved bit that was not agreed on")
  self.deflated = (self.deflated or 0) + 1
  return assert(deflate.inflater():take(frame.payload, INFLATED_MAX))
end

-- Waits for a frame and files what it says. False and why: the connection is at its end.
local function take_frame(self, ms)
  local frame, why = self:next_frame(ms)
  if not frame then
    self.ended = self.ended or why
    return false, why
  end
  self.frames = (self.frames or 0) + 1
  if frame.opcode == OPCODES.close then
    local code = #frame.payload >= 2 and (">I2"):unpack(frame.payload) or 1005
    self.close_code, self.close_reason = code, frame.payload:sub(3)
    return false, "closed"
  elseif frame.opcode == OPCODES.text then
    take_lines(self, text_of(self, frame))
  end
  return true
end

-- The first message that fits, taken out of the inbox, as { text = line, message = decoded }.
function talk:wait(fits, what, ms)
  local last = socket.now_ms() + (ms or WAIT_MS)
  local looked = 0
  while true do
    for i = looked + 1, #self.inbox do
      if fits(self.inbox[i].message) then return table.remove(self.inbox, i) end
    end
    looked = #self.inbox
    local more, why = take_frame(self, math.max(0, last - socket.now_ms()))
    if not more and #self.inbox == looked then
      error(("waited for %s: %s (close %s %q)"):format(what, tostring(why), tostring(self.close_code),
        tostring(self.close_reason)), 3)
    end
  end
end

-- Sends commands (tables, or raw lines) in one frame, a newline between two.
function talk:say(...)
  local lines = {}
  for i, command in ipairs { ... } do
    lines[i] = type(command) == "table" and cjson.encode(command) or command
  end
  return self:send_text(table.concat(lines, "\n"))
end

function talk:next_id()
  self.last_id = self.last_id + 1
  return self.last_id
end

function talk:reply(id)
  return self:wait(function(message) return message.id == id end, "reply " .. id).message
end

-- The whole reply to one command { publish = { ... } }, which gets an id.
function talk:ask(command)
  command.id = self:next_id()
  return self:say(command):reply(command.id)
end

-- The same with the request as raw JSON: ask_raw('"publish":{"channel":"a","data":1.0}').
function talk:ask_raw(request)
  local id = self:next_id()
  return self:say(('{"id":%d,%s}'):format(id, request)):reply(id)
end

-- Code and message of the error it is answered with; the whole error is .refusal.
function talk:refused(command)
  local reply = self:ask(command)
  if not reply.error then error("not refused: " .. cjson.encode(reply), 2) end
  self.refusal = reply.error
  return reply.error.code, reply.error.message
end

local function expect(reply, name)
  if not reply[name] then error("refused: " .. cjson.encode(reply), 3) end
  return reply[name]
end

-- ---- the dialogue: each returns the client itself ----

local EMPTY = setmetatable({}, { __index = function() return nil end })

function talk:connect(options)
  local request = options or EMPTY
  local body = {}
  for name, value in pairs(request) do body[name] = value end
  local id = self:next_id()
  local text = next(body) and cjson.encode(body) or "{}"
  self:say(('{"id":%d,"connect":%s}'):format(id, text))
  self.welcome = expect(self:reply(id), "connect")
  self.client = self.welcome.client
  return self
end

function talk:join(channel, data)
  self.joined = expect(self:ask { subscribe = { channel = channel, data = data } }, "subscribe")
  return self
end

function talk:leaves(channel)
  expect(self:ask { unsubscribe = { channel = channel } }, "unsubscribe")
  return self
end

function talk:says(channel, data)
  expect(self:ask { publish = { channel = channel, data = data } }, "publish")
  return self
end

function talk:says_raw(channel, json)
  expect(self:ask_raw(('"publish":{"channel":%s,"data":%s}'):format(cjson.encode(channel), json)), "publish")
  return self
end

local function is_of(channel, kind)
  return function(message)
    return message.push and message.push.channel == channel and message.push[kind] ~= nil
  end
end

-- The next publication of the channel: its data, the whole publication, its line.
function talk:listen(channel)
  local heard = self:wait(is_of(channel, "pub"), "a message of " .. channel)
  return heard.message.push.pub.data, heard.message.push.pub, heard.text
end

function talk:hears(channel, expected)
  assert.same(expected, (self:listen(channel)))
  return self
end

-- The payload's own bytes, cut out of the line by what we know surrounds it.
function talk:hears_raw(channel, expected)
  local _, _, line = self:listen(channel)
  assert.truthy(line:find('"data":' .. expected, 1, true), ("%s is not in %s"):format(expected, line))
  return self
end

-- Nothing of that channel came before an answer that was asked for now.
function talk:hears_nothing(channel)
  self:ask { unsubscribe = { channel = "nobody:is-here" } }
  for _, heard in ipairs(self.inbox) do
    local push = heard.message.push
    if push and push.channel == channel and push.pub then error("heard " .. heard.text, 2) end
  end
  return self
end

-- Code and reason of the server's unsubscribe of that channel.
function talk:thrown_out(channel)
  local push = self:wait(is_of(channel, "unsubscribe"), "thrown out of " .. channel).message.push.unsubscribe
  return push.code, push.reason
end

-- The reply's data of a call, or nil, code, message.
function talk:call(method, args)
  local reply = self:ask { rpc = { method = method, data = args } }
  if reply.error then return nil, reply.error.code, reply.error.message end
  return reply.rpc.data, reply
end

-- Waits for the end: the close code and reason, or nil and "closed", "reset", "timeout".
function talk:closed(ms)
  local last = socket.now_ms() + (ms or WAIT_MS)
  while not self.close_code do
    local more, why = take_frame(self, math.max(0, last - socket.now_ms()))
    if not more and not self.close_code then return nil, why end
  end
  return self.close_code, self.close_reason
end

-- After the close frame: how the socket ends.
function talk:hung_up(ms)
  self:closed(ms)
  local bytes, why = self.tcp:read_all(ms)
  return why or "closed", bytes
end

function talk:stop_reading()
  self.tcp:deafen(true)
  return self
end

function talk:close()
  open[self] = nil
  self.tcp:close()
end
talk.__close = talk.close

-- For after_each: whatever a spec has left open.
function talk.close_all()
  while next(open) do next(open):close() end
end

return talk
