-- A pattern and a set of a million characters.
-- answer: 504 stopped after
local a = channel("pattern_long:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local set = "[" .. ("a-b"):rep(300000) .. "]"
  while true do ("x"):rep(1000):find(set) end
end
