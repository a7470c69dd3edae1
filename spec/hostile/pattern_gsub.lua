-- The same in gsub and gmatch.
-- answer: 504 stopped after
local a = channel("pattern_gsub:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  pcall(function() for _ in ("x"):rep(5000):gmatch "x*x*x*x*x*y" do end end)
  return (("x"):rep(5000):gsub("x-x-x-x-x-y", ""))
end
