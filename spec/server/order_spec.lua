-- Guarantee G3: one order a channel, for everybody, whoever publishes from wherever, whoever comes, goes or is slow.
local crowd = require "crowd"
local order = require "order"

local RULES = [[
channel("room:{name}", { subscribe = "anyone", publish = "anyone" })
channel("kept:{name}", { subscribe = "anyone", publish = "anyone", history = 10 })
local judged = channel("judged:{name}", { subscribe = "anyone", publish = "anyone" })
function judged:on_publish(data) return { by = data.by, n = data.n, pad = data.pad } end
]]

local CHANNELS = { "room:a", "kept:b", "judged:c" }
local PUBLISHERS, EACH, STAYERS, COMERS = 50, 60, 20, 8
local PAD, LONG_PAD = 300, 4000 -- the long ones fill a slow reader's kernel buffers and its queue

-- ---- the storm: one thread that speaks for everybody and writes down what happens ----

local Storm = {}
Storm.__index = Storm

function Storm:come(receive_buffer, deflates)
  local who = self.them:come(receive_buffer, deflates)
  self.runs[who] = {}
  return who
end

function Storm:join(who, channel, then_)
  local run = self.log:joins(channel, "client " .. who)
  self.them:join(who, channel, function()
    run:joined()
    self.runs[who][channel] = run
    if then_ then then_() end
  end)
end

function Storm:leave(who, channel, then_)
  local run = self.runs[who][channel]
  run:leaves()
  self.them:ask(who, ('"unsubscribe":{"channel":"%s"}'):format(channel), function()
    run:left()
    then_()
  end)
end

function Storm:hear(who, line)
  local channel, by, n = line:match '^{"push":{"channel":"([^"]+)","pub":{.-"by":(%d+),"n":(%d+)'
  local run = channel and self.runs[who][channel]
  if not channel then
    self.log:complain("client %d heard %s", who, line:sub(1, 200))
  elseif not run then
    self.log:complain("client %d heard of %s before it had joined", who, channel)
  else
    run:hears(tonumber(by), tonumber(n))
  end
end

local function new_storm(it_runs, pad)
  local self = setmetatable({
    them = crowd.of(it_runs), log = order.new(), runs = {}, sent = {}, acked = 0, leavers = {}, pad = pad,
  }, Storm)
  self.them:on_push(function(who, line) self:hear(who, line) end)
  return self
end

-- A burst of up to eight messages in one frame, into channels by chance; the next one when all are answered.
function Storm:publish(who, by, left)
  local lines = {}
  local waits = math.min(left, math.random(8))
  left = left - waits
  local function answered(channel, n)
    self.log:acknowledged(channel, by, n)
    self.acked = self.acked + 1
    waits = waits - 1
    if waits == 0 and left > 0 then self:publish(who, by, left) end
  end
  for line = 1, waits do
    local channel = CHANNELS[math.random(#CHANNELS)]
    local sent = self.sent[channel] or {}
    self.sent[channel] = sent
    sent[by] = (sent[by] or 0) + 1
    local n = sent[by]
    self.log:sends(channel, by, n)
    lines[line] = self.them:line(('"publish":{"channel":"%s","data":{"by":%d,"n":%d,"pad":"%s"}}'):format(channel, by, n,
      ("x"):rep(math.random(0, self.pad))), function() answered(channel, n) end)
  end
  self.them:say(who, table.unpack(lines))
end

-- Joins, hears something of it, leaves, and joins again, until the storm is over.
function Storm:come_and_go(who, channel)
  if self.is_over then return end
  local acked = self.acked + math.random(40, 400)
  self:join(who, channel, function()
    self.leavers[who] = { at = acked, go = function()
      self:leave(who, channel, function() self:come_and_go(who, channel) end)
    end }
  end)
end

function Storm:let_leave(is_over)
  for who, leaver in pairs(self.leavers) do
    if is_over or self.acked >= leaver.at then
      self.leavers[who] = nil
      leaver.go()
    end
  end
end

function Storm:has_left(who)
  for _, run in pairs(self.runs[who]) do
    if not run.gone then return false end
  end
  return true
end

function Storm:has_heard_all(who)
  local heard = 0
  for _, run in pairs(self.runs[who]) do heard = heard + #run.heard end
  return heard >= PUBLISHERS * EACH
end

local function all(list, is_so)
  for _, who in ipairs(list) do
    if not is_so(who) then return false end
  end
  return true
end

-- Whoever is asked now has nothing more to say: what is doubled has come by then.
function Storm:settle(list)
  local waits = #list
  for _, who in ipairs(list) do
    self.them:ask(who, '"unsubscribe":{"channel":"room:nobody"}', function() waits = waits - 1 end)
  end
  self.them:until_("the last answer", function() return waits == 0 end)
end

-- Every second one wants its messages compressed; the slow, who have a receive buffer of their own, do not.
function Storm:come_many(count, receive_buffer)
  local list = {}
  for n = 1, count do list[n] = self:come(receive_buffer, not receive_buffer and n % 2 == 0) end
  self.everybody = (self.everybody or 0) + count
  self.them:until_("everybody's welcome", function() return self.them.here == self.everybody end)
  return list
end

function Storm:join_all(list)
  local joined = 0
  for _, who in ipairs(list) do
    for _, channel in ipairs(CHANNELS) do self:join(who, channel, function() joined = joined + 1 end) end
  end
  self.them:until_("joining", function() return joined == #list * #CHANNELS end)
end

-- `paces`: of the slow readers beside, in bytes a second; what these hear until the end of it is a beginning.
local function storm(it_runs, paces)
  local self = new_storm(it_runs, #paces > 0 and LONG_PAD or PAD)
  local stayers, publishers, comers = self:come_many(STAYERS), self:come_many(PUBLISHERS), self:come_many(COMERS)
  self.slow = self:come_many(#paces, 4096)
  self:join_all(stayers)
  self:join_all(self.slow)
  for n, who in ipairs(self.slow) do self.them.all:pace(who, paces[n]) end
  for n, who in ipairs(publishers) do self:publish(who, n, EACH) end
  for n, who in ipairs(comers) do self:come_and_go(who, CHANNELS[n % #CHANNELS + 1]) end
  self.them:until_("the last acknowledgement", function()
    self:let_leave(false)
    return self.acked == PUBLISHERS * EACH
  end)
  self.is_over = true
  self.them:until_("the last leaving", function()
    self:let_leave(true)
    return all(comers, function(who) return self:has_left(who) end)
  end)
  for _, who in ipairs(self.slow) do
    for _, run in pairs(self.runs[who]) do run:cut() end
  end
  -- Who has not heard all by then never will: what is missing is the judge's to say.
  pcall(self.them.until_, self.them, "the last message", function()
    return all(stayers, function(who) return self:has_heard_all(who) end)
  end, 20)
  self:settle(stayers)
  self:settle(publishers)
  assert.same({}, self.them.errors)
  for n, who in ipairs(stayers) do
    local _, _, inflated = self.them.all:got(who)
    assert.equal(n % 2 == 0, inflated > 0)
  end
  return self
end

local function assert_well(self)
  local findings = self.log:judge()
  assert.equal(0, #findings, table.concat(findings, "\n"))
  local runs = 0
  for _, channel in pairs(self.log.channels) do runs = runs + #channel.runs end
  assert.truthy(runs > STAYERS * #CHANNELS + COMERS, "hardly anybody came and went: " .. runs)
end

local ways = crowd.ways {
  scripts = { ["a.lua"] = RULES },
  args = { "--workers", "4", "--ping-ms", "60000", "--queue-bytes", "65536", "--deflate", "--deflate-min", "100" },
}

for _, way in ipairs(ways) do
  describe(("with 4 workers and %d publishers, %s,"):format(PUBLISHERS, way.name), function()
    local it_runs

    lazy_setup(function()
      math.randomseed(7)
      it_runs = way.start()
    end)
    lazy_teardown(function() it_runs:stop() end)

    it("everybody hears one order, each publisher's within it, also who comes and goes", function()
      local self = storm(it_runs, {})
      assert_well(self)
      self.them:close()
    end)

    it("the same beside slow readers, who hear the beginning of it until they are cut", function()
      local self = storm(it_runs, { 0, 0, 1000, 1000, 20000 })
      assert_well(self)
      for _, who in ipairs(self.slow) do self.them.all:pace(who) end
      self.them:until_("the end of the slow", function()
        return all(self.slow, function(who) return self.them.all:look(who) == "gone" end)
      end)
      for _, who in ipairs(self.slow) do
        local _, _, code = self.them.all:look(who)
        assert.truthy(code == 3008 or code == 0, code)
        assert.is_false(self:has_heard_all(who))
      end
      assert_well(self)
      self.them:close()
    end)
  end)
end

describe("the checker of order", function()
  -- A small history that is well, and what is changed in it.
  local function history(change)
    local log = order.new()
    local stays, other = log:joins("room:a", "ann"), log:joins("room:a", "ben")
    stays:joined()
    other:joined()
    for n = 1, 3 do
      for by = 1, 2 do
        log:sends("room:a", by, n)
      end
    end
    for n = 1, 2 do
      for by = 1, 2 do
        log:acknowledged("room:a", by, n)
      end
    end
    local late = log:joins("room:a", "cy")
    late:joined()
    for by = 1, 2 do log:acknowledged("room:a", by, 3) end
    local heard = { { 1, 1 }, { 2, 1 }, { 2, 2 }, { 1, 2 }, { 1, 3 }, { 2, 3 } }
    local by_whom = { ann = { table.unpack(heard) }, ben = { table.unpack(heard) }, cy = { heard[5], heard[6] } }
    change(by_whom, log)
    for run, who in pairs { [stays] = "ann", [other] = "ben", [late] = "cy" } do
      for _, message in ipairs(by_whom[who]) do run:hears(message[1], message[2]) end
    end
    return log:judge()
  end

  it("is content with a history that is well", function()
    assert.same({}, history(function() end))
  end)

  for name, change in pairs {
    ["one subscriber's two swapped"] = function(h) h.ben[2], h.ben[3] = h.ben[3], h.ben[2] end,
    ["two publishers' swapped for one"] = function(h) h.ben[1], h.ben[2] = h.ben[2], h.ben[1] end,
    ["one publisher's two swapped for all"] = function(h)
      for _, who in ipairs { "ann", "ben" } do h[who][2], h[who][3] = h[who][3], h[who][2] end
    end,
    ["one lost for one in the middle"] = function(h) table.remove(h.ben, 3) end,
    ["one lost for one at the end"] = function(h) table.remove(h.ben) end,
    ["one lost for all"] = function(h) for _, list in pairs(h) do table.remove(list) end end,
    ["one doubled for one"] = function(h) table.insert(h.ben, 3, h.ben[3]) end,
    ["one doubled for all"] = function(h) for _, list in pairs(h) do table.insert(list, list[#list]) end end,
    ["one that nobody sent"] = function(h) table.insert(h.ben, { 9, 9 }) end,
    ["one older than a joining"] = function(h) h.cy = { { 2, 2 }, { 1, 2 }, { 1, 3 }, { 2, 3 } } end,
    ["one missing after a joining"] = function(h, log)
      log:sends("room:a", 1, 4)
      log:acknowledged("room:a", 1, 4)
      for _, who in ipairs { "ann", "ben" } do table.insert(h[who], { 1, 4 }) end
    end,
    ["one overtaken after its acknowledgement"] = function(h, log)
      log:sends("room:a", 3, 1)
      log:acknowledged("room:a", 3, 1)
      for _, list in pairs(h) do table.insert(list, #list, { 3, 1 }) end
      log:sends("room:a", 4, 1)
      log:acknowledged("room:a", 4, 1)
      for _, list in pairs(h) do table.insert(list, #list - 1, { 4, 1 }) end
    end,
  } do
    it("sees " .. name, function()
      assert.truthy(#history(change) > 0)
    end)
  end
end)
