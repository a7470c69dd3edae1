-- What it holds outside of Lua counts as well: effects.
-- answer: 504
local a = channel("memory_captured:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local s = ("x"):rep(60000)
  while true do self:publish(s) end
end
