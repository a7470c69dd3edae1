-- Puts its own functions into the string library and behind all texts.
-- answer: fine "LEFT"
local a = channel("poison_string:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local tries = {
    function() string.upper = function() return "mine" end end,
    function() rawset(string, "upper", error) end,
    function() getmetatable("").__index = {} end,
    function() setmetatable("", {}) end,
    function() getmetatable("").__add = error end,
    function() local _, copy = pairs(string) copy.upper = error end,
    function() table.insert(string, 1) end,
    function() table.move({ 1 }, 1, 1, 1, string) end,
    function() table.sort(string) end,
    function() setmetatable(string, { __index = {} }) end,
  }
  for _, try in ipairs(tries) do pcall(try) end
  return ("left"):upper()
end
