-- One hook's wishes are a hundred hooks that take their whole budget.
-- answer: fine
-- log: event=script_failed
-- busy
local a = channel("storm_slow:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() for i = 1, 100 do publish("storm_slow:" .. i, 0) end end
function a:on_published() while true do end end
