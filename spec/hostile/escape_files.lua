-- Files, by whatever has led to them elsewhere.
-- answer: 500 `io` is not available
local a = channel("escape_files:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  for _, name in ipairs { "../hostile", "/etc/passwd", "lib.shared\0", "..", ".", "a/../../x", ("x"):rep(5000) } do
    assert(not pcall(require, name))
  end
  return io.open "/etc/passwd"
end
