-- A table that grows, in pcall.
-- answer: 504
local a = channel("memory_table:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  while true do pcall(function() local t = {} for i = 1, 1 << 40 do t[i] = { i } end end) end
end
