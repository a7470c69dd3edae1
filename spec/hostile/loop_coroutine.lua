-- Would loop where no hook is set, in a coroutine of its own; there are none.
-- answer: 500 `coroutine` is not available
local a = channel("loop_coroutine:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local co = coroutine.wrap(function() while true do end end)
  co()
end
