-- Makes one text of many long ones.
-- answer: 504
local a = channel("memory_table_concat:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local s, t = ("x"):rep(1 << 16), {}
  for i = 1, 4096 do t[i] = s end
  return #table.concat(t)
end
