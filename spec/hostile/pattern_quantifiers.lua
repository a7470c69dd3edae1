-- Many greedy parts, in pcall.
-- answer: 504 stopped after
local a = channel("pattern_quantifiers:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  while true do pcall(string.match, ("x"):rep(3000), (".*"):rep(20) .. "y") end
end
