-- The server's environment: only what was named is there.
-- answer: fine
local a = channel("escape_env:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  for _, name in ipairs { "PATH", "HOME", "LD_PRELOAD", "WEIR_API_KEY" } do
    local ok, value = pcall(function() return env[name] end)
    assert(not ok or value == nil, name)
  end
end
