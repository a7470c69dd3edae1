-- Returns a small table that is large as a text: each level twice in the next.
-- answer: 500
local a = channel("encode_shared:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local t = { "x" }
  for _ = 1, 60 do t = { t, t } end
  return t
end
