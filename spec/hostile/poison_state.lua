-- A state with metamethods and what no copy can take along.
-- answer: fine
local a = channel("poison_state:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go(_, from)
  local function forever() while true do end end
  self.state.trap = setmetatable({ x = 1 }, { __index = forever, __pairs = forever, __len = forever, __newindex = forever })
  self.state.client, self.state.me, self.state.f = from, self, forever
  self.state.state = self.state
  self.state[self.state] = json.null
  self.state[0/1] = 1
end
