-- Loops in __close, when it was stopped for looping, in a row of such.
-- answer: 504 stopped after
local a = channel("loop_close:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local m = { __close = function() pcall(function() while true do end end) while true do end end }
  local b <close> = setmetatable({}, m)
  local c <close> = setmetatable({}, m)
  table.sort({ 3, 2, 1 }, function() local d <close> = setmetatable({}, m) while true do end end)
end
