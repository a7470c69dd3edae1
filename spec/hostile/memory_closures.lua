-- A chain of closures.
-- answer: 504
local a = channel("memory_closures:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() local f while true do local g = f f = function() return g end end end
