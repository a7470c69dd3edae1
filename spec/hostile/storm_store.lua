-- Fills the store.
-- answer: 50%d
local a = channel("storm_store:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  for i = 1, 1 << 40 do store.set("storm/" .. i, ("x"):rep(100000)) end
end
