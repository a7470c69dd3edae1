-- A C module that scripts may require: its tables are the script's own.
-- answer: %S+
local a = channel("escape_cjson:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local ok, cjson = pcall(require, "cjson")
  if not ok then return "not there" end
  pcall(function() cjson.encode_max_depth(1 << 30) cjson.decode_max_depth(1 << 30) end)
  local t = {}
  for _ = 1, 100000 do t = { t } end
  return type(cjson.encode(t))
end
