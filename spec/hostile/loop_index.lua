-- Loops in __index and __newindex.
-- answer: 504 stopped after
local a = channel("loop_index:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local function forever() while true do end end
  local t = setmetatable({}, { __index = forever, __newindex = forever })
  pcall(function() t.x = 1 end)
  return t.x
end
