-- Encodes what has no end of members.
-- answer: 500
local a = channel("memory_json:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local t = {}
  for i = 1, 200000 do t[i] = "0123456789" end
  return json.encode(t)
end
