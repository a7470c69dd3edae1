-- A border that has to be looked for: # of a table that is all hash.
-- answer: 504 stopped after
local a = channel("loop_rawlen:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local t = {}
  for i = 1 << 16, 1, -1 do t[i] = i end
  while true do local _ = #t, rawlen(t), next(t) end
end
