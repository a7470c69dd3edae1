-- Encodes and decodes without end.
-- answer: 504 stopped after
local a = channel("loop_json:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local t = {}
  for i = 1, 10000 do t[i] = { i } end
  while true do json.decode(json.encode(t)) end
end
