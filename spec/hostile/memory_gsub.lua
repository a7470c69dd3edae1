-- A replacement that multiplies.
-- answer: 504
local a = channel("memory_gsub:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() return #(("x"):rep(60000):gsub("x", ("y"):rep(1000))) end
