-- Asks for it again and again, and catches the no.
-- answer: 504
local a = channel("memory_rep_caught:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() while true do pcall(string.rep, "x", 1 << 40) end end
