-- Publishes to its own channel without end.
-- answer: 504
-- hears: nothing
local a = channel("storm_publish:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() while true do self:publish { 1 } end end
