-- Thousands of timers: 64 are set.
-- answer: fine
-- log: event=timer_dropped channel=storm_timers:
local a = channel("storm_timers:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() for i = 1, 3000 do self:after("1h", "ring", i) end end
function a:ring() end
