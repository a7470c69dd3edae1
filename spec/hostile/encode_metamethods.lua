-- Returns a table with metamethods: they are not asked.
-- answer: fine {"x":1}
local a = channel("encode_metamethods:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local function forever() while true do end end
  return setmetatable({ x = 1 }, { __index = forever, __pairs = forever, __len = forever, __tostring = forever })
end
