-- A comparison that never agrees with itself, over a long list.
-- answer: 50%d
local a = channel("loop_sort_liar:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local t = {}
  for i = 1, 1 << 17 do t[i] = i end
  while true do pcall(table.sort, t, function() return true end) end
end
