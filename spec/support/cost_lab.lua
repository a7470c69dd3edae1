-- What channels cost a server of one worker, kind by kind: for spec/proof/audience_cost.lua and spec/proof/costs.lua.
--
--   local lab = cost_lab.open(RULES)
--   local plain = lab:add { name = "plain", subscribers = 1000, per_message = 1000, message = function(n) return "{}" end }
--   lab:rounds(20)            every kind in each round, so that what else the machine does meets all of them
--   plain.seconds[i], plain.allocations, plain.asked, plain.out      of round i; of all of them, and so on
local crowd = require "crowd"
local http = require "http"
local server = require "server"
local talk = require "talk"

local Lab = {}
Lab.__index = Lab

local BURST = 32

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function open(rules)
  local self = setmetatable({ folder = server.folder(), kinds = {} }, Lab)
  assert(os.execute(("cc -O2 -shared -fPIC spec/proof/allocations.c -o %s/count.so"):format(self.folder)))
  self.server = server.start { scripts = { ["a.lua"] = rules },
    args = { "--workers", "1", "--ping-ms", "600000", "--hook-queue", "100000" },
    env = { LD_PRELOAD = self.folder .. "/count.so", ALLOCATIONS = self.folder .. "/count" } }
  self.house = talk.to(self.server):connect()
  return self
end

-- Of all its threads, in seconds.
function Lab:cpu()
  local total = 0
  local tasks <close> = io.popen(("cat /proc/%d/task/*/schedstat"):format(self.server.pid))
  for line in tasks:lines() do total = total + tonumber(line:match "^%d+") end
  return total / 1e9
end

function Lab:allocated()
  return (("<I8"):unpack(read(self.folder .. "/count")))
end

function Lab:metric(name) return http.metric(self.server, name) end

-- kind: name (of its channel too, but for `channel`), message(n), messages a round, per_message deliveries, and where
-- there are subscribers, `filter(n)` of the n-th.
function Lab:add(kind)
  kind.channel, kind.seconds, kind.allocations, kind.asked, kind.out = kind.channel or kind.name, {}, 0, 0, 0
  kind.per_message = kind.per_message or 0
  self.kinds[#self.kinds + 1] = kind
  if not kind.subscribers then return kind end
  kind.them = crowd.of(self.server)
  local joined = 0
  for n = 1, kind.subscribers do
    local filter = kind.filter and (',"filter":%s'):format(kind.filter(n)) or ""
    kind.them:ask(kind.them:come(), ('"subscribe":{"channel":"%s"%s}'):format(kind.channel, filter),
      function() joined = joined + 1 end)
  end
  kind.them:until_("all in " .. kind.name, function() return joined == kind.subscribers end)
  return kind
end

-- Publishes as a client, in bursts, and waits until all is answered and handed over.
local function publish(self, kind)
  local out = self:metric "weir_messages_out_total"
  for from = 1, kind.messages, BURST do
    local lines = {}
    for n = from, from + BURST - 1 do
      lines[#lines + 1] = ('{"id":%d,"publish":{"channel":"%s","data":%s}}'):format(n, kind.channel, kind.message(n))
    end
    self.house:say(table.unpack(lines))
    local reply = self.house:reply(from + BURST - 1)
    assert(not reply.error, kind.name .. " was refused")
    self.house.inbox, self.house.heard = {}, {}
    if kind.them then kind.them.all:turn(0) end
  end
  if not kind.them then return end
  while self:metric "weir_messages_out_total" < out + kind.messages * kind.per_message do kind.them.all:turn(10) end
  kind.them.all:turn(10)
end

function Lab:measure(kind)
  local out, asked = self:metric "weir_messages_out_total", self:metric "weir_filters_asked_total"
  local allocated, used = self:allocated(), self:cpu()
  publish(self, kind)
  kind.seconds[#kind.seconds + 1] = self:cpu() - used
  kind.allocations = kind.allocations + self:allocated() - allocated
  kind.asked = kind.asked + self:metric "weir_filters_asked_total" - asked
  kind.out = kind.out + self:metric "weir_messages_out_total" - out
end

function Lab:rounds(count)
  for _, kind in ipairs(self.kinds) do self:measure(kind) end -- warms up
  for _, kind in ipairs(self.kinds) do kind.seconds, kind.allocations, kind.asked, kind.out = {}, 0, 0, 0 end
  for _ = 1, count do
    for _, kind in ipairs(self.kinds) do self:measure(kind) end
  end
end

function Lab:close()
  for _, kind in ipairs(self.kinds) do
    if kind.them then kind.them:close() end
  end
  self.server:stop()
  server.remove(self.folder)
end

-- The middle one, and those at a quarter and three quarters, of fn(i) over the rounds of a kind.
local function quartiles(kind, fn)
  local list = {}
  for i = 1, #kind.seconds do list[i] = fn(i) end
  table.sort(list)
  return list[#list // 2 + 1], list[#list // 4 + 1], list[#list - #list // 4]
end

local function total(kind)
  local sum = 0
  for _, seconds in ipairs(kind.seconds) do sum = sum + seconds end
  return sum
end

return { open = open, quartiles = quartiles, total = total, BURST = BURST }
