local cjson = require "cjson"
local fetch = require "room.fetch"
local web = require "web"

describe("asking another server", function()
  local client

  setup(web.start)
  teardown(web.stop)
  after_each(function()
    if client then client:finish() end
    client = nil
  end)

  local function open(options)
    if client then client:finish() end
    client = assert(fetch.new(options or { allow = "*" }))
    return client
  end

  -- The answer, or nil, the reason and the code's name.
  local function ask(request)
    local got
    if type(request) == "string" then request = { url = request } end
    if not client then open() end
    client:start(request, function(...) got = table.pack(...) end)
    client:run()
    return table.unpack(got, 1, got.n)
  end

  local function echo(request)
    request.url = request.url or web.http .. "/echo"
    local answer = assert(ask(request))
    assert.equal(200, answer.status)
    return cjson.decode(answer.body)
  end

  local function field(said, name)
    local found
    for i = 1, #said.fields, 2 do
      if said.fields[i]:lower() == name then
        assert.is_nil(found, name .. " is said twice")
        found = said.fields[i + 1]
      end
    end
    return found
  end

  local function refused(code, pattern, request)
    local answer, why, name = ask(request)
    assert.is_nil(answer)
    assert.equal(code, name, why)
    assert.truthy(why:find(pattern), ("%q does not say %q"):format(why, pattern))
    return why
  end

  describe("gets", function()
    it("status, headers and body", function()
      local answer = assert(ask(web.http .. "/bytes/70000"))
      assert.equal(200, answer.status)
      assert.equal(("x"):rep(70000), answer.body)
      assert.equal("70000", answer.headers["content-length"])
      assert.equal(web.http .. "/bytes/70000", answer.url)
    end)

    it("an answer of any status, which is no error", function()
      for _, status in ipairs { 204, 304, 404, 429, 500, 503, 599 } do
        assert.equal(status, assert(ask(web.http .. "/status/" .. status)).status)
      end
    end)

    it("headers by their names in lower case, trimmed, each time they were said", function()
      local answer = assert(ask(web.raw .. "/twice"))
      assert.equal("1, 2", answer.headers["x-a"])
      assert.equal("", answer.headers["x-empty"])
      assert.equal("", answer.body)
    end)

    it("the final answer only, where others came before", function()
      local answer = assert(ask(web.raw .. "/early"))
      assert.same({ 200, "ok", "b" }, { answer.status, answer.body, answer.headers["x-a"] })
      assert.is_nil(answer.headers.link)
    end)

    it("no trailers, and no second line of a header", function()
      local answer = assert(ask(web.raw .. "/trailers"))
      assert.equal("ok", answer.body)
      assert.is_nil(answer.headers["x-late"])
      assert.equal("one", assert(ask(web.raw .. "/folded")).headers["x-a"])
    end)

    it("the first hundred headers", function()
      local answer = assert(ask(web.http .. "/fields/300"))
      local count = 0
      for _ in pairs(answer.headers) do count = count + 1 end
      assert.equal(100, count)
    end)
  end)

  describe("says", function()
    it("GET, or POST where there is a body, or what it is told", function()
      assert.equal("GET", echo({}).method)
      assert.equal("POST", echo({ body = "{}" }).method)
      for _, method in ipairs { "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "SEARCH" } do
        assert.equal(method, echo({ method = method }).method)
        local said = echo({ method = method, body = "body\0of it" })
        assert.same({ method, "body\0of it" }, { said.method, said.body })
        assert.equal("10", field(said, "content-length"))
      end
    end)

    it("an empty body as one", function()
      local said = echo({ method = "POST", body = "" })
      assert.same({ "POST", "", "0" }, { said.method, said.body, field(said, "content-length") })
    end)

    it("HEAD, and waits for no body", function()
      local answer = assert(ask { method = "HEAD", url = web.http .. "/bytes/5000" })
      assert.same({ 200, "" }, { answer.status, answer.body })
    end)

    it("a large body whole", function()
      local body = ("0123456789"):rep(100000)
      assert.equal(body, echo({ body = body }).body)
    end)

    it("who it is, and nothing that was not meant", function()
      local said = echo({ body = "{}" })
      assert.truthy(field(said, "user-agent"):find "^weir/%d")
      for _, name in ipairs { "content-type", "expect", "authorization", "cookie", "accept-encoding" } do
        assert.is_nil(field(said, name), name)
      end
    end)

    it("the headers it is told, empty ones too", function()
      local said = echo({ body = "{}", headers = {
        { "Content-Type", "application/json" }, { "Authorization", "Bearer x" }, { "X-Empty", "" },
        { "User-Agent", "me" }, { "Accept", "text/plain" } } })
      assert.equal("application/json", field(said, "content-type"))
      assert.equal("Bearer x", field(said, "authorization"))
      assert.equal("", field(said, "x-empty"))
      assert.equal("me", field(said, "user-agent"))
      assert.equal("text/plain", field(said, "accept"))
    end)

    it("no header that is not one, or that the connection says", function()
      for _, header in ipairs { { "", "x" }, { "a b", "x" }, { "a:", "x" }, { "a\r\nb", "x" }, { "ä", "x" },
        { "X-A", "x\r\nX-B: y" }, { "X-A", "x\ny" }, { "X-A", "x\0y" }, { "Host", "other" }, { "host", "other" },
        { "Content-Length", "3" }, { "Transfer-Encoding", "chunked" }, { "Connection", "close" },
        { "Upgrade", "h2c" }, { "TE", "trailers" }, { "Proxy-Authorization", "x" } } do
        refused("BAD_REQUEST", "^GET http://127%.0%.0%.1:%d+: the header \"[%w-]*.*\" .*: leave it out$",
          { url = web.http .. "/echo", headers = { header } })
      end
    end)

    it("at most a hundred headers", function()
      local headers = {}
      for i = 1, 100 do headers[i] = { "X-" .. i, "v" } end
      assert.equal("v", field(echo({ headers = headers }), "x-100"))
      headers[101] = { "X-101", "v" }
      refused("BAD_REQUEST", "more than 100 headers", { url = web.http .. "/echo", headers = headers })
      refused("BAD_REQUEST", "65536 bytes", { url = web.http .. "/echo", headers = { { "X", ("x"):rep(65536) } } })
    end)

    it("no method that is none", function()
      for _, method in ipairs { "get", "G ET", "GET\r\n", "CONNECT", "TRACE", "ABCDEFGHIJKLMNOPQ", "G\0" } do
        refused("BAD_REQUEST", "a method is GET, POST", { url = web.http .. "/echo", method = method })
      end
      refused("BAD_REQUEST", "no body", { url = web.http .. "/echo", method = "HEAD", body = "x" })
    end)
  end)

  describe("goes", function()
    it("only to hosts on the list, and says what to do about others", function()
      open { allow = "localhost:" .. web.ports.http }
      assert.equal(200, assert(ask("http://localhost:" .. web.ports.http .. "/echo")).status)
      for _, url in ipairs { web.http, web.https, "http://localhost", "http://example.com/",
        "http://localhost.:" .. web.ports.http, "http://[::1]:" .. web.ports.http } do
        local why = refused("PERMISSION_DENIED", "on the list of those that may be called: add them", url .. "/secret?key=1")
        assert.falsy(why:find "secret")
      end
      assert.equal(6, client:counts().not_allowed)
      open { allow = "" }
      refused("PERMISSION_DENIED", "list", web.http)
      open {}
      refused("PERMISSION_DENIED", "list", web.http)
    end)

    it("where the list says, not where a second reading of the URL would", function()
      open { allow = "good.example" }
      for _, url in ipairs { "http://good.example@127.0.0.1/", "http://good.example:80@127.0.0.1/",
        "http://127.0.0.1#good.example", "http://127.0.0.1\\@good.example/", "http://127.0.0.1/good.example",
        "http://2130706433/", "http://0x7f.1/", "http://good.example%2f@127.0.0.1/", "http://good.example%00.evil/",
        "http://good。example/", "http://ｇood.example/", "//good.example/" } do
        local answer, why, code = ask(url)
        assert.is_nil(answer, url)
        assert.truthy(code == "BAD_REQUEST" or code == "PERMISSION_DENIED", url .. ": " .. why)
      end
    end)

    it("by http and https only, to what is a URL", function()
      for _, url in ipairs { "ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/", "ws://127.0.0.1/", "",
        "127.0.0.1", "/path", "http://", "http://127.0.0.1:99999/", "http://a b/", "http://a\nb/", "javascript:1",
        "http://127.0.0.1/" .. ("x"):rep(8192) } do
        local answer, why, code = ask(url)
        assert.is_nil(answer, url)
        assert.equal("BAD_REQUEST", code, url .. ": " .. why)
      end
      refused("BAD_REQUEST", "^POST: that is no URL: write http://host/path", { url = "127.0.0.1", body = "" })
      refused("BAD_REQUEST", "authorization header", "http://me:secret@127.0.0.1/")
    end)

    it("again by the connection it has", function()
      local seen = cjson.decode(assert(ask(web.http .. "/seen")).body)
      for _ = 1, 5 do assert(ask(web.http .. "/echo")) end
      assert.equal(seen.connections, cjson.decode(assert(ask(web.http .. "/seen")).body).connections)
      assert.equal(1, client:counts().connections)
    end)

    it("past the proxy of the environment", function()
      local script = os.tmpname()
      local file = assert(io.open(script, "w"))
      file:write(([[
        local client = require("room.fetch").new { allow = "*", uses_environment_proxy = #arg > 0 }
        client:start({ url = "%s/echo" }, function(answer) io.write(answer and answer.status or "unreachable") end)
        client:run()
        client:finish()
      ]]):format(web.http))
      file:close()
      local host = "http_proxy=http://127.0.0.1:1 build/" .. (os.getenv "FLAVOR" or "debug") .. "/host " .. script
      local pipe = assert(io.popen(host .. " && echo && " .. host .. " with"))
      local said = pipe:read "a"
      pipe:close()
      os.remove(script)
      assert.equal("200\nunreachable", said)
    end)
  end)

  describe("by TLS", function()
    it("trusts the CA it is given, and the name in the certificate", function()
      open { allow = "*", ca_file = web.ca }
      local answer = assert(ask(web.https .. "/echo"))
      assert.equal(200, answer.status)
    end)

    it("refuses a certificate that nobody it knows has signed", function()
      local pattern = "^GET https://localhost:%d+: .*certificate.*: have the certificate's name right"
      refused("UPSTREAM", pattern, web.https .. "/echo")
      open { allow = "*", ca_file = web.other_ca }
      refused("UPSTREAM", pattern, web.https .. "/echo")
    end)

    it("refuses a certificate of another name", function()
      open { allow = "*", ca_file = web.ca }
      refused("UPSTREAM", "certificate", (web.https:gsub("localhost", "127.0.0.2")) .. "/echo")
    end)

    it("says so where there is no TLS", function()
      refused("UPSTREAM", "see whether that port speaks TLS", (web.http:gsub("http", "https")) .. "/echo")
    end)

    it("does not begin with a file of CAs that is not there", function()
      local none, why, code = fetch.new { allow = "*", ca_file = "/nowhere/ca.crt" }
      assert.same({ "/nowhere/ca.crt: no such file of trusted CAs, or not to be read", "CONFIG" }, { why, code })
      assert.is_nil(none)
    end)
  end)

  describe("ends", function()
    it("when nobody listens", function()
      refused("UPSTREAM", "^GET http://127%.0%.0%.1:1: .*: see whether the server runs there", "http://127.0.0.1:1/")
    end)

    it("when there is no such name", function()
      refused("UPSTREAM", "^GET http://nobody%.invalid: .*: look for a wrong name", "http://nobody.invalid/")
    end)

    it("when the whole has taken too long, whatever has come by then", function()
      refused("TIMED_OUT", "no whole answer within 100 ms %(nothing came%)",
        { url = web.http .. "/silent", timeout_ms = 100 })
      refused("TIMED_OUT", "no whole answer within 300 ms %(it had begun%)",
        { url = web.http .. "/begun", timeout_ms = 300 })
      open { allow = "*", timeout_ms = 50 }
      refused("TIMED_OUT", "within 50 ms", web.http .. "/silent")
      assert.equal(1, client:counts().timed_out)
    end)

    it("when connecting has taken too long", function()
      local port, free = fetch.full_port()
      refused("TIMED_OUT", "no connection within 100 ms: see whether the server is up",
        { url = "http://127.0.0.1:" .. port, connect_ms = 100 })
      open { allow = "*", connect_ms = 50 }
      refused("TIMED_OUT", "no connection within 50 ms", "http://127.0.0.1:" .. port)
      free()
    end)

    it("when the answer is larger than it may be", function()
      refused("TOO_LARGE", "more than 1048576 bytes: ask for less", web.http .. "/endless")
      refused("TOO_LARGE", "more than 1000 bytes", { url = web.http .. "/bytes/1001", response_max = 1000 })
      assert(ask { url = web.http .. "/bytes/1000", response_max = 1000 })
      open { allow = "*", response_max = 500 }
      refused("TOO_LARGE", "more than 500 bytes", { url = web.http .. "/bytes/501", response_max = 1000 })
      assert.equal(1, client:counts().too_large)
    end)

    it("when the head is larger than it may be", function()
      refused("TOO_LARGE", "headers have more than 65536 bytes", web.raw .. "/head")
      refused("TOO_LARGE", "headers have more than 65536 bytes", web.raw .. "/interim")
      local answer, _, code = ask(web.raw .. "/line")
      assert.is_nil(answer)
      assert.truthy(code == "TOO_LARGE" or code == "UPSTREAM", code)
    end)

    it("when the server vanishes, or talks nonsense", function()
      refused("UPSTREAM", "the connection ended early", web.http .. "/vanish")
      refused("UPSTREAM", "the connection ended early", web.raw .. "/nothing")
      refused("UPSTREAM", "speaks HTTP/1.1", web.raw .. "/garbage")
      refused("UPSTREAM", "speaks HTTP/1.1", web.raw .. "/plain")
      for _, path in ipairs { "/chunk", "/negative" } do refused("UPSTREAM", "127", web.raw .. path) end
      assert.equal(6, client:counts().failed)
    end)

    it("when the server switches to a protocol that nobody asked for", function()
      local answer, _, code = ask { url = web.raw .. "/switch", timeout_ms = 500 }
      assert.truthy(answer == nil or answer.status == 101, code)
    end)

    it("and another goes on meanwhile", function()
      local ended = {}
      open()
      client:start({ url = web.http .. "/silent", timeout_ms = 200 }, function(_, _, code) ended[#ended + 1] = code end)
      client:start({ url = web.http .. "/echo" }, function(answer) ended[#ended + 1] = answer.status end)
      client:start({ url = "nonsense" }, function(_, _, code) ended[#ended + 1] = code end)
      client:run()
      table.sort(ended, function(a, b) return tostring(a) < tostring(b) end)
      assert.same({ 200, "BAD_REQUEST", "TIMED_OUT" }, ended)
    end)
  end)

  describe("redirected", function()
    local function to(status, url, from)
      return (from or web.http) .. "/redirect/" .. status .. "?to=" .. url:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)
    end

    it("takes that for the answer", function()
      local answer = assert(ask(to(302, web.http .. "/echo")))
      assert.same({ 302, web.http .. "/echo" }, { answer.status, answer.headers.location })
    end)

    it("follows where it is told to, and says where it came to", function()
      for _, status in ipairs { 301, 302, 303, 307, 308 } do
        local answer = assert(ask { url = to(status, "/echo"), redirects = 1 })
        assert.same({ 200, web.http .. "/echo" }, { answer.status, answer.url })
        assert.equal("/echo", cjson.decode(answer.body).url)
      end
      assert.equal(304, assert(ask { url = to(304, "/echo"), redirects = 1 }).status)
      assert.equal(200, assert(ask { url = web.http .. "/around/3", redirects = 3 }).status)
    end)

    it("follows so often and not more", function()
      refused("UPSTREAM", "redirects again and again", { url = web.http .. "/around/4", redirects = 3 })
      refused("UPSTREAM", "redirects again and again", { url = web.http .. "/around/11", redirects = 1000 })
      assert.equal(200, assert(ask { url = web.http .. "/around/10", redirects = 1000 }).status)
    end)

    it("asks with GET and without the body, but after 307 and 308", function()
      for status, method in pairs { [301] = "GET", [302] = "GET", [303] = "GET", [307] = "POST", [308] = "POST" } do
        local said = echo({ url = to(status, "/echo"), method = "POST", body = "body", redirects = 1 })
        assert.same({ method, method == "POST" and "body" or "" }, { said.method, said.body })
      end
      assert.equal("PUT", echo({ url = to(302, "/echo"), method = "PUT", body = "x", redirects = 1 }).method)
      assert.equal("GET", echo({ url = to(303, "/echo"), method = "PUT", body = "x", redirects = 1 }).method)
      assert.equal("HEAD", assert(ask { url = to(303, "/echo"), method = "HEAD", redirects = 1 }).headers["x-method"])
    end)

    it("does not leave the list of hosts", function()
      open { allow = "127.0.0.1:" .. web.ports.http }
      for _, url in ipairs { web.raw, "http://localhost:" .. web.ports.http, "//169.254.169.254/latest", "http://[::1]/" } do
        refused("PERMISSION_DENIED", "list", { url = to(302, url), redirects = 5 })
      end
      for _, url in ipairs { "file:///etc/passwd", "ftp://127.0.0.1/", "http://me:pw@127.0.0.1:" .. web.ports.http } do
        refused("UPSTREAM", ".", { url = to(302, url), redirects = 5 })
      end
    end)

    it("does not tell another server what was meant for the first", function()
      open { allow = "*", ca_file = web.ca }
      local headers = { { "Authorization", "Bearer secret" }, { "Cookie", "a=b" }, { "X-API-Key", "secret" },
        { "Content-Type", "application/json" }, { "Accept", "a/b" } }
      for _, there in ipairs { "http://localhost:" .. web.ports.http .. "/echo", web.https .. "/echo" } do
        local said = echo({ url = to(307, there), body = "{}", headers = headers, redirects = 1 })
        for _, name in ipairs { "authorization", "cookie", "x-api-key" } do assert.is_nil(field(said, name), name) end
        assert.same({ "application/json", "a/b" }, { field(said, "content-type"), field(said, "accept") })
      end
      local said = echo({ url = to(307, "/echo"), body = "{}", headers = headers, redirects = 1 })
      assert.same({ "Bearer secret", "secret" }, { field(said, "authorization"), field(said, "x-api-key") })
    end)

    it("does not leave TLS", function()
      open { allow = "*", ca_file = web.ca }
      refused("UPSTREAM", "use https", { url = to(302, web.http .. "/echo", web.https), redirects = 1 })
    end)

    it("has the time it had in all", function()
      refused("TIMED_OUT", "within 200 ms", { url = to(302, "/silent"), redirects = 1, timeout_ms = 200 })
    end)
  end)

  describe("too often", function()
    local function hold(count, ended)
      for i = 1, count do
        client:start({ url = web.http .. "/hold" }, function(answer, _, code)
          ended[#ended + 1] = i .. (answer and answer.body or code)
        end)
      end
    end

    it("sends so many at once, lets so many wait, and refuses the rest", function()
      local ended = {}
      open { allow = "*", at_once = 2, queue = 3 }
      hold(6, ended)
      assert.same({ 2, 3, 1 }, { client:counts().on_their_way, client:counts().waiting, client:counts().overloaded })
      for _ = 1, 3 do client:turn() end
      assert.same({ "6OVERLOADED" }, ended)
    end)

    it("sends those that wait in their order, as others end", function()
      local ended, calls = {}, {}
      open { allow = "*", at_once = 1 }
      for i = 1, 5 do
        calls[i] = client:start({ url = web.http .. "/echo/" .. i }, function() ended[#ended + 1] = i end)
      end
      client:cancel(calls[1])
      client:cancel(calls[3])
      client:run()
      assert.same({ 2, 4, 5 }, ended)
      assert.same({ 0, 0, 3 }, { client:counts().on_their_way, client:counts().waiting, client:counts().answered })
    end)

    it("counts the time that a request waits", function()
      open { allow = "*", at_once = 1 }
      local ended = {}
      client:start({ url = web.http .. "/silent", timeout_ms = 400 }, function(_, why) ended[#ended + 1] = why end)
      client:start({ url = web.http .. "/echo", timeout_ms = 100 }, function(_, why) ended[#ended + 1] = why end)
      client:run()
      assert.truthy(ended[1]:find "within 100 ms %(it was not sent yet")
      assert.truthy(ended[2]:find "within 400 ms %(nothing came")
    end)

    it("lets only so many bytes wait", function()
      local codes = {}
      open { allow = "*", at_once = 1, queue_bytes = 100, request_max = 60 }
      for i = 1, 4 do
        client:start({ url = web.http .. "/echo", body = ("x"):rep(50) }, function(_, _, code) codes[#codes + 1] = code or i end)
      end
      client:run()
      assert.same({ "OVERLOADED", 1, 2, 3 }, codes)
      refused("BAD_REQUEST", "more than 60 bytes", { url = web.http .. "/echo", body = ("x"):rep(61) })
    end)
  end)

  describe("cancelled", function()
    it("never ends, at whatever stage it is", function()
      open { allow = "*", at_once = 1 }
      local function never() error "called" end
      local flying = client:start({ url = web.http .. "/silent" }, never)
      local waiting = client:start({ url = web.http .. "/echo" }, never)
      local wrong = client:start({ url = "nonsense" }, never)
      for _ = 1, 20 do
        if client:counts().on_their_way == 1 then break end
        client:turn()
      end
      client:cancel(wrong)
      client:cancel(waiting)
      client:cancel(flying)
      for _ = 1, 5 do client:turn() end
      assert.same({ 0, 0, 0 }, { client:counts().on_their_way, client:counts().waiting, client:counts().answered })
    end)

    it("in the middle of an answer leaves the client whole", function()
      open()
      local call = client:start({ url = web.http .. "/begun" }, function() error "called" end)
      client:start({ url = web.http .. "/echo" }, function() client:cancel(call) end)
      client:run()
      assert.equal(200, assert(ask(web.http .. "/echo")).status)
    end)
  end)

  describe("whose name nobody answers for", function()
    before_each(fetch.hold_names)
    after_each(fetch.release_names)

    local function look_up(request, ended)
      open()
      local before = fetch.asked_names()
      request.url = "http://held.invalid/"
      local call = client:start(request, ended)
      while fetch.asked_names() == before do client:turn() end
      return call
    end

    it("is cancelled at once", function()
      local call = look_up({}, function() error "called" end)
      client:cancel(call)
      client:turn()
    end)

    it("has no more time than it was given", function()
      local code
      look_up({ timeout_ms = 100 }, function(_, _, name) code = name end)
      client:run()
      assert.equal("TIMED_OUT", code)
      look_up({ connect_ms = 100 }, function(_, _, name) code = name end)
      client:run()
      assert.equal("TIMED_OUT", code)
    end)

    it("does not hold up the client's end, nor others", function()
      local code
      look_up({}, function(_, _, name) code = name end)
      client:start({ url = web.http .. "/echo" }, function(answer) code = answer.status end)
      while code ~= 200 do client:turn() end
      client:finish()
      assert.equal("NOT_AVAILABLE", code)
    end)
  end)

  it("may start and cancel calls when it is told of one's end", function()
    open()
    local ended = {}
    local third
    client:start({ url = "nonsense" }, function()
      ended[#ended + 1] = "first"
      client:cancel(third)
      client:start({ url = web.http .. "/echo" }, function(answer)
        ended[#ended + 1] = answer.status
      end)
    end)
    third = client:start({ url = "nonsense" }, function() ended[#ended + 1] = "third" end)
    client:run()
    assert.same({ "first", 200 }, ended)
  end)

  it("lets others have a turn where one asks nonsense for ever", function()
    open()
    local times = 0
    local function again()
      times = times + 1
      client:start({ url = "nonsense" }, again)
    end
    client:start({ url = "nonsense" }, again)
    client:turn()
    assert.equal(1, times)
    client:turn()
    assert.equal(2, times)
  end)

  it("ends what is on its way with the client, and begins nothing more", function()
    open { allow = "*", at_once = 1 }
    local ended = {}
    local function note(_, why, code)
      ended[#ended + 1] = code
      assert.truthy(code ~= "NOT_AVAILABLE" or why:find "shutting down")
      assert.is_nil(client:start({ url = web.http .. "/echo" }, function() error "called" end))
    end
    client:start({ url = web.http .. "/silent" }, note)
    client:start({ url = web.http .. "/echo" }, note)
    client:start({ url = "nonsense" }, note)
    client:finish()
    table.sort(ended)
    assert.same({ "BAD_REQUEST", "NOT_AVAILABLE", "NOT_AVAILABLE" }, ended)
    client = nil
    fetch.destroy_nothing()
  end)

  it("ends each call once, whatever is started and cancelled in whatever order", function()
    open { allow = "*", at_once = 6, queue = 20, ca_file = web.ca }
    local urls = { web.http .. "/echo", web.http .. "/silent", web.http .. "/vanish", web.http .. "/around/2",
      web.http .. "/endless", web.raw .. "/garbage", web.raw .. "/nothing", web.https .. "/echo", "nonsense",
      "http://127.0.0.1:1/", "http://nobody.invalid/" }
    local calls, started, ended, cancelled = {}, 0, 0, 0
    math.randomseed(3)
    local function cancel_one()
      local at = math.random(1, math.max(1, #calls))
      if not calls[at] then return end
      client:cancel(table.remove(calls, at))
      cancelled = cancelled + 1
    end
    local function start_one()
      local call
      call = client:start({ url = urls[math.random(#urls)], redirects = 3, timeout_ms = math.random(30, 200) }, function()
        ended = ended + 1
        for i, other in ipairs(calls) do
          if other == call then table.remove(calls, i) end
        end
        if started < 500 and math.random() < 0.5 then start_one() end
        if math.random() < 0.2 then cancel_one() end
      end)
      started = started + 1
      calls[#calls + 1] = call
    end
    while started < 400 do
      start_one()
      if math.random() < 0.2 then cancel_one() end
      if math.random() < 0.5 then client:turn() end
    end
    client:run()
    assert.equal(started, ended + cancelled)
    assert.same({ 0, 0 }, { client:counts().on_their_way, client:counts().waiting })
  end)

  it("does a thousand requests by few connections", function()
    open { allow = "*", at_once = 8 }
    local fine = 0
    for i = 1, 1000 do
      client:start({ url = web.http .. "/echo", body = tostring(i) }, function(answer)
        if answer and cjson.decode(answer.body).body == tostring(i) then fine = fine + 1 end
      end)
    end
    client:run()
    assert.equal(1000, fine)
    assert.is_true(client:counts().connections <= 16, "connections: " .. client:counts().connections)
  end)
end)
