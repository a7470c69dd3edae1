-- Arithmetic on texts that are long numbers.
-- answer: 504 stopped after
local a = channel("loop_arithmetic:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local s = ("1"):rep(1 << 22)
  while true do local _ = s + 1 end
end
