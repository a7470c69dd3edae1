-- Nests deeper than JSON may, out and in.
-- answer: 500 nested more than 64 deep
local a = channel("deep_json:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local t = {}
  for _ = 1, 100000 do t = { t } end
  json.decode(("["):rep(100000) .. ("]"):rep(100000))
  return json.encode(t)
end
