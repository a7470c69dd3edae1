-- Loops in __tostring, called by format, tostring and log.
-- answer: 504 stopped after
local a = channel("loop_tostring:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local x = setmetatable({}, { __tostring = function() while true do end end })
  pcall(string.format, "%s", x)
  pcall(log, x)
  return tostring(x)
end
