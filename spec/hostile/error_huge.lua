-- A message of megabytes, with control characters and no UTF-8.
-- answer: 500
local a = channel("error_huge:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() error(("\xff\n\0\"\\"):rep(1 << 20)) end
