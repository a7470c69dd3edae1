-- Loops when somebody subscribes.
-- through: subscribe
-- answer: 504 stopped after
local a = channel("loop_subscribe:{n}", { subscribe = "anyone", publish = "anyone" })

function a:on_subscribe() while true do end end
