-- Breakers by the thousand.
-- answer: 500 a server has at most
local a = channel("storm_breakers:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  for i = 1, 1 << 40 do breaker("storm" .. i):state() end
end
