-- Catches being stopped at its memory limit, and goes on.
-- answer: 504
local a = channel("error_caught_stop:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local n = 0
  while true do
    local ok, why = pcall(function() local t = {} for i = 1, 1 << 40 do t[i] = ("x"):rep(1000) .. i end end)
    n = n + 1
    if not ok and n > 1000 then return why end
  end
end
