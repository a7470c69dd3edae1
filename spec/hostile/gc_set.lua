-- A finalizer, which would run when nobody watches.
-- answer: 500 __gc is not available
local a = channel("gc_set:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  setmetatable({}, { __gc = function() while true do end end })
end
