-- Each message makes a hundred, eight hops deep: more than there is memory for.
-- answer: fine
-- counts: weir_drops_total{reason="wishes"}
-- busy
local a = channel("storm_tree:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() for i = 1, 100 do publish("storm_tree:" .. i, 0) end end
function a:on_published()
  for i = 1, 100 do publish("storm_tree:" .. i, ("x"):rep(1000)) end
end
