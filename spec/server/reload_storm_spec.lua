-- A small storm in every test run; `make reload-storm` runs the large one of the same kind.
local server = require "server"

local SOURCE = [[
local storm = channel("storm:{n}", { subscribe = "anyone", publish = "anyone", call = "anyone" })
function storm:on_publish(msg)
  self.state.count = (self.state.count or 0) + 1
  return { seq = msg.seq, version = 1, count = self.state.count, again = 1 }
end
function storm:rpc_count() return { count = self.state.count or 0 } end
]]

local function storm(options)
  local running = server.start {
    command = "dev", scripts = { ["storm.lua"] = SOURCE },
    args = { "--workers", tostring(options.workers), "--ping-ms", "60000" },
  }
  finally(function() running:stop() end)
  local pipe = io.popen(("node spec/proof/reload_storm.mjs %s %s %d %d %d %d"):format(running.url:gsub("^http", "ws"),
    running.scripts .. "/storm.lua", options.connections, options.rate, options.seconds, options.every))
  local out = pipe:read("a")
  local well = pipe:close()
  local _, generations = running.log():gsub("event=reload ", "")
  print(("%s %d generations"):format((out:gsub("\n", "")), generations))
  assert.is_true(well or false, out .. running.log():sub(-2000))
  assert.is_true(generations > 1, "no reload happened")
end

describe("while the rules are reloaded again and again", function()
  local large = os.getenv("STORM") == "large"
  for _, workers in ipairs { 1, 4 } do
    it(("loses and doubles nothing with %d workers"):format(workers), function()
      storm(large and { workers = workers, connections = 1000, rate = 2000, seconds = 20, every = 200 }
        or { workers = workers, connections = 100, rate = 500, seconds = 2, every = 100 })
    end)
  end
end)
