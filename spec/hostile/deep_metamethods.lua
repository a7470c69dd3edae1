-- __index, __concat, __tostring and __close that call themselves.
-- answer: 500 C stack overflow
local a = channel("deep_metamethods:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local m = {}
  m.__index = function(t, k) return t[k] end
  m.__concat = function(x, y) return x .. y end
  m.__tostring = function(x) return tostring(x) end
  m.__close = function() local again <close> = setmetatable({}, m) end
  local x = setmetatable({}, m)
  pcall(function() return x.y end)
  pcall(function() return x .. "x" end)
  pcall(function() local again <close> = x end)
  return tostring(x)
end
