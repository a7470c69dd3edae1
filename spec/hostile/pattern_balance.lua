-- Balances and frontiers over a text that has only beginnings.
-- answer: 504 stopped after
local a = channel("pattern_balance:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local s = ("("):rep(200000)
  while true do s:find "%b()" s:find "%f[%w]" end
end
