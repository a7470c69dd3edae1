-- on_published that publishes: at the eighth hop that is an error.
-- answer: fine
-- log: more than 8 hooks have published one after another
local a = channel("storm_echo:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() self:publish(0) end
function a:on_published(msg) self:publish(msg + 1) end
