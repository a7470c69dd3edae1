-- A service with many tenants. Whose somebody is stands in the token, which the server has verified; the rules hold it
-- against the channel's name. They are asked before any Lua runs, so nothing below can forget to.

-- What a tenant's own people say and hear. An admin of the service may listen, and says nothing in a tenant's name.
local feed = channel("feed:{tenant}", {
  subscribe = "claims.tenant == params.tenant or role.admin",
  publish = "claims.tenant == params.tenant",
  schema = shape { text = "string 1..500" },
  presence = true,
})

function feed:on_publish(msg, from)
  return { text = msg.text, by = from.user }
end

-- What a tenant pays is for its owners.
channel("bill:{tenant}", {
  subscribe = "claims.tenant == params.tenant and role.owner or role.admin",
  latest = true,
})

-- The work that all tenants share. Each has its own share of it: one that is busy takes nothing from the others.
local jobs = channel("jobs", {
  subscribe = "role.admin",
  call = "claims.tenant ~= nil",
  rate = "5/10s per claims.tenant",
  schema = { rpc_start = shape { name = "string 1..100" } },
})

-- call("jobs/start", { name = "report" })
function jobs:rpc_start(job, from)
  local tenant, counts = from.claims.tenant, self.state.counts or {}
  local count = (counts[tenant] or 0) + 1
  publish("feed:" .. tenant, { started = job.name, by = from.user })
  publish("bill:" .. tenant, { jobs = count })
  self:publish { tenant = tenant, name = job.name, jobs = count }
  counts[tenant] = count
  self.state.counts = counts
  return { jobs = count }
end
