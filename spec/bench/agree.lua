-- Does `weir bench` measure the same as another load generator? `lua5.4 spec/bench/agree.lua WSLOAD [rounds]`, with the built
-- wsload, loads one server by both in turns and tells each figure's median, and the median ratio of two runs that follow each
-- other: a machine may change its speed between rounds.
package.path = "spec/bench/?.lua;" .. package.path
local cjson = require "cjson"
local page = require "page"
local peers = require "peers"
local servers = require "servers"

local WSLOAD, ROUNDS = assert(arg[1], "which wsload?"), tonumber(arg[2] or "5")

-- The same work in both tools' words.
local WORKS = {
  { "lock step", "--subs 1000 --window 1", "--subscribers 1000 --window 1" },
  { "window 32, bursts of 16", "--subs 1000 --window 32 --burst 16", "--subscribers 1000 --window 32 --burst 16" },
  { "ping-pong", "--subs 100 --pingpong --self", "--subscribers 100 --ping-pong" },
  { "50 a second", "--subs 1000 --rate 50", "--subscribers 1000 --rate 50 --from-sent" },
}

-- Weir's protocol, as wsload has to be told it.
local WORDS = [[--name weir --warm 1 --dur 2 --ping-reply '{}={}' --url URL --send '{"id":1,"connect":{}}' --expect '"connect"'
  --send '{"id":2,"subscribe":{"channel":"bench:%c"}}' --expect '"subscribe"' --purl URL --psend '{"id":1,"connect":{}}'
  --pexpect '"connect"' --ptmpl '{"id":3,"publish":{"channel":"bench:%c","data":"%M"}}']]

local FIGURES = {
  { "deliveries/s", function(r) return r.deliv_per_s end, function(r) return r.deliveries_per_s end },
  { "µs of CPU each", function(r) return r.srv_cpu_s_per_M end, function(r) return r.server.cpu_s_per_million end },
  { "p50, µs", function(r) return r.p50_us end, function(r) return r.latency_us.p50 end },
  { "p99, µs", function(r) return r.p99_us end, function(r) return r.latency_us.p99 end },
}

local function wsload_of(server, flags)
  local words = WORDS:gsub("URL", ("ws://127.0.0.1:%s/connection/websocket"):format(server.port)):gsub("\n", " ")
  return cjson.decode(servers.output_of(("taskset -c 1 %s %s --pid %s %s"):format(WSLOAD, flags, server.pid, words)))
end

local weir
for _, peer in ipairs(peers) do
  if peer.name == "weir" then weir = peer end
end
local server <close> = setmetatable(servers.start(weir, 0), { __close = servers.stop })
for _, work in ipairs(WORKS) do
  local theirs, ours = {}, {}
  for round = 1, ROUNDS do
    theirs[round] = wsload_of(server, work[2])
    ours[round] = servers.load(server, { how = "ws", flags = work[3] }, "--warm-up 1 --seconds 2")
    assert(not ours[round].lost, ours[round].lost)
  end
  for _, figure in ipairs(FIGURES) do
    local a, b = page.median_of(theirs, figure[2]), page.median_of(ours, figure[3])
    local ratio = page.median_of(ours, function(result, round) return figure[3](result) / figure[2](theirs[round]) end)
    print(("%-24s %-16s wsload %10.2f  weir bench %10.2f  ratio %.3f"):format(work[1], figure[1], a, b, ratio))
  end
end
