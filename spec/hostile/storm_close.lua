-- A channel that publishes to itself when it closes: so it would open again, for ever.
-- answer: fine
-- busy
local a = channel("storm_close:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() publish("storm_close:again", 0) end
function a:on_close() publish("storm_close:again", 0) publish("storm_close:again2", 0) end
