-- Kicks without end.
-- answer: 504
local a = channel("storm_kick:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() while true do self:kick { user = "nobody" } end end
