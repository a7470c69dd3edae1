-- ipairs over a table that has everything.
-- answer: 504 stopped after
local a = channel("loop_ipairs:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  for _ in ipairs(setmetatable({}, { __index = function(_, i) return i end })) do end
end
