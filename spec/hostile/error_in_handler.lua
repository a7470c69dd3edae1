-- Errors in the handler of errors, all the way down.
-- answer: 500 last
local a = channel("error_in_handler:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local function handler(e) error(e) end
  local function again(n) if n > 0 then xpcall(again, handler, n - 1) end error "again" end
  xpcall(again, handler, 100)
  error "last"
end
