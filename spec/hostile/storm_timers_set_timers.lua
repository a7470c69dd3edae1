-- Timers that set timers.
-- answer: fine
-- log: event=timer_dropped channel=storm_timers_set_timers:
-- busy
local a = channel("storm_timers_set_timers:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() for _ = 1, 64 do self:after("10ms", "ring") end end
function a:ring()
  self.state.rung = (self.state.rung or 0) + 1
  if self.state.rung < 2000 then for _ = 1, 4 do self:after("10ms", "ring") end end
end
