-- A finalizer that is put in afterwards: it never runs.
-- answer: fine "not run"
local a = channel("gc_later:{n}", { subscribe = "anyone", publish = "anyone" })

local ran = false
function a:rpc_go()
  local m = {}
  for _ = 1, 100 do setmetatable({}, m) end
  m.__gc = function() ran = true while true do end end
  for _ = 1, 100 do setmetatable({}, { __index = m }) end
  local s = "x"
  for _ = 1, 14 do s = s .. s .. ("y"):rep(100) end
  return ran and "run" or "not run"
end
