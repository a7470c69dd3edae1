-- select and table.unpack over as many arguments as there can be.
-- answer: 504 stopped after
local a = channel("loop_select:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local t = {}
  for i = 1, 200000 do t[i] = i end
  while true do select("#", table.unpack(t)) end
end
