-- Sends to the one who asked without end.
-- answer: 504
local a = channel("storm_send:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go(_, from) while true do from:send(1) end end
