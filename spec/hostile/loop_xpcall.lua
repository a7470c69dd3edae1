-- A message handler that loops, in a message handler.
-- answer: 504 stopped after
local a = channel("loop_xpcall:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local function forever() while true do xpcall(error, error) end end
  xpcall(error, function() xpcall(error, forever, "y") end, "x")
end
