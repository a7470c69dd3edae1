-- Loops in comparisons, arithmetic, concatenation, length and calls.
-- answer: 504 stopped after
local a = channel("loop_operators:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local function forever() while true do end end
  local m = { __eq = forever, __lt = forever, __le = forever, __add = forever, __concat = forever, __len = forever,
    __call = forever, __unm = forever, __bnot = forever, __idiv = forever }
  local x, y = setmetatable({}, m), setmetatable({}, m)
  pcall(function() return x == y end)
  pcall(function() return x < y end)
  pcall(function() return x .. y end)
  pcall(function() return #x end)
  pcall(x)
  return x + y
end
