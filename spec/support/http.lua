-- HTTP for specs, as raw as a spec wants it: bytes out, one answer after another in.
--
--   http.get(server, "/healthz").status            one request on its own connection
--   http.post(server, "/api/info", "{}", { ["X-API-Key"] = "key" })
--   local line <close> = http.open(server); line:send("GET / HTTP/1.1\r\n..."); local answer = line:answer()
local cjson = require "cjson"
local socket = require "room.socket"

local http = {}
local Line = {}
Line.__index = Line

-- A connection to a running server (see server.lua).
function http.open(server)
  local tcp = assert(socket.connect(server.port))
  return setmetatable({ tcp = tcp, host = "127.0.0.1:" .. server.port }, Line)
end

function Line:close() self.tcp:close() end
Line.__close = Line.close

function Line:send(bytes)
  assert(self.tcp:send(bytes))
  return self
end

-- A request line and its header fields as text; Host is there unless it is said (false: none).
function Line:head(method, path, headers)
  local lines = { ("%s %s HTTP/1.1"):format(method, path) }
  if not headers or headers.Host == nil then lines[2] = "Host: " .. self.host end
  for name, value in pairs(headers or {}) do
    if value then lines[#lines + 1] = name .. ": " .. value end
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

function Line:ask(method, path, headers, body)
  local all = {}
  for name, value in pairs(headers or {}) do all[name] = value end
  if body then all["Content-Length"] = all["Content-Length"] or #body end
  return self:send(self:head(method, path, all) .. (body or ""))
end

local function parse_head(text)
  local status, reason = text:match("^HTTP/1%.1 (%d%d%d) ([^\r]*)\r\n")
  assert(status, "no status line: " .. text)
  local answer = { status = tonumber(status), reason = reason, headers = {}, head = text }
  for name, value in text:gmatch("\r\n([%w-]+): ([^\r]*)") do
    name = name:lower()
    assert(answer.headers[name] == nil, "twice in one answer: " .. name)
    answer.headers[name] = value
  end
  return answer
end

-- The next answer, or nil and "closed", "reset" or "timeout". `is_head`: the question was a HEAD.
function Line:answer(is_head, ms)
  local text, why = self.tcp:read_until("\r\n\r\n", ms)
  if not text then return nil, why end
  local answer = parse_head(text)
  local length = tonumber(answer.headers["content-length"])
  answer.body = ""
  if length and not is_head then
    answer.body, why = self.tcp:read(length, ms)
    if not answer.body then return nil, why end
  end
  return answer
end

-- Nothing more comes and the peer ends the connection: the bytes that still came, and how it ended.
function Line:rest(ms)
  local bytes, why = self.tcp:read_all(ms)
  return bytes, why or "closed"
end

function http.request(server, method, path, headers, body)
  local line <close> = http.open(server)
  line:ask(method, path, headers, body)
  return assert(line:answer(method == "HEAD"))
end

function http.get(server, path, headers)
  return http.request(server, "GET", path, headers)
end

function http.post(server, path, body, headers)
  return http.request(server, "POST", path, headers, type(body) == "table" and cjson.encode(body) or body or "")
end

-- POST /api/METHOD: the decoded answer.
function http.api(server, method, params, headers)
  local answer = http.post(server, "/api/" .. method, params or "{}", headers or { ["X-API-Key"] = "key" })
  assert(answer.status == 200, answer.head .. answer.body)
  return cjson.decode(answer.body)
end

-- One number of /metrics: metric(server, 'weir_drops_total{reason="script"}'); nil when it is not there.
function http.metric(server, name)
  local text = "\n" .. http.get(server, "/metrics").body
  local at, stop = text:find("\n" .. name .. " ", 1, true)
  return at and tonumber(text:match("^[^\n]+", stop + 1))
end

return http
