-- The rules that the judges in this folder play against.
return { ["rooms.lua"] = [[
local room = channel("room:{name}", {
  presence = true, history = 10, subscribe = "user", publish = "user",
})

function room:on_subscribe(client, data)
  if data and data.refuse then reject "not you" end
  if data and data.silent then return nil end
  if data and data.boom then error "boom" end
  return { welcome = client.user, room = self.params.name }
end

function room:on_unsubscribe(client)
  self:publish { left = client.user }
end

function room:on_publish(msg, from)
  if msg.reject then reject(msg.reject) end
  if msg.boom then error "boom" end
  if msg.drop then return nil end
  if msg.shout then return { shout = msg.shout:upper(), by = from.user } end
  return true
end

function room:rpc_add(args)
  self.state.sum = (self.state.sum or 0) + args.n
  return { sum = self.state.sum, of = self.params.name }
end

function room:rpc_kick(args)
  kick(self.name, { user = args.user, reason = "be gone" })
  return true
end

function room:rpc_no()
  reject(1234)
end

function room:rpc_boom()
  error "boom"
end

function server.rpc_whoami(_, from)
  return { user = from.user, roles = from.roles, team = from.claims and from.claims.team }
end

function server.rpc_echo(args)
  return args
end

channel("news:{topic}", { subscribe = "anyone" })
channel("quiet:{name}", { subscribe = "user", publish = "user" })
channel("staff:{name}", { subscribe = "role.staff", publish = "role.staff" })
channel("last:{name}", { subscribe = "user", publish = "user", latest = "key", views = {
  { "staff", when = "role.staff" }, { "rest", when = "user", drop = { "cost" } },
} })
channel("sieve:{name}", { subscribe = "user", publish = "user", filter = { "kind", "size", "by.team" } })
channel("small:{name}", { subscribe = "user", publish = "user", max_size = 100 })
]] }
