-- Returns a list with one member, far away.
-- answer: 500 holes
local a = channel("encode_sparse:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() return { [1] = 1, [1 << 53] = 2 } end
