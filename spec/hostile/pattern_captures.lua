-- More captures than there may be.
-- answer: 500 too many captures
local a = channel("pattern_captures:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() return ("x"):rep(99):match(("(x)"):rep(99)) end
