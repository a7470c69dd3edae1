-- Loops in a comparison of sort, through which nothing can yield, and catches it.
-- answer: 504 stopped after
local a = channel("loop_sort:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  while true do
    pcall(table.sort, { 3, 2, 1 }, function() while true do end end)
  end
end
