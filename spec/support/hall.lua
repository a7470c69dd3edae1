-- A hub's world for specs: workers whose turns the spec takes, clients that read as a dialogue.
--
--   local hall = halls.open { workers = 3, types = { { pattern = "chat", hooks = { "publish" } } },
--     on = { publish = function(event) return { verdict = "drop" } end } }
--   local alice = hall:join("alice", 1)        -- on worker 1
--   alice:says '{"id":2,"subscribe":{"channel":"chat"}}'  --> { '{"id":2,"subscribe":{}}' }
local hub = require "room.hub"

local Hall, Talk = {}, {}
Talk.__index = Talk

function Hall.__index(hall, name)
  if Hall[name] then return Hall[name] end
  local world = rawget(hall, "world")
  local method = world[name]
  return method and function(_, ...) return method(world, ...) end
end

local function lines_of(messages)
  local lines = {}
  for _, message in ipairs(messages) do
    for line in (message .. "\n"):gmatch("(.-)\n") do lines[#lines + 1] = line end
  end
  return lines
end

-- Turns the world, and what is said then; a close, if it came, is in talk.goodbye.
function Talk:hears()
  self.hall.world:turn()
  return self:takes()
end

-- The same without a turn. talk.frames: how many WebSocket frames came; talk.pushes: in how many outbox entries.
function Talk:takes()
  local messages, goodbye, entries = self.conn:flush()
  self.goodbye = goodbye or self.goodbye
  self.frames, self.pushes = #messages, entries
  return lines_of(messages)
end

function Talk:says(...)
  self.rest = self.conn:hear(table.concat({ ... }, "\n"))
  return self:hears()
end

-- Says without looking at what comes of it.
function Talk:mutters(...)
  self.conn:hear(table.concat({ ... }, "\n"))
  return self
end

function Talk:joins(...)
  for _, channel in ipairs { ... } do
    local reply = self:says(('{"id":9,"subscribe":{"channel":"%s"}}'):format(channel))
    if reply[#reply] ~= '{"id":9,"subscribe":{}}' then error("cannot join: " .. table.concat(reply, " "), 2) end
  end
  return self
end

function Talk:publishes(channel, data)
  return self:says(('{"id":8,"publish":{"channel":"%s","data":%s}}'):format(channel, data))
end

function Talk:leaves()
  self.conn:drop()
  self.hall.world:turn()
end

-- A client that has not connected yet.
function Hall:talk(worker, visit)
  return setmetatable({ hall = self, conn = self.world:client(worker or 0, visit) }, Talk)
end

-- A connected one; in dev mode it is whom it says it is.
function Hall:join(name, worker, visit)
  visit = visit or {}
  visit.as = name
  local talk = self:talk(worker, visit)
  local reply = talk:says '{"id":1,"connect":{}}'
  talk.id = reply[1] and reply[1]:match '"client":"([%x-]+)"' or error("cannot connect", 2)
  talk.name = name
  return talk
end

-- Alice, Bob and Carol, members of the channel, each on a worker of their own where there are three.
function Hall:three(channel)
  local last = self.workers - 1
  local all = { self:join("alice", 0), self:join("bob", math.min(1, last)), self:join("carol", last) }
  for _, talk in ipairs(all) do talk:joins(channel) end
  return table.unpack(all)
end

-- A channel name that is at home on that worker.
function Hall:named(worker, prefix)
  for i = 1, 1000 do
    local name = (prefix or "c") .. i
    if self.world:home(name) == worker then return name end
  end
  error("no name for worker " .. worker)
end

-- What happened, in order: a list of "hook channel" or "bind channel".
function Hall:heard(pattern)
  local list = {}
  for _, event in ipairs(self.events) do
    local text = event.hook .. (event.channel and " " .. event.channel or "")
    if not pattern or text:find(pattern) then list[#list + 1] = text end
  end
  return list
end

function Hall:last(hook)
  for i = #self.events, 1, -1 do
    if self.events[i].hook == hook then return self.events[i] end
  end
end

local halls = {}

-- What members hear of what a client, or the house, has published.
function halls.from(talk, channel, data)
  return ('{"push":{"channel":"%s","pub":{"data":%s,"info":{"user":"%s","client":"%s"}}}}'):format(
    channel, data, talk.name, talk.id)
end

function halls.house(channel, data)
  return ('{"push":{"channel":"%s","pub":{"data":%s}}}'):format(channel, data)
end

function halls.open(options)
  local hall = setmetatable({ events = {}, workers = options.workers or 1 }, Hall)
  local on = options.on or {}
  if options.is_dev == nil then options.is_dev = true end
  local types = options.types or {}
  types.server_hooks = options.server_hooks
  rawset(hall, "world", hub.new(options, types, function(event)
    hall.events[#hall.events + 1] = event
    local answer = on[event.hook]
    if type(answer) == "function" then return answer(event) end
    return answer
  end))
  return hall
end

return halls
