-- Waits in __close while it is being stopped.
-- answer: 504 stopped after
local a = channel("close_wait:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local x <close> = setmetatable({}, { __close = function() sleep "1s" end })
  while true do end
end
