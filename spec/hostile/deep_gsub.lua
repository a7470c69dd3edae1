-- Through C: gsub, whose callback calls gsub.
-- answer: 500 C stack overflow
local a = channel("deep_gsub:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local function f(s) return (s:gsub("x", f)) end
  return f "x"
end
