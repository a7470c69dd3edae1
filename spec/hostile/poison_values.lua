-- Changes what C gives out: null, arrays, clients, self, the class.
-- answer: fine "whole"
local a = channel("poison_values:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go(_, from)
  local tries = {
    function() getmetatable(json.array {}).__index = error end,
    function() setmetatable(json.null, {}) end,
    function() getmetatable(json.null).__index = error end,
    function() from.user = "root" end,
    function() rawset(from, "user", "root") end,
    function() setmetatable(from, {}) end,
    function() self.name = "bystander:a" end,
    function() rawset(self, "name", "bystander:a") end,
    function() setmetatable(self, {}) end,
    function() getmetatable(self).__index = {} end,
    function() self.params.n = "other" end,
    function() a.rpc_go = error end,
    function() a.on_publish = error end,
    function() rawset(a, "rpc_alive", error) end,
    function() server.on_connect = error end,
    function() rawset(server, "on_connect", error) end,
    function() channel("bystander:{n}") end,
  }
  for _, try in ipairs(tries) do pcall(try) end
  assert(from.user == "mallory", from.user)
  assert(json.encode(json.array {}) == "[]")
  return "whole"
end
