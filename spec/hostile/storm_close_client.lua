-- Closes the one who asked, many times: its answer comes first.
-- answer: fine
-- closes
local a = channel("storm_close_client:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go(_, from) for _ = 1, 1000 do from:close(3001, "go") end end
