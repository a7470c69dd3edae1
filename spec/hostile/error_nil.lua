-- No error object at all.
-- answer: 500 error%(%) with no message
local a = channel("error_nil:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() pcall(error) error(nil) end
