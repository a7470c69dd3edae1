local fetch = require "room.fetch"

local function is_allowed(list, host, port)
  return fetch.allow(list, host, port or 443, 443)
end

describe("the list of hosts that may be called", function()
  it("allows nothing when it is empty", function()
    for _, list in ipairs { "", " ", ",", " , ,\t" } do
      assert.is_false(is_allowed(list, "example.com"))
    end
    assert.is_false(is_allowed(nil, "example.com"))
  end)

  it("allows a name at its scheme's port, in any case, and nothing that looks like it", function()
    local list = "api.example.com"
    assert.is_true(is_allowed(list, "api.example.com"))
    assert.is_true(is_allowed(list, "API.Example.COM"))
    assert.is_true(is_allowed("API.example.com", "api.example.com"))
    for _, host in ipairs { "example.com", "xapi.example.com", "x.api.example.com", "api.example.com.",
      "api.example.co", "api.example.comm", "api.example.com.evil.org", "api-example.com", "" } do
      assert.is_false(is_allowed(list, host), host)
    end
    assert.is_false(is_allowed(list, "api.example.com", 8443))
  end)

  it("allows the names below one, however deep, not the one itself nor what only ends like it", function()
    local list = "*.example.com"
    assert.is_true(is_allowed(list, "a.example.com"))
    assert.is_true(is_allowed(list, "a.b.Example.com"))
    for _, host in ipairs { "example.com", ".example.com", "evilexample.com", "a.example.com.evil.org" } do
      assert.is_false(is_allowed(list, host), host)
    end
  end)

  it("allows a port where it is written, and only that one", function()
    assert.is_true(is_allowed("localhost:3000", "localhost", 3000))
    assert.is_false(is_allowed("localhost:3000", "localhost", 3001))
    assert.is_false(is_allowed("localhost:3000", "localhost", 443))
    assert.is_true(is_allowed("localhost:443", "localhost", 443))
    assert.is_true(is_allowed("localhost:*", "localhost", 3001))
    assert.is_true(is_allowed("localhost:*", "localhost", 443))
    assert.is_true(is_allowed("*.example.com:65535", "a.example.com", 65535))
    assert.is_true(is_allowed("*:8080", "anything", 8080))
    assert.is_false(is_allowed("*:8080", "anything", 443))
  end)

  it("allows everything by a star", function()
    for _, host in ipairs { "example.com", "127.0.0.1", "[::1]", "localhost" } do
      assert.is_true(is_allowed("*", host, 22), host)
    end
  end)

  it("takes an address only as it is written", function()
    assert.is_true(is_allowed("127.0.0.1", "127.0.0.1"))
    assert.is_false(is_allowed("127.0.0.1", "localhost"))
    assert.is_true(is_allowed("[::1]", "[::1]"))
    assert.is_true(is_allowed("[::1]:8080", "[::1]", 8080))
    assert.is_false(is_allowed("[::1]:8080", "[::1]", 443))
    assert.is_false(is_allowed("[::1]", "[::2]"))
  end)

  it("has as many patterns as one likes", function()
    local list = " a.example , *.b.example,\tc.example:8080 ,"
    assert.is_true(is_allowed(list, "a.example"))
    assert.is_true(is_allowed(list, "x.b.example"))
    assert.is_true(is_allowed(list, "c.example", 8080))
    assert.is_false(is_allowed(list, "c.example"))
  end)

  it("says what is wrong with a pattern that is none", function()
    for _, wrong in ipairs { "https://example.com", "example.com/path", "example.com:", "example.com:x", "a b",
      "example.com:0", "example.com:65536", "example.com:99999999999999", "*.", "*example.com", "a.*.com", "[::1",
      "::1", "[]", "user@example.com", "exämple.com", ":80", "a:80:90", "**" } do
      local ok, why = is_allowed("fine.example, " .. wrong, "fine.example")
      assert.is_nil(ok, wrong)
      assert.equal('"' .. wrong .. '" in the list of hosts that may be called: a host is written like api.example.com, '
        .. "*.example.com, localhost:3000 or [::1]:3000, without scheme and path; * allows all", why)
    end
  end)
end)
