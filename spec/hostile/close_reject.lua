-- Rejects in __close of an error: the first of them counts.
-- answer: %d+
local a = channel("close_reject:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local x <close> = setmetatable({}, { __close = function() reject(1404, "from close") end })
  error "first"
end
