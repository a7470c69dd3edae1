-- Connect, subscribe, publish, vanish without closing, for SECONDS; memory and descriptors end where they were:
--
--   build/release/host spec/proof/churn.lua [SECONDS [CONNECTIONS]]         600 seconds, at most 500 connections a second
--
-- Two servers at once, one plain, one with TLS. Some clients vanish by a reset, some close their socket without a word,
-- some in the middle of joining, some stay and never read again (a pong that does not come ends those). After a warming
-- up the levels are taken with nobody there; they are taken again at the end. Exit 1 when more than a handful of
-- descriptors or GROWTH_MAX bytes are left over, or many were cut short by the server.
package.path = "./?.lua;./spec/support/?.lua;" .. package.path
local crowd = require "crowd"
local levels = require "spec.proof.levels"
local socket = require "room.socket"

local GROWTH_MAX, DESCRIPTORS_MAX = 3 * 1024 * 1024, 4
local WAVE, CROWD = 50, 10000 -- a crowd is given up, its abandoned sockets with it, after so many
local WARM_SECONDS = 60

local seconds, rate = tonumber(arg[1]) or 600, tonumber(arg[2]) or 500

local options = {
  scripts = { ["a.lua"] = [[
local room = channel("room:{name}", { subscribe = "anyone", publish = "anyone", presence = true })
function room:on_publish(data) self.state.last = data return data end
channel("kept:{name}", { subscribe = "anyone", publish = "anyone", history = 10 })
]] },
  args = { "--workers", "2", "--ping-ms", "4000", "--pong-ms", "3000", "--connect-ms", "10000", "--linger-ms", "500" },
}

local Side = {}
Side.__index = Side

-- Everybody has gone for the server as well: the level stands still.
function Side:rest()
  local bytes, descriptors = levels(self.it_runs)
  for _ = 1, 20 do
    socket.sleep(4000)
    local now, open = levels(self.it_runs)
    if now == bytes and open == descriptors then break end
    bytes, descriptors = now, open
  end
  return { bytes = bytes, descriptors = descriptors }
end

local function vanish(them, who, n)
  if n % 7 < 4 then
    them.all:leave(who, true)
  elseif n % 7 < 6 then
    them.all:leave(who, false)
  else
    them.all:pace(who, 0)
    them.all:silence(who)
  end
end

-- Each does as far as it comes before it vanishes; whom the server closes before that (a machine that stalls for
-- seconds) is counted.
function Side:wave()
  local them, all, done = self.them, {}, {}
  for n = 1, WAVE do
    local who = them:come()
    all[n] = who
    local channel = ("%s:%d"):format(n % 3 == 0 and "kept" or "room", math.random(200))
    if n % 10 == 0 then
      them:join(who, channel)
      done[who] = true
    else
      local publish = ('"publish":{"channel":"%s","data":{"text":"%s"}}'):format(channel, ("x"):rep(math.random(500)))
      them:join(who, channel, function() them:ask(who, publish, function() done[who] = true end) end)
    end
  end
  local function is_over(who) return done[who] or them.all:look(who) == "gone" end
  local first = 1 -- of those that are not over
  them:until_("a wave", function()
    while first <= WAVE and is_over(all[first]) do first = first + 1 end
    return first > WAVE
  end)
  for n, who in ipairs(all) do
    if not done[who] then self.cut = self.cut + 1 end
    vanish(them, who, n)
  end
  self.count = self.count + WAVE
end

function Side:renew_crowd()
  if self.them then self.them:close() end
  self.them = crowd.of(self.it_runs)
end

local function churn(sides, time)
  local from, count = socket.now_ms(), 0
  for _, side in ipairs(sides) do side.count, side.cut = 0, 0 end
  while socket.now_ms() < from + time * 1000 do
    for _, side in ipairs(sides) do
      if side.count % CROWD == 0 then side:renew_crowd() end
      side:wave()
    end
    count = count + WAVE * #sides
    socket.sleep(math.max(0, math.floor(from + count * 1000 / rate - socket.now_ms())))
  end
  for _, side in ipairs(sides) do side.them:close() end
end

local sides = {}
local ways = crowd.ways(options)
for _, way in ipairs { ways[1], ways[#ways] } do
  sides[#sides + 1] = setmetatable({ name = way.name, it_runs = way.start() }, Side)
end

churn(sides, math.min(WARM_SECONDS, math.max(20, seconds / 5))) -- until heaps and VMs have found their size
for _, side in ipairs(sides) do side.before = side:rest() end
churn(sides, seconds)
local well = true
for _, side in ipairs(sides) do
  local before, after = side.before, side:rest()
  local is_well = side.cut <= side.count // 100 and after.bytes - before.bytes < GROWTH_MAX
    and after.descriptors <= before.descriptors + DESCRIPTORS_MAX
  well = well and is_well
  print(("%-18s %d connections in %d s, %d cut short: memory %.2f MB before, %.2f after; descriptors %d before, %d after%s"):format(side.name,
    side.count, seconds, side.cut, before.bytes / 1e6, after.bytes / 1e6, before.descriptors, after.descriptors, is_well and "" or "  FAILED"))
  side.it_runs:stop()
end
os.exit(well, true)
