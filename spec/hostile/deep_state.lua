-- Leaves a state that nests too deep, which a reload has to copy.
-- answer: fine
-- memory: kept
local a = channel("deep_state:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local t = {}
  for _ = 1, 100000 do t = { t } end
  self.state.deep = t
end
