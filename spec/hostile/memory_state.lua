-- Fills self.state: that is refused, and the channel goes on with what is in it.
-- answer: 504
-- memory: kept
local a = channel("memory_state:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  self.state.all = {}
  for i = 1, 1 << 40 do self.state.all[i] = ("x"):rep(1 << 19) end -- in pieces, so that what is left of the memory is enough to go on
end
