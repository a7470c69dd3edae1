local judge = require "judge"
local server = require "server"

judge.describe("the unmodified centrifuge client for JavaScript", "spec/clients/centrifuge.mjs", function()
  return server.start {
    command = "serve", scripts = require "spec.clients.rules",
    args = { "--token-secret", "judge-secret", "--api-key", "judge-key", "--ping-ms", "2000",
      "--pong-ms", "1500", "--connect-ms", "3000", "--max-channels", "5" },
  }
end)
