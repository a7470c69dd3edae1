-- The browser's own EventSource.
local judge = require "judge"
local server = require "server"

judge.describe("event streams in a browser", "spec/clients/stream.mjs", function()
  return server.start {
    command = "dev", scripts = require "spec.clients.rules",
    args = { "--workers", "4", "--api-key", "judge-key", "--ping-ms", "2000", "--pong-ms", "1500" },
  }
end)
