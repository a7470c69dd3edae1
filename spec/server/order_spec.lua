-- Guarantee G3: one order a channel, for everybody, whoever publishes from wherever, whoever comes, goes or is slow.
local crowds = require "room.crowd"
local order = require "order"
local server = require "server"
local socket = require "room.socket"
local tls = require "tls"

local RULES = [[
channel("room:{name}", { subscribe = "anyone", publish = "anyone" })
channel("kept:{name}", { subscribe = "anyone", publish = "anyone", history = 10 })
local judged = channel("judged:{name}", { subscribe = "anyone", publish = "anyone" })
function judged:on_publish(data) return { by = data.by, n = data.n, pad = data.pad } end
]]

local CHANNELS = { "room:a", "kept:b", "judged:c" }
local PUBLISHERS, EACH, STAYERS, COMERS = 50, 60, 20, 8
local PAD, LONG_PAD = 300, 4000 -- the long ones fill a slow reader's kernel buffers and its queue
local SECONDS = 120

-- ---- the storm: one thread that speaks for everybody and writes down what happens ----

local Storm = {}
Storm.__index = Storm

-- One command of client `i`; `answered` is called with its reply's line.
function Storm:ask(i, command, answered)
  self.id = self.id + 1
  self.answers[self.id] = answered
  return ('{"id":%d,%s}'):format(self.id, command)
end

function Storm:say(i, ...)
  self.crowd:say(i, table.concat({ ... }, "\n"))
end

function Storm:come(receive_buffer)
  local i = assert(self.crowd:add(receive_buffer))
  self.runs[i] = {}
  self:say(i, self:ask(i, '"connect":{}', function() self.here = self.here + 1 end))
  return i
end

function Storm:join(i, channel, then_)
  local run = self.log:joins(channel, "client " .. i)
  return self:ask(i, ('"subscribe":{"channel":"%s"}'):format(channel), function()
    run:joined()
    self.runs[i][channel] = run
    if then_ then then_(run) end
  end)
end

function Storm:leave(i, channel, then_)
  local run = self.runs[i][channel]
  run:leaves()
  return self:ask(i, ('"unsubscribe":{"channel":"%s"}'):format(channel), function()
    run:left()
    if then_ then then_() end
  end)
end

local function hear_push(self, i, line)
  local channel, by, n = line:match '^{"push":{"channel":"([^"]+)","pub":{.-"by":(%d+),"n":(%d+)'
  if not channel then
    self.log:complain("client %d heard %s", i, line:sub(1, 200))
    return
  end
  local run = self.runs[i][channel]
  self.heard = self.heard + 1
  if not run then
    self.log:complain("client %d heard of %s before it had joined", i, channel)
  else
    run:hears(tonumber(by), tonumber(n))
  end
end

-- Turns until `is_done`, never for ever.
function Storm:until_(what, is_done)
  local last = socket.now_ms() + SECONDS * 1000
  while not is_done() do
    assert(socket.now_ms() < last, what .. " never happened\n" .. table.concat(self.log.findings, "\n"))
    self.crowd:turn(20, self.on_text)
  end
end

local function new_storm(it_runs)
  local self = setmetatable({
    crowd = crowds.new(it_runs.port, it_runs.scheme == "https"), log = order.new(), answers = {}, runs = {},
    id = 0, here = 0, heard = 0, sent = {}, acked = 0,
  }, Storm)
  self.on_text = function(i, text)
    for line in text:gmatch "[^\n]+" do
      local id = tonumber(line:match '^{"id":(%d+)')
      if id then
        if line:find('"error"', 1, true) then self.log:complain("client %d was refused: %s", i, line) end
        local answered = self.answers[id]
        self.answers[id] = nil
        answered(line)
      elseif line ~= "{}" then
        hear_push(self, i, line)
      end
    end
  end
  return self
end

-- A burst of up to eight messages in one frame, into channels by chance; the next one when all are answered.
function Storm:publish(i, by, left)
  local lines = {}
  local waits = math.min(left, math.random(8))
  left = left - waits
  for line = 1, waits do
    local channel = CHANNELS[math.random(#CHANNELS)]
    local sent = self.sent[channel] or {}
    self.sent[channel] = sent
    sent[by] = (sent[by] or 0) + 1
    local n = sent[by]
    self.log:sends(channel, by, n)
    lines[line] = self:ask(i, ('"publish":{"channel":"%s","data":{"by":%d,"n":%d,"pad":"%s"}}'):format(channel, by, n,
      ("x"):rep(math.random(0, self.pad))), function()
      self.log:acknowledged(channel, by, n)
      self.acked = self.acked + 1
      waits = waits - 1
      if waits == 0 and left > 0 then self:publish(i, by, left) end
    end)
  end
  self:say(i, table.concat(lines, "\n"))
end

-- Joins, hears something of it, leaves, and joins again, until the storm is over.
function Storm:come_and_go(i, channel)
  local function again()
    if self.is_over then return end
    local acked = self.acked + math.random(40, 400)
    self:say(i, self:join(i, channel, function()
      self.leavers[i] = { at = acked, go = function() self:say(i, self:leave(i, channel, again)) end }
    end))
  end
  again()
end

function Storm:let_leave(is_over)
  for i, leaver in pairs(self.leavers) do
    if is_over or self.acked >= leaver.at then
      self.leavers[i] = nil
      leaver.go()
    end
  end
end

-- Whoever stays has heard everything, and whoever is asked has nothing more to say.
function Storm:settle(stayers, publishers)
  local total = PUBLISHERS * EACH
  self:until_("the last message", function()
    for _, i in ipairs(stayers) do
      local heard = 0
      for _, run in pairs(self.runs[i]) do heard = heard + #run.heard end
      if heard < total then return self.lost_patience end
    end
    return true
  end)
  local waits = 0
  for _, list in ipairs { stayers, publishers } do
    for _, i in ipairs(list) do
      waits = waits + 1
      self:say(i, self:ask(i, '"unsubscribe":{"channel":"room:nobody"}', function() waits = waits - 1 end))
    end
  end
  self:until_("the last answer", function() return waits == 0 end)
end

local function storm(it_runs, slow)
  local self = new_storm(it_runs)
  self.pad = slow and LONG_PAD or PAD
  local stayers, publishers, comers, slow_ones, joined = {}, {}, {}, {}, 0
  self.leavers = {}
  for n = 1, STAYERS do stayers[n] = self:come() end
  for n = 1, PUBLISHERS do publishers[n] = self:come() end
  for n = 1, COMERS do comers[n] = self:come() end
  for n = 1, #(slow or {}) do slow_ones[n] = self:come(4096) end
  local everybody = STAYERS + PUBLISHERS + COMERS + #slow_ones
  self:until_("everybody's welcome", function() return self.here == everybody end)
  for _, list in ipairs { stayers, slow_ones } do
    for _, i in ipairs(list) do
      for _, channel in ipairs(CHANNELS) do
        self:say(i, self:join(i, channel, function() joined = joined + 1 end))
      end
    end
  end
  self:until_("joining", function() return joined == (STAYERS + #slow_ones) * #CHANNELS end)
  for n, i in ipairs(slow_ones) do self.crowd:pace(i, slow[n]) end
  for n, i in ipairs(publishers) do self:publish(i, n, EACH) end
  for n, i in ipairs(comers) do self:come_and_go(i, CHANNELS[n % #CHANNELS + 1]) end
  self:until_("the last acknowledgement", function()
    self:let_leave(false)
    return self.acked == PUBLISHERS * EACH
  end)
  self.is_over = true
  self:until_("the last leaving", function()
    self:let_leave(true)
    for _, i in ipairs(comers) do
      for _, run in pairs(self.runs[i]) do
        if not run.gone then return false end
      end
    end
    return true
  end)
  for _, i in ipairs(slow_ones) do
    for _, run in pairs(self.runs[i]) do run:cut() end -- what it has not read by now it need not have
  end
  self:settle(stayers, publishers)
  return self, slow_ones
end

local function assert_well(self)
  local findings = self.log:judge()
  assert.equal(0, #findings, table.concat(findings, "\n"))
  local runs = 0
  for _, channel in pairs(self.log.channels) do runs = runs + #channel.runs end
  assert.truthy(runs > STAYERS * #CHANNELS + COMERS, "hardly anybody came and went: " .. runs)
end

local WAYS = {
  { name = "plain text by io_uring, where there is one", args = { "--io", "auto" } },
  { name = "plain text by send", args = { "--io", "send" } },
  { name = "TLS", is_tls = true, args = {} },
}

for _, way in ipairs(WAYS) do
  describe("with 4 workers and 50 publishers, " .. way.name .. ",", function()
    local it_runs, folder

    lazy_setup(function()
      math.randomseed(7)
      local args = { "--workers", "4", "--ping-ms", "60000", "--queue-bytes", "65536", table.unpack(way.args) }
      if way.is_tls then
        folder = server.folder()
        tls.certificate(folder, "one")
        for _, word in ipairs { "--tls-cert", folder .. "/one.crt", "--tls-key", folder .. "/one.key" } do args[#args + 1] = word end
      end
      it_runs = server.start { command = "dev", scripts = { ["a.lua"] = RULES }, args = args }
    end)
    lazy_teardown(function()
      it_runs:stop()
      if folder then server.remove(folder) end
    end)

    it("everybody hears one order, each publisher's within it, also who comes and goes", function()
      local self = storm(it_runs)
      assert_well(self)
      self.crowd:close()
    end)

    it("the same beside slow readers, who hear the beginning of it until they are cut", function()
      local self, slow = storm(it_runs, { 0, 0, 1000, 1000, 20000 })
      assert_well(self)
      for _, i in ipairs(slow) do self.crowd:pace(i) end
      self:until_("the end of the slow", function()
        for _, i in ipairs(slow) do
          if self.crowd:look(i) ~= "gone" then return false end
        end
        return true
      end)
      for _, i in ipairs(slow) do
        local _, _, code = self.crowd:look(i)
        assert.truthy(code == 3008 or code == 0, code)
        for _, run in pairs(self.runs[i]) do assert.truthy(#run.heard < run.channel.count) end
      end
      assert_well(self)
      self.crowd:close()
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
