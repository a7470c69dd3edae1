-- Loops when its channel opens.
-- answer: fine "went"
-- log: reason="stopped after 100 ms of CPU time" hook=on_open
local a = channel("loop_open:{n}", { subscribe = "anyone", publish = "anyone" })

function a:on_open() while true do end end
function a:rpc_go() return "went" end
