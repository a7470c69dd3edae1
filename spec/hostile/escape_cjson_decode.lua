-- The same the other way: a text that nests without end.
-- answer: %S+
local a = channel("escape_cjson_decode:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local ok, cjson = pcall(require, "cjson")
  if not ok then return "not there" end
  pcall(function() cjson.decode_max_depth(1 << 30) end)
  return type(cjson.decode(("["):rep(1000000) .. ("]"):rep(1000000)))
end
