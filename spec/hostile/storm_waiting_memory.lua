-- Hooks that wait with much in their hands.
-- answer: fine
-- crowd: 300 storm_waiting_memory_nap
-- refuses
local a = channel("storm_waiting_memory:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() return nil end
function server.rpc_storm_waiting_memory_nap()
  local t = {}
  for i = 1, 10000 do t[i] = i end
  sleep "500ms"
  return #t
end
