-- Loops in a callback of gsub, and catches it.
-- answer: 504 stopped after
local a = channel("loop_gsub:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  while true do
    pcall(string.gsub, "aaa", "a", function() while true do end end)
  end
end
