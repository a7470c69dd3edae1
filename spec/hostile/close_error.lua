-- __close that raises, while an error is under way, while it is stopped.
-- answer: 504 stopped after
local a = channel("close_error:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local m = { __close = function() error "in close" end }
  pcall(function() local x <close> = setmetatable({}, m) error "first" end)
  local y <close> = setmetatable({}, m)
  while true do end
end
