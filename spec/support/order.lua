-- The checker of guarantee G3: writes down what each publisher sent and each subscriber heard, and judges it.
--
--   local log = order.new()
--   log:sends("room:a", by, n)  log:acknowledged("room:a", by, n)      a publisher's n-th message of that channel
--   local run = log:joins("room:a", "ann")                             she has asked; then in this order, what happens:
--   run:joined()  run:hears(by, n)  run:leaves()  run:left()           asked to leave, answered; or run:cut()
--   log:judge()                                                        what is wrong, as sentences; none when all is well
--
-- The recorder is one thread, so what it writes down first did happen first: a message acknowledged before somebody
-- asked to join is not for them, one sent after the answer to their joining and acknowledged before they asked to leave is.
local order = {}
order.__index = order

local Run = {}
Run.__index = Run

local FINDINGS_MAX = 20

function order.new()
  return setmetatable({ clock = 0, channels = {}, findings = {} }, order)
end

local function tick(log)
  log.clock = log.clock + 1
  return log.clock
end

function order:complain(text, ...)
  if #self.findings < FINDINGS_MAX then self.findings[#self.findings + 1] = text:format(...) end
end

local function channel_of(log, name)
  local channel = log.channels[name]
  if not channel then
    channel = { name = name, sent = {}, count = 0, runs = {} }
    log.channels[name] = channel
  end
  return channel
end

local function key_of(by, n)
  return by .. "/" .. n
end

function order:sends(name, by, n)
  local channel = channel_of(self, name)
  channel.sent[key_of(by, n)] = { by = by, n = n, sent = tick(self) }
  channel.count = channel.count + 1
end

function order:acknowledged(name, by, n)
  channel_of(self, name).sent[key_of(by, n)].acked = tick(self)
end

-- ---- a subscriber's time in a channel ----

function order:joins(name, who)
  local channel = channel_of(self, name)
  local run = setmetatable({ log = self, channel = channel, who = who, heard = {}, asked = tick(self) }, Run)
  channel.runs[#channel.runs + 1] = run
  return run
end

function Run:joined() self.from = tick(self.log) end
function Run:leaves() self.until_ = tick(self.log) end
function Run:left() self.gone = tick(self.log) end
function Run:cut() self.is_cut = true end

function Run:hears(by, n)
  local key = key_of(by, n)
  self.heard[#self.heard + 1] = key
  if not self.from then self.log:complain("%s heard %s of %s before it had joined", self.who, key, self.channel.name) end
  if self.gone then self.log:complain("%s heard %s of %s after it had left", self.who, key, self.channel.name) end
end

-- ---- the judgement ----

-- Whoever was there before the first message and stayed has heard the channel's one order.
local function reference_of(channel)
  local first = math.huge
  for _, message in pairs(channel.sent) do first = math.min(first, message.sent) end
  for _, run in ipairs(channel.runs) do
    if run.from and run.from < first and not run.until_ and not run.is_cut then return run end
  end
end

-- Gives each message its place in the order that the reference heard; each publisher's own order holds within.
local function judge_reference(log, channel, reference)
  local last, latest_sent = {}, 0
  for _, message in pairs(channel.sent) do message.place = nil end
  for place, key in ipairs(reference.heard) do
    local message = channel.sent[key]
    if not message then
      log:complain("%s: %s heard %s, which nobody sent", channel.name, reference.who, key)
    else
      if message.place then log:complain("%s: %s heard %s twice", channel.name, reference.who, key) end
      message.place = place
      if message.n ~= (last[message.by] or 0) + 1 then
        log:complain("%s: message %d of publisher %s came after its %d", channel.name, message.n, message.by, last[message.by] or 0)
      end
      last[message.by] = message.n
      if message.acked and message.acked < latest_sent then
        log:complain("%s: %s was acknowledged before one was sent that came before it", channel.name, key)
      end
      latest_sent = math.max(latest_sent, message.sent)
    end
  end
  for key, message in pairs(channel.sent) do
    if message.acked and not message.place then log:complain("%s: %s was lost for %s", channel.name, key, reference.who) end
  end
end

local function judge_places(log, channel, run)
  local before
  for _, key in ipairs(run.heard) do
    local place = channel.sent[key] and channel.sent[key].place
    if not place then
      log:complain("%s: %s heard %s, which is not in the channel's order", channel.name, run.who, key)
    elseif before and place ~= before + 1 then
      log:complain("%s: %s heard %s, place %d, after place %d", channel.name, run.who, key, place, before)
    end
    before = place or before
  end
end

local function judge_bounds(log, channel, run)
  local heard = {}
  for _, key in ipairs(run.heard) do heard[key] = true end
  local ended = run.until_ or math.huge
  for key, message in pairs(channel.sent) do
    local acked = message.acked or math.huge
    if heard[key] and acked < run.asked then
      log:complain("%s: %s heard %s, which is older than its joining", channel.name, run.who, key)
    elseif not heard[key] and not run.is_cut and run.from and message.sent > run.from and message.acked and acked < ended then
      log:complain("%s: %s never heard %s", channel.name, run.who, key)
    end
  end
end

function order:judge()
  self.findings = self.judged and {} or self.findings
  self.judged = true
  for _, channel in pairs(self.channels) do
    local reference = reference_of(channel)
    if not reference then
      self:complain("%s: nobody has heard all of it", channel.name)
    else
      judge_reference(self, channel, reference)
      for _, run in ipairs(channel.runs) do
        judge_places(self, channel, run)
        judge_bounds(self, channel, run)
      end
    end
  end
  return self.findings
end

return order
