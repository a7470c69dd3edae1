-- Loops for ever.
-- answer: 504 stopped after
local a = channel("loop_plain:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() while true do end end
