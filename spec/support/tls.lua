-- TLS for specs: certificates, and the plain clients' way into a server that speaks it.
--
--   tls.certificate(folder, "one")                    writes one.crt and one.key
--   local bridge <close> = tls.bridge(it_runs)        talk.to(bridge), http.get(bridge, "/"): each its own TLS connection
local server = require "server"

local tls = {}
local Bridge = {}
Bridge.__index = Bridge

function tls.certificate(folder, name)
  assert(os.execute(("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
    .. "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout %s/%s.key -out %s/%s.crt >/dev/null 2>&1")
    :format(folder, name, folder, name)))
end

function tls.bridge(it_runs)
  local self = setmetatable({ folder = server.folder() }, Bridge)
  local file = self.folder .. "/port"
  self.node = assert(io.popen(("exec node spec/support/tls_bridge.mjs %d %s"):format(it_runs.port, server.quote(file)), "w"))
  self.port = assert(server.wait(10, function() return tonumber(server.read(file) or "") end), "node opened no bridge")
  return self
end

function Bridge:close()
  self.node:close()
  server.remove(self.folder)
end
Bridge.__close = Bridge.close

return tls
