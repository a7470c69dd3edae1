-- What an idle subscribed connection costs, and that its memory comes back:
--
--   build/release/host spec/proof/memory.lua [PLAIN [TLS]]          10,000 plain ones, 2,000 with TLS
--
-- Every connection has joined one channel that all share. Exit 1 when a connection costs more resident
-- memory than PLAIN_MAX or TLS_MAX, or when less than BACK of it is given back once they have left.
package.path = "./?.lua;./spec/support/?.lua;" .. package.path
local crowd = require "crowd"
local levels = require "spec.proof.levels"
local server = require "server"

local PLAIN_MAX, TLS_MAX, BACK = 3072, 18432, 0.75
local WAVE = 500 -- come at once; the holes that their handshakes leave count too

local plain_count, tls_count = tonumber(arg[1]) or 10000, tonumber(arg[2]) or 2000

local options = {
  scripts = { ["a.lua"] = 'channel("room:{name}", { subscribe = "anyone", publish = "anyone" })' },
  args = { "--workers", "2", "--ping-ms", "600000" },
}

local function come(them, count)
  local joined = 0
  for from = 1, count, WAVE do
    local last = math.min(count, from + WAVE - 1)
    for _ = from, last do
      local who = them:come()
      them:join(who, "room:all", function() joined = joined + 1 end)
    end
    them:until_("joining", function() return joined >= last end)
  end
  assert(#them.errors == 0, them.errors[1])
end

-- Nothing more is under way: the figure stands still.
local function settle(it_runs, them)
  local last
  for _ = 1, 10 do
    for _ = 1, 60 do them:turn(50) end
    local now = levels(it_runs)
    if now == last then break end
    last = now
  end
  return last
end

local function until_empty(it_runs, base)
  assert(server.wait(30, function() return select(2, levels(it_runs)) <= base end), "sockets are left open")
end

local function measure(way, count, most)
  local it_runs <close> = way.start()
  do -- what the first ones of all cost is not theirs
    local them <close> = crowd.of(it_runs)
    come(them, 50)
  end
  server.wait(1, function() return false end)
  local them = crowd.of(it_runs)
  local before = settle(it_runs, them)
  local _, sockets = levels(it_runs)
  come(them, count)
  local full = settle(it_runs, them)
  them:close()
  until_empty(it_runs, sockets)
  local other <close> = crowd.of(it_runs)
  local after = settle(it_runs, other)
  local each, back = (full - before) / count, (full - after) / (full - before)
  local well = each <= most and back >= BACK
  print(("%-22s %6d connections: %6.0f bytes each (at most %d); %.1f MB, then %.1f, then %.1f: %.0f %% came back%s"):format(way.name,
    count, each, most, before / 1e6, full / 1e6, after / 1e6, back * 100, well and "" or "  FAILED"))
  return well
end

local well = true
for _, way in ipairs(crowd.ways(options)) do
  if way.is_tls and tls_count > 0 then
    well = measure(way, tls_count, TLS_MAX) and well
  elseif not way.is_tls and plain_count > 0 then
    well = measure(way, plain_count, PLAIN_MAX) and well
  end
end
os.exit(well, true)
