-- next over a table of which all has been taken out: each call walks the whole of it.
-- answer: 504 stopped after
local a = channel("loop_next:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local t = {}
  for i = 1, 1 << 18 do t[i] = true end
  for i = 1, 1 << 18 do t[i] = nil end
  while true do local _ = next(t) end
end
