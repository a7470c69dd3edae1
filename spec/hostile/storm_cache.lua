-- Fills the cache, whose oldest gives way.
-- answer: 504
local a = channel("storm_cache:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  for i = 1, 1 << 40 do cache("storm/" .. i, { ttl = "1h" }, function() return ("x"):rep(100000) end) end
end
