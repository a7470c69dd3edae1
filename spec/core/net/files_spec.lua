local folder = require "folder"
local net = require "room.net"

describe("a page of the dev folder", function()
  local files

  lazy_setup(function()
    files = folder {
      ["index.html"] = "<h1>home</h1>", ["chat.lua"] = "secret", ["app.js"] = "1", ["sub/index.html"] = "sub",
      ["sub/x.json"] = "{}", [".env"] = "secret", [".git/config.txt"] = "secret", ["note.md"] = "secret",
      ["a..b.txt"] = "dots", ["Makefile"] = "secret", ["outside/.x.html"] = "secret", ["big.css"] = ("x"):rep(200000),
    }
  end)
  lazy_teardown(function() files:delete() end)

  local function get(path, method)
    local answer = net.page(files.path, (method or "GET") .. " " .. path .. " HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return tonumber(answer:match "^HTTP/1.1 (%d+)"), answer:match "\r\n\r\n(.*)$", answer:match "Content%-Type: ([^\r]+)"
  end

  it("is served with its type", function()
    for path, expected in pairs {
      ["/"] = { 200, "<h1>home</h1>", "text/html; charset=utf-8" },
      ["/index.html"] = { 200, "<h1>home</h1>", "text/html; charset=utf-8" },
      ["/app.js"] = { 200, "1", "text/javascript; charset=utf-8" },
      ["/sub/"] = { 200, "sub", "text/html; charset=utf-8" },
      ["/sub/x.json"] = { 200, "{}", "application/json" },
      ["/sub/x.json?v=1"] = { 200, "{}", "application/json" },
      ["/a..b.txt"] = { 200, "dots", "text/plain; charset=utf-8" },
    } do
      assert.same(expected, { get(path) }, path)
    end
    assert.equal(200000, #select(2, get "/big.css"))
  end)

  it("is never a script, a hidden file, a folder, or anything outside: 404 like what is not there", function()
    for _, path in ipairs {
      "/nothing.html", "/chat.lua", "/.env", "/.git/config.txt", "/note.md", "/Makefile", "/sub", "/outside/.x.html",
      "/../index.html", "/sub/../index.html", "/..", "/.", "/./index.html", "/sub/..", "/%2e%2e/index.html",
      "/sub/%2e%2e/index.html", "/%2eenv", "/index.html%00", "/index.html/", "/index%2ehtml", "/..%2findex.html",
      "/\\..\\index.html", "/index.html.", "/sub/./x.json", "/" .. ("a/"):rep(2000) .. "x.html", "/a b.html",
    } do
      local status, body = get(path)
      assert.is_true(status == 404 or status == 400 or status == 414, path .. " -> " .. tostring(status))
      assert.is_nil((body or ""):find("secret", 1, true))
    end
  end)

  it("says so in a sentence", function()
    local status, body = get "/nothing.html"
    assert.equal(404, status)
    assert.equal("404 Not Found: there is no such page\n", body)
  end)
end)
