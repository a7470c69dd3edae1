-- Weak tables, whose entries go while they are walked.
-- answer: fine
local a = channel("gc_weak:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local t = setmetatable({}, { __mode = "kv" })
  for i = 1, 20000 do t[{}] = { i } end
  local n = 0
  for k in pairs(t) do n = n + 1 local _ = { k } end
  return "walked"
end
