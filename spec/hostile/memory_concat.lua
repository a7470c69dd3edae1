-- Doubles a text.
-- answer: 504
local a = channel("memory_concat:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() local s = "x" while true do s = s .. s end end
