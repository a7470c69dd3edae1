-- pcall of itself.
-- answer: 500 through
local a = channel("deep_pcall:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local f f = function() return pcall(f) end
  f()
  error "through"
end
