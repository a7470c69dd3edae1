-- Keeps all it gets in its own variables: it gets a fresh VM, the state stays.
-- answer: 504
-- log: event=script_restarted script=memory_kept.lua
local a = channel("memory_kept:{n}", { subscribe = "anyone", publish = "anyone" })

local keep = {}
function a:rpc_go()
  local piece = ("x"):rep(1 << 10):rep(1 << 10)
  for i = 1, 1 << 40 do keep[i] = piece .. i end
end
