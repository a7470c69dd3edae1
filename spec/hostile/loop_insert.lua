-- Moves a long list by one position, again and again.
-- answer: 504 stopped after
local a = channel("loop_insert:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local t = table.pack(("x"):rep(200000):byte(1, 200000))
  while true do table.insert(t, 1, 0) table.remove(t, 1) end
end
