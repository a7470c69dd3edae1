local bench = require "room.bench"

describe("a target", function()
  it("is a URL as a person writes it", function()
    assert.same({ host = "127.0.0.1", port = 8000, path = "", tls = false, http = false, plain = false },
      bench.target "127.0.0.1:8000")
    assert.same({ host = "::1", port = 8443, path = "/a?b=c", tls = true, http = false, plain = false },
      bench.target "wss://[::1]:8443/a?b=c")
    assert.same({ host = "localhost", port = 80, path = "/", tls = false, http = true, plain = false },
      bench.target "http://localhost:80/")
    assert.same({ host = "localhost", port = 1883, path = "", tls = false, http = false, plain = true },
      bench.target "tcp://localhost:1883")
  end)

  it("is refused with a reason", function()
    for url, reason in pairs {
      ["ftp://127.0.0.1:1"] = "no scheme ftp://",
      ["ws://127.0.0.1"] = "HOST:PORT",
      ["ws://127.0.0.1:0"] = "port 0",
      ["ws://127.0.0.1:99999"] = "HOST:PORT",
      ["ws://127.0.0.1:8000/a b"] = "the path is no path",
      ["ws://127.0.0.1:8000?a=b"] = "the path is no path",
      ["ws://127.0.0.1:8000/" .. ("x"):rep(600)] = "the path is no path",
      [""] = "HOST:PORT",
    } do
      local found, why = bench.target(url)
      assert.is_nil(found, url)
      assert.truthy(why:find(reason, 1, true), why)
    end
  end)

  it("has placeholders", function()
    assert.equal("/sub/a/x?a", bench.expand("/sub/{channel}/x?{channel}", "channel", "a"))
    assert.equal("{other}{channel", bench.expand("{other}{channel", "channel", "a"))
    assert.is_nil(bench.expand("/{channel}", "channel", "abc", 4))
    assert.equal("/abc", bench.expand("/{channel}", "channel", "abc", 5))
  end)
end)
