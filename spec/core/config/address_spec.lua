local config = require "room.config"

describe("config/address", function()
  it("is HOST:PORT, with brackets around IPv6", function()
    for text, want in pairs {
      ["127.0.0.1:8000"] = { "127.0.0.1", 8000, true, false }, ["[::1]:0"] = { "::1", 0, true, false },
      ["localhost:65535"] = { "localhost", 65535, true, false }, ["0.0.0.0:1"] = { "0.0.0.0", 1, false, true },
      ["[::]:1"] = { "::", 1, false, true }, ["weir-1.example:80"] = { "weir-1.example", 80, false, false },
    } do
      assert.same(want, { config.address(text) }, text)
    end
  end)

  it("is nothing else", function()
    for _, text in ipairs { "", "8000", ":8000", "localhost", "localhost:", "localhost:65536", "localhost:-1",
      "localhost:8 ", "::1:8000", "[::1]", "[::1:8000", "[127.0.0.1]:1", "1.2.3:1", "1.2.3.4.5:1", "256.1.1.1:1",
      "a b:1", "[]:1", "http://localhost:1", "a\0b:1", ("a"):rep(300) .. ":1", "x:99999999999999999999" } do
      local host, reason = config.address(text)
      assert.is_nil(host, text)
      assert.truthy(reason:find("HOST:PORT", 1, true))
    end
  end)

  it("knows loopback by number, not by looks", function()
    for text, is_loopback in pairs {
      ["127.255.255.254:1"] = true, ["128.0.0.1:1"] = false, ["126.255.255.255:1"] = false,
      ["[0:0:0:0:0:0:0:1]:1"] = true, ["[::2]:1"] = false, ["[::ffff:10.0.0.1]:1"] = false,
      ["localhost.example:1"] = false, ["127.0.0.1.example:1"] = false,
    } do
      assert.equal(is_loopback, (select(3, config.address(text))), text)
    end
  end)
end)
