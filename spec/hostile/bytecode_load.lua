-- load, loadstring, string.dump: code that is no text.
-- answer: 500 `load` is not available
local a = channel("bytecode_load:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  if pcall(function() return string.dump(a.rpc_go) end) then return "dumped" end
  return load "\27Lua"
end
