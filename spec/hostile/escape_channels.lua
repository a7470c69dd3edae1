-- Names of channels that are nobody's, or the server's own.
-- answer: 500 publish
local a = channel("escape_channels:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  for _, name in ipairs { "", ("x"):rep(256), "a\0b", "a b", "weir:dev\n", "\xff" } do
    assert(not pcall(publish, name, 1), name)
  end
  publish("nobody-declares:this", 1)
end
