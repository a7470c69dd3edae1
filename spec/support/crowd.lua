-- Many clients on one thread: a spec that speaks for all of them. See room_crowd.c for what one of them can do.
--
--   local them = crowd.of(it_runs)
--   local ann = them:come()                                      connects; a number
--   them:ask(ann, '"subscribe":{"channel":"a"}', function(line) ... end)
--   them:on_push(function(who, line) ... end)
--   them:until_("the end", function() return ... end)            turns; never for ever
local crowds = require "room.crowd"
local server = require "server"
local socket = require "room.socket"
local tls = require "tls"

local crowd = {}
local Crowd = {}
Crowd.__index = Crowd

local SECONDS = 120

function crowd.of(it_runs)
  local self = setmetatable({
    all = crowds.new(it_runs.port, it_runs.scheme == "https"), id = 0, answers = {}, here = 0, errors = {},
    push = function() end,
  }, Crowd)
  self.hear = function(who, text)
    for line in text:gmatch "[^\n]+" do
      local id = line ~= "{}" and tonumber(line:match '^{"id":(%d+)')
      if id then
        local answered = self.answers[id]
        self.answers[id] = nil
        if line:find('"error"', 1, true) then self.errors[#self.errors + 1] = line end
        if answered then answered(line) end
      elseif line ~= "{}" then
        self.push(who, line)
      end
    end
  end
  return self
end

function Crowd:close() self.all:close() end
Crowd.__close = Crowd.close

function Crowd:on_push(fn) self.push = fn end

-- A command's line, with an id whose answer `answered` hears; for :say.
function Crowd:line(command, answered)
  self.id = self.id + 1
  self.answers[self.id] = answered
  return ('{"id":%d,%s}'):format(self.id, command)
end

function Crowd:say(who, ...)
  self.all:say(who, table.concat({ ... }, "\n"))
end

function Crowd:ask(who, command, answered)
  self:say(who, self:line(command, answered))
end

-- Comes in, at once and without waiting; .here counts those that were let in.
function Crowd:come(receive_buffer, deflates)
  local who = assert(self.all:add(receive_buffer, deflates))
  self:ask(who, '"connect":{}', function(line)
    if not line:find('"error"', 1, true) then self.here = self.here + 1 end
  end)
  return who
end

function Crowd:join(who, channel, answered)
  self:ask(who, ('"subscribe":{"channel":"%s"}'):format(channel), answered)
end

function Crowd:turn(ms)
  self.all:turn(ms, self.hear)
end

function Crowd:until_(what, is_done, seconds)
  local last = socket.now_ms() + (seconds or SECONDS) * 1000
  while not is_done() do
    if socket.now_ms() > last then
      local counts = self.all:counts()
      error(("%s never happened (%d connecting, %d in a handshake, %d upgrading, %d open, %d gone) %s"):format(what,
        counts.connecting, counts.handshake, counts.upgrading, counts.open, counts.gone, self.errors[1] or ""), 2)
    end
    self:turn(20)
  end
end

-- As many more as that come in and join; their numbers.
function Crowd:gather(count, channel, receive_buffer)
  local list, joined = {}, 0
  for n = 1, count do
    list[n] = self:come(receive_buffer)
    self:join(list[n], channel, function() joined = joined + 1 end)
  end
  self:until_(count .. " joining " .. channel, function() return joined == count end)
  return list
end

-- ---- servers ----

-- io_uring may be forbidden where the specs run (containers): then only the plain way is there to be seen.
local function has_uring(options)
  local probe = server.try { command = options.command, scripts = options.scripts, args = { "--io", "uring" } }
  probe:stop()
  return probe.port ~= nil
end

-- The ways out: { name =, start = function(more arguments) -> a running server }.
function crowd.ways(options)
  local function way(name, io, is_tls)
    return { name = name, is_tls = is_tls, start = function(more)
      local args = { "--io", io, table.unpack(options.args or {}) }
      table.move(more or {}, 1, more and #more or 0, #args + 1, args)
      local folder = is_tls and server.folder()
      if folder then
        tls.certificate(folder, "one")
        table.move({ "--tls-cert", folder .. "/one.crt", "--tls-key", folder .. "/one.key" }, 1, 4, #args + 1, args)
      end
      local it_runs = server.start { command = options.command or "dev", scripts = options.scripts, args = args, env = options.env }
      if folder then server.remove(folder) end
      return it_runs
    end }
  end
  local ways = { way("plain by send", "send"), way("TLS", "auto", true) }
  if has_uring(options) then table.insert(ways, 1, way("plain by io_uring", "uring")) end
  return ways
end

return crowd
