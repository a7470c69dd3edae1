-- Keeps all it gets in its own variables: it gets a fresh VM, the state stays.
-- answer: 504
-- log: event=script_restarted script=memory_kept.lua
local a = channel("memory_kept:{n}", { subscribe = "anyone", publish = "anyone" })

local keep = {}
function a:rpc_go() for i = 1, 1 << 40 do keep[i] = ("x"):rep(10000) .. i end end
