-- Loops around a pcall that fails at once: as few Lua instructions as there can be.
-- answer: 504 stopped after
local a = channel("loop_pcall_error:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() while true do pcall(error, "x") end end
