-- Declares channels in a hook.
-- answer: 500
local a = channel("storm_channels:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() for i = 1, 1 << 40 do channel("storm_channels" .. i .. ":{n}") end end
