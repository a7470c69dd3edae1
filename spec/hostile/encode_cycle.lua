-- Returns a table that contains itself.
-- answer: 500 a table that contains itself
local a = channel("encode_cycle:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() local t = {} t.t = t return t end
