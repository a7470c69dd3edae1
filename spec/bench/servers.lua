-- Starting and ending the servers that are compared, and loading them.
local cjson = require "cjson"

local servers = {}

local WEIR = "build/release/weir"
local FIRST_PORT = tonumber(os.getenv "BENCH_PORT" or "19100")
local START_SECONDS = 10

function servers.output_of(command)
  local pipe = assert(io.popen(command .. " 2>/dev/null"))
  local text = pipe:read "a"
  pipe:close()
  return (text:gsub("%s+$", ""))
end
local output_of = servers.output_of

local function succeeds(command) return (os.execute(command .. " >/dev/null 2>&1")) == true end

function servers.is_installed(peer)
  if peer.npm then return succeeds("test -d spec/bench/node_modules/" .. peer.npm) end
  local program = peer.program
  if not program then return true end
  return succeeds(program:find "^/" and "test -e " .. program or "command -v " .. program)
end

local function fill(text, server)
  return (text:gsub("%f[%u]PORT%f[%U]", server.port):gsub("%f[%u]DIR%f[%U]", server.folder))
end

-- Where the machine has a second core, the load has it to itself.
local PIN_SERVER, PIN_LOAD = "", ""
if tonumber(output_of "nproc") > 1 then PIN_SERVER, PIN_LOAD = "taskset -c 0 ", "taskset -c 1 " end

-- Ends with its standard input: when we end, however, it ends too.
local KEEPER = [[ulimit -n $(ulimit -H -n); %s & pid=$!; echo $pid >%s/pid; cat >/dev/null; kill $pid; wait $pid]]

function servers.start(peer, number)
  local server = { peer = peer, port = tostring(FIRST_PORT + number), folder = output_of "mktemp -d /tmp/weir-bench.XXXXXX" }
  local probe = ("bash -c 'exec 3<>/dev/tcp/127.0.0.1/%s'"):format(server.port)
  assert(not succeeds(probe), "port " .. server.port .. " is taken; BENCH_PORT says otherwise where to begin")
  for name, text in pairs(peer.files or {}) do
    local file = assert(io.open(server.folder .. "/" .. name, "w"))
    file:write(fill(text, server))
    file:close()
  end
  local command = "env " .. (peer.environment or "") .. " " .. PIN_SERVER .. fill(peer.command, server)
  server.keeper = assert(io.popen(("sh -c '" .. KEEPER .. "' >%s/out 2>&1"):format(command, server.folder, server.folder), "w"))
  for _ = 1, START_SECONDS * 10 do
    if succeeds(probe) then
      server.pid = output_of("cat " .. server.folder .. "/pid")
      return server
    end
    os.execute "sleep 0.1"
  end
  local said = output_of("tail -5 " .. server.folder .. "/out")
  servers.stop(server)
  error(peer.name .. " did not start: " .. said)
end

function servers.stop(server)
  server.keeper:close()
  assert(server.folder:find "^/tmp/weir%-bench%.%w+$")
  os.execute("rm -r " .. server.folder)
end

-- The flags of one row for one peer, as a person would type them; nil: it cannot do that. The floor speaks WebSocket only:
-- in rows of event streams that is what it is asked for.
function servers.flags_of(peer, row)
  if row.shows == "pair" and peer.name ~= "weir" then return nil end
  local how = peer[row.how] or peer.name == "floor" and row.shows == "cpu" and peer.ws
  if not how or row.is_ping_pong and peer.is_one_way then return nil end
  local flags = how .. " " .. row.flags
  if peer.is_one_way and row.channels then flags = flags .. " --publishers " .. row.channels end
  return flags
end

-- What the load tool tells, as a table; .lost is a sentence when it was not all right.
function servers.load(server, row, more)
  local flags = fill(servers.flags_of(server.peer, row), server)
  local text = output_of(("%s%s bench %s %s --json --pid %s"):format(PIN_LOAD, WEIR, flags, more, server.pid))
  local fine, result = pcall(cjson.decode, text)
  if not fine then return { lost = "no result", is_refused = true } end
  local faults = 0
  for _, fault in ipairs { "missing", "out_of_order", "doubled", "misrouted", "damaged", "refused", "lost_connections" } do
    faults = faults + result[fault]
  end
  if faults > 0 then result.lost = result.why or faults .. " faults" end
  return result
end

return servers
