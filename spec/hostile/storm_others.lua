-- Publishes to another script's channel without end: its messages are discarded with it.
-- answer: 504
local a = channel("storm_others:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() while true do publish("bystander:storm", 1) end end
