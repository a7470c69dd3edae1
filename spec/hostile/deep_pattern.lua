-- A pattern that stock Lua matches by recursion, a position each.
-- answer: 504 stopped after
local a = channel("deep_pattern:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local s = ("x"):rep(250000)
  return #(s:match(("x?"):rep(100) .. ".-y") or "")
end
