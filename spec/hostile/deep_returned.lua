-- Returns a value that nests too deep.
-- answer: 500 nested more than 64 deep
local a = channel("deep_returned:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local t = {}
  for _ = 1, 100000 do t = { x = t } end
  return t
end
