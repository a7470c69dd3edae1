-- Iterators, __pairs and __call that never end.
-- answer: 504 stopped after
local a = channel("loop_iterator:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  pcall(function() for _ in pairs(setmetatable({}, { __pairs = function() while true do end end })) do end end)
  for _ in function() return 1 end do end
end
