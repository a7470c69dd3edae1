-- Repeats nothing very often: stock Lua counts to the end.
-- answer: 504 stopped after
local a = channel("loop_rep_nothing:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() while true do (""):rep(1 << 62) end end
