-- A pattern that backtracks for ever.
-- answer: 504 stopped after
local a = channel("pattern_backtracking:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  return ("a"):rep(200):find(("a-"):rep(60) .. "b")
end
