-- Code from a text.
-- answer: 500 `dofile` is not available
local a = channel("escape_load:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  for _, name in ipairs { "load", "loadstring", "loadfile", "dofile" } do
    local ok, found = pcall(function() return _ENV[name] end)
    assert(not ok or found == nil)
  end
  return dofile "/tmp/x.lua"
end
