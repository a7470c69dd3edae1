-- The loaders of modules.
-- answer: 500 `package` is not available
local a = channel("escape_package:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  assert(not pcall(require, "debug") and not pcall(require, "io") and not pcall(require, "_G"))
  return package.loadlib("libc.so.6", "system")
end
