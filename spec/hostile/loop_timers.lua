-- As many timers as may be, each of which takes its whole budget: others get their turn in between.
-- answer: fine 64
-- log: hook=timer_spin
-- busy
local a = channel("loop_timers:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  for _ = 1, 64 do self:after("10ms", "spin") end
  return 64
end
function a:spin() while true do end end
