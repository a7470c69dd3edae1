-- Loops, and catches whatever would end it.
-- answer: 504 stopped after
local a = channel("loop_pcall:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  while true do pcall(function() while true do end end) end
end
