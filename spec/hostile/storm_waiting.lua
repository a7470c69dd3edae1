-- Thousands of calls that wait: 4096 of a script may, or as many as its memory holds.
-- answer: fine
-- crowd: 5000 storm_waiting_nap
-- refuses
local a = channel("storm_waiting:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() return nil end
function server.rpc_storm_waiting_nap() sleep "10s" return true end
