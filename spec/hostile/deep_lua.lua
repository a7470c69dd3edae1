-- Calls itself without end, with arguments.
-- answer: 50%d
local a = channel("deep_lua:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local function f(...) local n = f(1, ...) return n end
  return f()
end
