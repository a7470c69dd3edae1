-- Few instructions, much work in C.
-- answer: 504 stopped after
local a = channel("loop_c_calls:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local s = ("x"):rep(1 << 20)
  while true do s = s:upper():lower():reverse() end
end
