local judge = require "judge"
local server = require "server"

local SHOTS = "build/screenshots"

local function start()
  os.execute("mkdir -p " .. SHOTS)
  return server.start { command = "dev", scripts = server.read_folder("examples/chat") }
end

local function argv(it_runs)
  return { it_runs.url, it_runs.scripts, SHOTS }
end

judge.describe("the chat in two tabs of a browser", "spec/clients/page.mjs", start, argv, function(running)
  it("tells the terminal each generation, its files and its time", function()
    local log = running().log()
    for generation = 2, 3 do
      local line = log:match("[^\n]*generation[ =]" .. generation .. "[^\n]*")
      assert.is_truthy(line, "generation " .. generation .. " in:\n" .. log)
      assert.matches("chat.lua", line, 1, true)
    end
  end)

  it("tells the terminal file, line, source line and reason of what was refused", function()
    local log = running().log()
    for _, words in ipairs { "chat.lua", "local x = = 1", "unexpected symbol near '='", "local y = nil + 1",
      "attempt to perform arithmetic on a nil value" } do
      assert.is_truthy(log:find(words, 1, true), words .. " in:\n" .. log)
    end
  end)
end)
