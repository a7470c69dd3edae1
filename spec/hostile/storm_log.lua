-- Logs without end: a hundred lines, then nothing but its own time.
-- answer: 504
-- log: more than 100 lines in one call
local a = channel("storm_log:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() while true do log(("x"):rep(100)) end end
