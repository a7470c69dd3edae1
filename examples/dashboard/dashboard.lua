-- Numbers of many hosts on many screens. Agents publish them, users watch; what is high is told once.

-- One channel a host: metrics:web1, metrics:db. Screens get the newest of each name, four times a second.
local host = channel("metrics:{host}", {
  subscribe = "user",
  publish = "role.agent",
  call = "user",
  schema = shape { name = "string 1..64", value = "number", unit = "string ..16?" },
  rate = "50/s per connection",
  conflate = { every = "250ms", key = "name" },
})

-- Above this, somebody has to know.
local HIGH = { cpu = 90, disk = 95 }

-- Tells the edge alone: a value that stays high is no news.
local function alert(self, name, value)
  local firing = self.state.firing or {}
  local is_high = HIGH[name] ~= nil and value > HIGH[name]
  if is_high ~= (firing[name] or false) then
    publish("alerts", { host = self.params.host, name = name, value = value, firing = is_high, at = now() })
  end
  firing[name] = is_high
  self.state.firing = firing
end

function host:on_publish(msg)
  local reading = { name = msg.name, value = msg.value, unit = msg.unit, at = now() }
  self.state.last = self.state.last or {}
  self.state.last[msg.name] = reading
  alert(self, msg.name, msg.value)
  return reading
end

-- A screen that has just come asks for what was told before.
function host:rpc_last()
  local list = json.array {}
  for _, reading in pairs(self.state.last or {}) do list[#list + 1] = reading end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

-- Nobody publishes here but the rules above, and your servers by the server API.
channel("alerts", { subscribe = "user", history = 100 })
