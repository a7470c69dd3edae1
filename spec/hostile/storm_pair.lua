-- Two channels that publish to each other.
-- answer: fine
-- log: more than 8 hooks have published one after another
local a = channel("storm_pair:{n}", { subscribe = "anyone", publish = "anyone" })

local b = channel "storm_pair_other:{n}"
function a:rpc_go() publish("storm_pair_other:x", 0) end
function b:on_published() publish("storm_pair:x", 1) end
function a:on_published() publish("storm_pair_other:x", 1) end
