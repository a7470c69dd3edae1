-- What os has besides the time.
-- answer: 500 os
local a = channel("escape_os:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  for _, name in ipairs { "execute", "exit", "remove", "rename", "getenv", "tmpname", "setlocale", "date", "difftime" } do
    assert(not pcall(function() return os[name]() end), name)
  end
  error "os"
end
