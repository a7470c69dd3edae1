-- A hook that waits, and a thousand commands behind it, from one who is not read meanwhile.
-- answer: fine
-- crowd: 1200 storm_queue:x/nap
local a = channel("storm_queue:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() return nil end
function a:rpc_nap() sleep "10ms" return true end
