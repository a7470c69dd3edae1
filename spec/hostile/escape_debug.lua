-- The debug library, which opens every door.
-- answer: 500 `debug` is not available
local a = channel("escape_debug:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() return debug.getregistry() end
