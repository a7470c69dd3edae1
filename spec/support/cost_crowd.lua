-- The kinds of channels whose subscribers cost something: three views, a view with a hook, filters; 1,000 of each.
local cost_lab = require "cost_lab"

local crowds = { SUBSCRIBERS = 1000, FILTERS = 200, MESSAGES = 800 }

crowds.RULES = [[
local views = { { "v0", when = "role.v0" }, { "v1", when = "role.v1", where = "msg.public", drop = { "cost", "p95" } },
  { "v2", drop = { "by.mail" } } }
local as = { subscribe = "anyone", publish = "anyone" }
local function kind(name, more)
  for key, value in pairs(as) do more[key] = value end
  return channel(name, more)
end
kind("plain", {})
kind("views", { views = views })
local hooked = kind("hooked", { views = { { "shown" } } })
function hooked:view_shown(msg) return { name = msg.name, avg = msg.avg } end
kind("some", { filter = { "name", "avg" } })
kind("none", { filter = { "name", "avg" } })
kind("one", { filter = { "name", "avg" } })
local turn = -1
function server.on_connect()
  turn = turn + 1
  return { user = "u" .. turn, roles = { "v" .. turn % 3 } }
end
]]

local function message(n)
  return ('{"name":"n%d","cost":1.5,"public":true,"p95":12,"by":{"mail":"a@b","name":"ann"},"host":"web-17","avg":42}'):format(
    n % crowds.FILTERS)
end

function crowds.add(lab)
  local kinds = {}
  local function add(name, per_message, filter)
    kinds[name] = lab:add { name = name, subscribers = crowds.SUBSCRIBERS, messages = crowds.MESSAGES, message = message,
      per_message = per_message, filter = filter }
  end
  add("plain", crowds.SUBSCRIBERS)
  add("views", crowds.SUBSCRIBERS)
  add("hooked", crowds.SUBSCRIBERS)
  add("some", crowds.SUBSCRIBERS / crowds.FILTERS, function(n) return ('{"name":"n%d","avg":{"gt":5}}'):format(n % crowds.FILTERS) end)
  add("none", 0, function(n) return ('{"name":"x%d","avg":{"gt":5}}'):format(n % crowds.FILTERS) end)
  add("one", 0, function() return '{"name":"x","avg":{"gt":5}}' end)
  return kinds
end

-- What is told of them, when they have been measured.
function crowds.ratios(kinds)
  local plain, views, hooked, none, one = kinds.plain, kinds.views, kinds.hooked, kinds.none, kinds.one
  local messages = #plain.seconds * crowds.MESSAGES
  local found = { plain_us = cost_lab.total(plain) / messages * 1e6, asked = (none.asked - one.asked) / messages,
    allocations = (none.allocations - one.allocations) / messages,
    filters_us = (cost_lab.total(none) - cost_lab.total(one)) / messages * 1e6 }
  found.views, found.views_low, found.views_high = cost_lab.quartiles(views, function(i) return plain.seconds[i] / views.seconds[i] end)
  found.hooked, found.hooked_low, found.hooked_high =
    cost_lab.quartiles(hooked, function(i) return plain.seconds[i] / hooked.seconds[i] end)
  return found
end

return crowds
