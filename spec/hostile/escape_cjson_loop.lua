-- Work in a C module that nobody counts.
-- answer: %S+
local a = channel("escape_cjson_loop:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local ok, cjson = pcall(require, "cjson")
  if not ok then return "not there" end
  local t = {}
  for i = 1, 20000 do t[i] = i end
  while true do cjson.decode(cjson.encode(t)) end
end
