-- Those who compress as they are made: Node's ws and Chromium, and all of centrifuge's checks once more, compressed.
local judge = require "judge"
local server = require "server"

local function start(command, ...)
  return server.start {
    command = command, scripts = require "spec.clients.rules",
    args = { "--token-secret", "judge-secret", "--api-key", "judge-key", "--ping-ms", "2000", "--pong-ms", "1500",
      "--deflate", ... },
  }
end

judge.describe("clients that compress", "spec/clients/deflate.mjs", function()
  return start("dev", "--test-echo", "/echo")
end)

judge.describe("the unmodified centrifuge client, all of it compressed", "spec/clients/centrifuge.mjs", function()
  return start("serve", "--deflate-min", "1", "--connect-ms", "3000", "--max-channels", "5")
end)
