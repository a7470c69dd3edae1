-- Returns a text over what a message may have.
-- answer: 500
local a = channel("encode_large:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() return { ("\1"):rep(1 << 20) } end
