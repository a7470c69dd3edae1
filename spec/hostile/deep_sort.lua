-- Through C: sort in a comparison of sort.
-- answer: 500 C stack overflow
local a = channel("deep_sort:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local function f() table.sort({ 3, 2, 1 }, function() f() return false end) end
  f()
end
