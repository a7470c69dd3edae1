-- Recursion that is caught, for ever.
-- answer: 504
local a = channel("deep_caught:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() local function f() return 1 + f() end while true do pcall(f) end end
