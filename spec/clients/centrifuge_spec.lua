local judge = require "judge"
local server = require "server"

local function start()
  return server.start {
    command = "serve", scripts = require "spec.clients.rules",
    args = { "--token-secret", "judge-secret", "--api-key", "judge-key", "--ping-ms", "2000",
      "--pong-ms", "1500", "--connect-ms", "3000", "--max-channels", "5" },
  }
end

for transport, words in pairs { websocket = "by WebSocket", sse = "by event stream and requests" } do
  judge.describe("the unmodified centrifuge client for JavaScript " .. words, "spec/clients/centrifuge.mjs", start,
    function(it_runs) return { it_runs.url, transport } end)
end
