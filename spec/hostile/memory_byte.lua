-- string.byte of a whole long text, and as many arguments to char.
-- answer: 500
local a = channel("memory_byte:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local s = ("x"):rep(5000000)
  return #string.char(s:byte(1, -1))
end
