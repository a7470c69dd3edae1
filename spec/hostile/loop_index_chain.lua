-- A chain of __index that C walks, never at its end twice the same.
-- answer: 504 stopped after
local a = channel("loop_index_chain:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local t = {}
  for _ = 1, 100 do t = setmetatable({}, { __index = t }) end
  while true do local _ = t.x end
end
