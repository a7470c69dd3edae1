-- What views and filters cost, as ratios in one run: 1,000 subscribers of one channel, one worker.
--   make audience-cost
-- Rounds of the kinds take turns, and the middle one of the rounds' ratios is told: nearly all of the CPU time is the
-- kernel's, for sending, and what else the machine does makes it differ by a tenth from one second to the next.
package.path = "spec/support/?.lua;" .. package.path
local crowd = require "crowd"
local http = require "http"
local server = require "server"
local talk = require "talk"

local SUBSCRIBERS, BURST, MESSAGES, FILTERS = 1000, 32, 800, 200
local ROUNDS = tonumber(arg and arg[1] or "") or 20

local RULES = [[
local views = { { "v0", when = "role.v0" }, { "v1", when = "role.v1", where = "msg.public", drop = { "cost", "p95" } },
  { "v2", drop = { "by.mail" } } }
local as = { subscribe = "anyone", publish = "anyone" }
local function kind(name, more)
  for key, value in pairs(as) do more[key] = value end
  channel(name, more)
end
kind("plain", {})
kind("views", { views = views })
kind("some", { filter = { "name", "avg" } })
kind("none", { filter = { "name", "avg" } })
kind("one", { filter = { "name", "avg" } })
local turn = -1
function server.on_connect()
  turn = turn + 1
  return { user = "u" .. turn, roles = { "v" .. turn % 3 } }
end
]]

local function message(name)
  return ('{"name":"%s","cost":1.5,"public":true,"p95":12,"by":{"mail":"a@b","name":"ann"},"host":"web-17","avg":42}'):format(name)
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

-- Of all its threads, in seconds.
local function cpu(pid)
  local total = 0
  local tasks = io.popen(("cat /proc/%d/task/*/schedstat"):format(pid))
  for line in tasks:lines() do total = total + tonumber(line:match "^%d+") end
  tasks:close()
  return total / 1e9
end

local folder = server.folder()
assert(os.execute(("cc -O2 -shared -fPIC spec/proof/allocations.c -o %s/count.so"):format(folder)))
local it_runs = server.start { scripts = { ["a.lua"] = RULES }, args = { "--workers", "1", "--ping-ms", "600000" },
  env = { LD_PRELOAD = folder .. "/count.so", ALLOCATIONS = folder .. "/count" } }
local function allocations() return (("<I8"):unpack(read(folder .. "/count"))) end

local house = talk.to(it_runs):connect()
local kinds = {}
local function join(them, name, filter_of)
  local joined = 0
  for n = 1, SUBSCRIBERS do
    local filter = filter_of and (',"filter":%s'):format(filter_of(n)) or ""
    them:ask(them:come(), ('"subscribe":{"channel":"%s"%s}'):format(name, filter), function() joined = joined + 1 end)
  end
  them:until_("all in " .. name, function() return joined == SUBSCRIBERS end)
end

-- Publishes, and waits until all was handed over: deliveries, CPU seconds, allocations, evaluations.
local function measure(kind)
  local them, name, per_message = kind.them, kind.name, kind.per_message
  local metric = function(of) return http.metric(it_runs, of) end
  local out, asked, allocated, used = metric "weir_messages_out_total", metric "weir_filters_asked_total", allocations(), cpu(it_runs.pid)
  for from = 1, MESSAGES, BURST do
    local lines = {}
    for n = from, from + BURST - 1 do
      lines[#lines + 1] = ('{"id":%d,"publish":{"channel":"%s","data":%s}}'):format(n, name, message("n" .. n % FILTERS))
    end
    house:say(table.unpack(lines))
    house:reply(from + BURST - 1)
    house.inbox, house.heard = {}, {}
    them.all:turn(0)
  end
  while metric "weir_messages_out_total" < out + MESSAGES * per_message do them.all:turn(10) end
  them.all:turn(10)
  kind.last = cpu(it_runs.pid) - used
  kind.used = (kind.used or 0) + kind.last
  kind.allocated = (kind.allocated or 0) + allocations() - allocated
  kind.asked = (kind.asked or 0) + metric "weir_filters_asked_total" - asked
  kind.out = (kind.out or 0) + metric "weir_messages_out_total" - out
end

local function add(name, per_message, filter_of)
  local them = crowd.of(it_runs)
  join(them, name, filter_of)
  kinds[#kinds + 1] = { name = name, them = them, per_message = per_message }
end
add("plain", SUBSCRIBERS)
add("views", SUBSCRIBERS)
add("some", SUBSCRIBERS / FILTERS, function(n) return ('{"name":"n%d","avg":{"gt":5}}'):format(n % FILTERS) end)
add("none", 0, function(n) return ('{"name":"x%d","avg":{"gt":5}}'):format(n % FILTERS) end)
add("one", 0, function() return '{"name":"x","avg":{"gt":5}}' end)

for _, kind in ipairs(kinds) do measure(kind) end -- warms up
for _, kind in ipairs(kinds) do kind.used, kind.allocated, kind.asked, kind.out = nil, nil, nil, nil end
local plain, views, _, none, one = table.unpack(kinds)
local ratios = {}
for round = 1, ROUNDS do
  for _, kind in ipairs(kinds) do measure(kind) end
  ratios[round] = plain.last / views.last -- each delivers as many
end
table.sort(ratios)
local messages = ROUNDS * MESSAGES
print(("%d subscribers, %d messages of %d bytes in bursts of %d"):format(SUBSCRIBERS, messages, #message "n1", BURST))
for _, kind in ipairs(kinds) do
  print(("%-6s %8.2f us CPU a message, %8.0f deliveries a CPU ms, %7.2f filters asked and %6.2f allocations a message"):format(
    kind.name, kind.used / messages * 1e6, kind.out / kind.used / 1000, kind.asked / messages, kind.allocated / messages))
end
print(("three views: %.1f %% of the plain broadcast's deliveries per CPU second (half of the rounds: %.1f to %.1f %%)"):format(
  100 * ratios[ROUNDS // 2 + 1], 100 * ratios[ROUNDS // 4 + 1], 100 * ratios[ROUNDS - ROUNDS // 4]))
print(("%d filters beside one: %.1f more asked, %.3f more allocations, %.2f us more CPU a message"):format(FILTERS,
  (none.asked - one.asked) / messages, (none.allocated - one.allocated) / messages, (none.used - one.used) / messages * 1e6))
for _, kind in ipairs(kinds) do kind.them:close() end
it_runs:stop()
server.remove(folder)
