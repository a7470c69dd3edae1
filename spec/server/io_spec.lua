-- How a turn's writes go out: the same for clients, whichever way is taken.
local server = require "server"
local talk = require "talk"

local RULES = { ["feed.lua"] = [[
channel("feed:{n}", { subscribe = "anyone", publish = "anyone", max_size = 60000 })
]] }

-- io_uring may be forbidden where the specs run (containers): then only the plain way is there to be seen.
local function has_uring()
  local probe = server.try { scripts = RULES, args = { "--io", "uring" } }
  probe:stop()
  return probe.port ~= nil
end

describe("the writes of a turn", function()
  after_each(function() talk.close_all() end)

  local ways = { "send", "auto" }
  if has_uring() then ways[#ways + 1] = "uring" end

  for _, way in ipairs(ways) do
    it(("reach many clients in order by --io %s"):format(way), function()
      local running <close> = server.start { scripts = RULES, args = { "--io", way, "--workers", "1" } }
      running:wait_log("io=(%a+)")
      local clients = {}
      for i = 1, 16 do clients[i] = talk.to(running):connect():join("feed:" .. i % 2) end
      local long = ("x"):rep(20000)
      for i = 1, 10 do
        clients[1]:says("feed:1", i)
        clients[2]:says("feed:0", { i, long })
      end
      for i, client in ipairs(clients) do
        for n = 1, 10 do client:hears("feed:" .. i % 2, i % 2 == 1 and n or { n, long }) end
      end
      talk.close_all() -- before the server has to wait for them
    end)
  end

  it("go one by one where the system has no io_uring, or say so where it was asked for", function()
    local refused = server.try { scripts = RULES, args = { "--io", "ring" } }
    finally(function() refused:stop() end)
    assert.is_nil(refused.port)
    assert.truthy(refused.log():find("auto, uring or send", 1, true), refused.log())
  end)
end)
