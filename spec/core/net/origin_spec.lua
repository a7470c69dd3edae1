local net = require "room.net"

local function allowed(origin, list, is_dev, host)
  return net.origin(origin, list, is_dev or false, host or "weir.example:8000")
end

describe("an origin", function()
  local list = "https://example.com, https://a.example.com:8443 ,http://plain.example"

  it("is allowed when it stands in the list, byte for byte", function()
    for _, origin in ipairs { "https://example.com", "https://a.example.com:8443", "http://plain.example" } do
      assert.is_true(allowed(origin, list), origin)
    end
  end)

  it("is refused in any other spelling: scheme, case, port, suffix, prefix, path, null, nothing", function()
    for _, origin in ipairs {
      "http://example.com", "https://Example.com", "HTTPS://example.com", "https://example.com:443",
      "https://example.com.evil.net", "https://evilexample.com", "https://b.example.com", "https://a.example.com",
      "https://a.example.com:844", "https://a.example.com:84430", "https://example.com/", "https://example.com ",
      " https://example.com", "example.com", "null", "", "*", ",", "https://example.com, https://a.example.com:8443",
      "https://example.com\0", "http://plain.example.", "http://localhost", "http://127.0.0.1:8000",
      "http://weir.example:8000",
    } do
      assert.is_false(allowed(origin, list), origin)
    end
  end)

  it("is refused with an empty list, a star is no wildcard", function()
    for _, empty in ipairs { "", ",", " , ,", "*" } do
      assert.is_false(allowed("https://example.com", empty))
      assert.is_false(allowed("", empty))
      assert.is_false(allowed("null", empty))
    end
  end)

  it("may be of this machine in dev mode, with any port", function()
    for _, origin in ipairs {
      "http://localhost", "https://localhost", "http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:8080",
      "https://example.com",
    } do
      assert.is_true(allowed(origin, list, true), origin)
    end
  end)

  it("must be of this machine in dev mode, not only look so", function()
    for _, origin in ipairs {
      "http://localhost.evil.net", "http://localhost:80.evil.net", "http://localhost:", "http://localhost:8000x",
      "http://localhost:123456", "http://evil.net/localhost", "http://evil.net@localhost", "http://localhost@evil.net",
      "http://127.0.0.1.evil.net", "http://127.0.0.10", "http://[::1].evil.net", "http://LOCALHOST", "ftp://localhost",
      "localhost", "http://", "null", "", "http://localhost/", "file://localhost",
    } do
      assert.is_false(allowed(origin, list, true), origin)
    end
  end)

  it("may be the address the request went to in dev mode, but no name that could point here", function()
    assert.is_true(allowed("http://192.168.1.5:8000", "", true, "192.168.1.5:8000"))
    assert.is_false(allowed("http://192.168.1.5:8001", "", true, "192.168.1.5:8000"))
    assert.is_false(allowed("http://192.168.1.5:8000", "", false, "192.168.1.5:8000"))
    assert.is_false(allowed("http://evil.net:8000", "", true, "evil.net:8000"))
  end)
end)
