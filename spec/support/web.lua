-- Other servers for specs (web.mjs): web.start(); web.http, web.https, web.raw are their addresses; web.stop().
local cjson = require "cjson"
local server = require "server"
local tls = require "tls"

local web = {}
local node, folder

function web.start()
  folder = server.folder()
  tls.certificate(folder, "one")
  tls.certificate(folder, "two")
  web.ca = folder .. "/one.crt"
  web.other_ca = folder .. "/two.crt"
  node = assert(io.popen("exec node spec/support/web.mjs " .. folder, "w"))
  local text = assert(server.wait(20, function() return server.read(folder .. "/ports") end), "node opened no servers")
  web.ports = {}
  for name, port in pairs(cjson.decode(text)) do web.ports[name] = math.tointeger(port) end
  web.http = "http://127.0.0.1:" .. web.ports.http
  web.https = "https://localhost:" .. web.ports.https
  web.raw = "http://127.0.0.1:" .. web.ports.raw
end

function web.stop()
  node:close()
  server.remove(folder)
end

return web
