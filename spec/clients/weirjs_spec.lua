local judge = require "judge"
local server = require "server"

judge.describe("weir.js in Node", "spec/clients/weirjs.mjs", function()
  return server.start {
    command = "dev", scripts = require "spec.clients.rules",
    args = { "--token-secret", "judge-secret", "--api-key", "judge-key", "--ping-ms", "2000",
      "--pong-ms", "1500" },
  }
end)
