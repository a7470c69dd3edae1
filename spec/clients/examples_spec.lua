local judge = require "judge"
local server = require "server"

local SHOTS = "build/screenshots"

for _, name in ipairs { "empty", "dashboard", "trading", "doc" } do
  local function start()
    os.execute("mkdir -p " .. SHOTS)
    return server.start { command = "dev", scripts = server.read_folder("examples/" .. name) }
  end
  judge.describe("the page of examples/" .. name, "spec/clients/examples.mjs", start, function(it_runs)
    return { it_runs.url, name, SHOTS }
  end)
end
