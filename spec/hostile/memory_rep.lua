-- Asks for a gigabyte at once.
-- answer: 504
local a = channel("memory_rep:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() return #("x"):rep(1 << 30) end
