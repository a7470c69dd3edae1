-- HTTP over a real socket: strict about what is said, patient about how it arrives, never for long.
local cjson = require "cjson"
local http = require "http"
local server = require "server"
local socket = require "room.socket"

local KEY = { ["X-API-Key"] = "key" }
local RULES = [[
channel("room:{name}", { subscribe = "anyone", history = 1000 })
function server.rpc_echo(args) return args end
]]

describe("HTTP", function()
  local it_runs

  lazy_setup(function()
    it_runs = server.start {
      scripts = { ["a.lua"] = RULES },
      args = { "--api-key", "key", "--workers", "1" },
    }
  end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(function() assert.is_nil(it_runs:exit_status()) end)

  -- What a whole request is answered with, and how the connection ends.
  local function send(text)
    local line <close> = http.open(it_runs)
    line:send(text)
    local answer = assert(line:answer())
    local rest, how = line:rest()
    return answer, how, rest
  end

  local function get(extra)
    return "GET /healthz HTTP/1.1\r\n" .. extra .. "\r\n"
  end

  describe("refuses and ends the connection, without a reset:", function()
    local HOST = "Host: a\r\n"
    local post = "POST /api/info HTTP/1.1\r\nX-API-Key: key\r\n" .. HOST
    local cases = {
      { "no Host", 400, get "" },
      { "two Hosts", 400, get "Host: a\r\nHost: a\r\n" },
      { "a Host that is none", 400, get "Host: a b\r\n" },
      { "two Content-Lengths", 400, post .. "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" },
      { "a list as Content-Length", 400, post .. "Content-Length: 2, 2\r\n\r\n{}" },
      { "a signed Content-Length", 400, post .. "Content-Length: +2\r\n\r\n{}" },
      { "a negative Content-Length", 400, post .. "Content-Length: -1\r\n\r\n{}" },
      { "a hexadecimal Content-Length", 400, post .. "Content-Length: 0x2\r\n\r\n{}" },
      { "an empty Content-Length", 400, post .. "Content-Length: \r\n\r\n{}" },
      { "an enormous Content-Length", 413, post .. "Content-Length: 99999999999999999999999\r\n\r\n" },
      { "Transfer-Encoding beside Content-Length", 400,
        post .. "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
      { "two Transfer-Encodings", 400,
        post .. "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
      { "another Transfer-Encoding", 501, post .. "Transfer-Encoding: gzip\r\n\r\n" },
      { "chunked and more as Transfer-Encoding", 501, post .. "Transfer-Encoding: gzip, chunked\r\n\r\n" },
      { "Transfer-Encoding on HTTP/1.0", 400,
        "POST /api/info HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
      { "a bare line feed in the head", 400, "GET /healthz HTTP/1.1\nHost: a\n\n" },
      { "a bare line feed between two fields", 400, get(HOST .. "A: b\nC: d\r\n") },
      { "a bare carriage return in a value", 400, get(HOST .. "A: b\rc\r\n") },
      { "a zero byte in a value", 400, get(HOST .. "A: b\0c\r\n") },
      { "a control byte in a value", 400, get(HOST .. "A: b\1c\r\n") },
      { "a DEL in a value", 400, get(HOST .. "A: b\127c\r\n") },
      { "a field that goes on in the next line", 400, get(HOST .. "A: b\r\n c\r\n") },
      { "a space before the colon", 400, get(HOST .. "A : b\r\n") },
      { "a field without a name", 400, get(HOST .. ": b\r\n") },
      { "a field without a colon", 400, get(HOST .. "A\r\n") },
      { "a bracket in a name", 400, get(HOST .. "A(b): c\r\n") },
      { "two spaces after the method", 400, "GET  /healthz HTTP/1.1\r\nHost: a\r\n\r\n" },
      { "a tab after the method", 400, "GET\t/healthz HTTP/1.1\r\nHost: a\r\n\r\n" },
      { "a space at the end of the request line", 400, "GET /healthz HTTP/1.1 \r\nHost: a\r\n\r\n" },
      { "no target", 400, "GET HTTP/1.1\r\nHost: a\r\n\r\n" },
      { "a fragment in the target", 400, "GET /healthz#a HTTP/1.1\r\nHost: a\r\n\r\n" },
      { "a raw byte in the target", 400, "GET /h\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n" },
      { "a relative target", 400, "GET healthz HTTP/1.1\r\nHost: a\r\n\r\n" },
      { "a star as target of a GET", 400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n" },
      { "CONNECT's kind of target", 400, "CONNECT example.org:443 HTTP/1.1\r\nHost: a\r\n\r\n" },
      { "a lower-case version", 400, "GET /healthz http/1.1\r\nHost: a\r\n\r\n" },
      { "no version (HTTP/0.9)", 400, "GET /healthz\r\n\r\n" },
      { "HTTP/1.2", 505, "GET /healthz HTTP/1.2\r\nHost: a\r\n\r\n" },
      { "HTTP/2.0", 505, "GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n" },
      { "the preface of HTTP/2", nil, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" },
      { "a TLS hello", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" .. ("x"):rep(40) .. "\r\n" },
      { "another expectation", 417, post .. "Expect: more\r\nContent-Length: 2\r\n\r\n{}" },
      { "a target of 17000 bytes", 414, "GET /" .. ("a"):rep(17000) .. " HTTP/1.1\r\nHost: a\r\n\r\n" },
      { "a request line without an end", 414, "GET /" .. ("a"):rep(25000) },
      { "a head of more than 24 KiB", 431, get(HOST .. ("A: " .. ("b"):rep(1000) .. "\r\n"):rep(25)) },
      { "101 fields", 431, get(HOST .. ("A: b\r\n"):rep(100)) },
    }
    for _, case in ipairs(cases) do
      it(case[1], function()
        local answer, how, rest = send(case[3])
        if case[2] then assert.equal(case[2], answer.status, answer.body) end
        assert.truthy(answer.status >= 400)
        assert.equal("close", answer.headers.connection)
        assert.truthy(answer.body:match "^%d%d%d [%w ]+: .+\n$", answer.body)
        assert.same({ "", "closed" }, { rest, how })
      end)
    end
  end)

  describe("understands", function()
    for name, text in pairs {
      ["any case of names"] = "GET /healthz HTTP/1.1\r\nhOsT: a\r\nCONNECTION: CLOSE\r\n\r\n",
      ["an empty line before the request"] = "\r\nGET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      ["an absolute target"] = "GET http://a/healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      ["an IPv6 Host"] = "GET /healthz HTTP/1.1\r\nHost: [::1]:8000\r\nConnection: close\r\n\r\n",
      ["a query"] = "GET /healthz?a=b&c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      ["HTTP/1.0 without Host"] = "GET /healthz HTTP/1.0\r\n\r\n",
      ["close among others in Connection"] = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n",
      ["100 fields"] = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" .. ("A: b\r\n"):rep(98) .. "\r\n",
    } do
      it(name .. ", and honours the wish to close", function()
        local answer, how, rest = send(text)
        assert.equal(200, answer.status, answer.body)
        assert.equal("{}", answer.body)
        assert.equal("close", answer.headers.connection)
        assert.same({ "", "closed" }, { rest, how })
      end)
    end

    it("keep-alive of HTTP/1.0 where it is asked for", function()
      local line <close> = http.open(it_runs)
      for _ = 1, 2 do
        line:send "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        local answer = assert(line:answer())
        assert.same({ 200, "keep-alive" }, { answer.status, answer.headers.connection })
      end
    end)

    it("a request that comes byte by byte", function()
      local line <close> = http.open(it_runs)
      local text = line:head("POST", "/api/rpc", { ["X-API-Key"] = "key", ["Transfer-Encoding"] = "chunked" })
        .. '1f;name="value"\r\n{"method":"echo","params":[1.0]\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n'
      for i = 1, #text do line:send(text:sub(i, i)) end
      local answer = assert(line:answer())
      assert.equal('{"result":{"data":[1.0]}}', answer.body)
    end)
  end)

  it("does not speak h2c, whoever asks", function()
    local line <close> = http.open(it_runs)
    line:ask("GET", "/healthz", { Connection = "Upgrade, HTTP2-Settings", Upgrade = "h2c",
      ["HTTP2-Settings"] = "AAMAAABkAAQCAAAAAAIAAAAA" })
    local answer = assert(line:answer())
    assert.same({ 200, "{}" }, { answer.status, answer.body })
    assert.is_nil(answer.headers.upgrade)
  end)

  it("answers 404 where nothing is", function()
    for _, path in ipairs { "/", "/index.html", "/a.lua", "/connection", "/connection/websocket/", "/healthz/" } do
      assert.equal(404, http.get(it_runs, path).status, path)
    end
  end)

  it("answers 405 and says which methods it allows", function()
    for path, allowed in pairs {
      ["/healthz"] = "GET, HEAD", ["/readyz"] = "GET, HEAD", ["/metrics"] = "GET, HEAD", ["/weir.js"] = "GET, HEAD",
      ["/connection/websocket"] = "GET, HEAD",
    } do
      for _, method in ipairs { "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW" } do
        local answer = http.request(it_runs, method, path)
        assert.same({ 405, allowed }, { answer.status, answer.headers.allow }, method .. " " .. path)
        assert.equal("keep-alive", answer.headers.connection)
      end
    end
    for _, method in ipairs { "GET", "HEAD", "PUT", "DELETE", "OPTIONS" } do
      local answer = http.request(it_runs, method, "/api/info", KEY)
      assert.same({ 405, "POST" }, { answer.status, answer.headers.allow }, method)
    end
  end)

  it("answers HEAD like GET, without the body", function()
    local line <close> = http.open(it_runs)
    for _, path in ipairs { "/healthz", "/weir.js", "/nothing" } do
      local full = http.get(it_runs, path)
      line:ask("HEAD", path)
      local answer = assert(line:answer(true))
      assert.same({ full.status, full.headers["content-length"], full.headers["content-type"] },
        { answer.status, answer.headers["content-length"], answer.headers["content-type"] })
    end
    line:ask("GET", "/healthz")
    assert.equal("{}", assert(line:answer()).body)
  end)

  it("keeps a connection for request after request", function()
    local line <close> = http.open(it_runs)
    for _ = 1, 20 do
      line:ask("GET", "/healthz")
      local answer = assert(line:answer())
      assert.same({ 200, "keep-alive", "{}" }, { answer.status, answer.headers.connection, answer.body })
    end
  end)

  it("answers 50 pipelined POSTs in their order", function()
    local line <close> = http.open(it_runs)
    local parts = {}
    for i = 1, 50 do
      local body = cjson.encode { method = "echo", params = i }
      parts[i] = line:head("POST", "/api/rpc", { ["X-API-Key"] = "key", ["Content-Length"] = #body }) .. body
    end
    line:send(table.concat(parts))
    for i = 1, 50 do
      assert.equal(('{"result":{"data":%d}}'):format(i), assert(line:answer()).body)
    end
  end)

  it("answers what was pipelined before the one that wants to close, and nothing after it", function()
    local line <close> = http.open(it_runs)
    local one = line:head("GET", "/healthz")
    line:send(one .. one .. line:head("GET", "/readyz", { Connection = "close" }) .. one)
    for _ = 1, 2 do assert.equal("{}", assert(line:answer()).body) end
    assert.equal('{"ready":true}', assert(line:answer()).body)
    assert.same({ "", "closed" }, { line:rest() })
  end)

  it("takes nothing behind a refused request for a request", function()
    local line <close> = http.open(it_runs)
    line:send("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" .. line:head("GET", "/healthz"))
    assert.equal(400, assert(line:answer()).status)
    assert.same({ "", "closed" }, { line:rest() })
  end)

  it("hears the last request of a peer that has shut down its side", function()
    local line <close> = http.open(it_runs)
    line:ask("GET", "/healthz", { Connection = "close" })
    line.tcp:shutdown()
    assert.equal(200, assert(line:answer()).status)
  end)

  describe("bodies", function()
    local HEAD = { ["X-API-Key"] = "key" }

    local function post(headers, body)
      local line <close> = http.open(it_runs)
      local all = { ["X-API-Key"] = "key" }
      for name, value in pairs(headers) do all[name] = value end
      line:send(line:head("POST", "/api/rpc", all) .. body)
      return assert(line:answer()), line:answer(false, 0)
    end

    it("come by Content-Length", function()
      assert.equal('{"result":{"data":"x"}}', http.post(it_runs, "/api/rpc", '{"method":"echo","params":"x"}', HEAD).body)
    end)

    it("come in chunks, with extensions and trailers", function()
      local answer = post({ ["Transfer-Encoding"] = "Chunked" },
        '3;a=b\r\n{"m\r\n1B\r\nethod":"echo","params":"x"}\r\n000\r\nA: b\r\nC: d\r\n\r\n')
      assert.equal('{"result":{"data":"x"}}', answer.body)
    end)

    for name, chunks in pairs {
      ["a chunk's size that is no number"] = "x\r\n{}\r\n0\r\n\r\n",
      ["a negative size"] = "-2\r\n{}\r\n0\r\n\r\n",
      ["a size with 0x"] = "0x2\r\n{}\r\n0\r\n\r\n",
      ["an empty size"] = "\r\n{}\r\n0\r\n\r\n",
      ["a size with a space before it"] = " 2\r\n{}\r\n0\r\n\r\n",
      ["a bare line feed after a size"] = "2\n{}\n0\n\n",
      ["a chunk that is longer than it says"] = "2\r\n{}x\r\n0\r\n\r\n",
      ["a size beyond all measure"] = "ffffffffffffffffff\r\n",
      ["a folded trailer"] = "2\r\n{}\r\n0\r\n a: b\r\n\r\n",
    } do
      it("in chunks are refused for " .. name, function()
        local answer = post({ ["Transfer-Encoding"] = "chunked" }, chunks)
        assert.truthy(answer.status == 400 or answer.status == 413, answer.status)
        assert.equal("close", answer.headers.connection)
      end)
    end

    it("of more than a megabyte are refused before they come", function()
      local line <close> = http.open(it_runs)
      line:send(line:head("POST", "/api/rpc", { ["X-API-Key"] = "key", ["Content-Length"] = 2 * 1024 * 1024 }))
      local answer = assert(line:answer())
      assert.same({ 413, "close" }, { answer.status, answer.headers.connection })
    end)

    it("of more than a megabyte are refused while they come in chunks", function()
      local line <close> = http.open(it_runs)
      local chunk = "10000\r\n" .. ("a"):rep(65536) .. "\r\n"
      line:send(line:head("POST", "/api/rpc", { ["X-API-Key"] = "key", ["Transfer-Encoding"] = "chunked" }))
      for _ = 1, 20 do line.tcp:send(chunk) end
      local answer = assert(line:answer())
      assert.same({ 413, "close" }, { answer.status, answer.headers.connection })
    end)

    it("of nearly a megabyte are taken", function()
      local text = ("a"):rep(1000000)
      local answer = http.post(it_runs, "/api/rpc", cjson.encode { method = "echo", params = text }, HEAD)
      assert.equal(200, answer.status)
      assert.equal('{"result":{"data":"' .. text .. '"}}', answer.body)
    end)

    it("are asked for where the client waits to be asked", function()
      local line <close> = http.open(it_runs)
      local body = '{"method":"echo","params":7}'
      line:send(line:head("POST", "/api/rpc", { ["X-API-Key"] = "key", ["Content-Length"] = #body,
        Expect = "100-continue" }))
      assert.equal("HTTP/1.1 100 Continue\r\n\r\n", line.tcp:read_until "\r\n\r\n")
      line:send(body)
      assert.equal('{"result":{"data":7}}', assert(line:answer()).body)
    end)

    it("are not asked for where they would be refused", function()
      local line <close> = http.open(it_runs)
      line:send(line:head("POST", "/api/rpc", { ["X-API-Key"] = "key", ["Content-Length"] = 2000000,
        Expect = "100-continue" }))
      assert.equal(413, assert(line:answer()).status)
    end)

    it("are not waited for where none was announced", function()
      local line <close> = http.open(it_runs)
      line:send(line:head("POST", "/api/info", { ["X-API-Key"] = "key" }))
      assert.equal(200, assert(line:answer()).status)
    end)
  end)

  it("holds no more than its bounds for a client that asks and asks and never reads", function()
    local function resident()
      return tonumber(server.read(("/proc/%d/status"):format(it_runs.pid)):match "VmRSS:%s+(%d+)")
    end
    local line <close> = http.open(it_runs)
    line.tcp:deafen(true)
    local many = line:head("GET", "/weir.js"):rep(500)
    local before = resident()
    for _ = 1, 40 do
      if not line.tcp:send(many, 300) then break end
    end
    if not (os.getenv "FLAVOR" or ""):find "san" then -- sanitizers keep what was freed
      assert.truthy(resident() - before < 32 * 1024, ("it holds %d KiB for it"):format(resident() - before))
    end
    assert.equal(200, http.get(it_runs, "/healthz").status)
  end)

  it("survives resets at every moment", function()
    for cut = 1, 40 do
      local line = http.open(it_runs)
      local body = '{"method":"echo","params":7}'
      local text = line:head("POST", "/api/rpc", { ["X-API-Key"] = "key", ["Content-Length"] = #body }) .. body
      line:send(text:sub(1, #text * cut // 40))
      line.tcp:reset()
    end
    assert.equal(200, http.get(it_runs, "/healthz").status)
  end)

  it("sends no answer twice and leaves no header open to guessing", function()
    local answer = http.get(it_runs, "/healthz")
    assert.equal("application/json", answer.headers["content-type"])
    assert.equal("nosniff", answer.headers["x-content-type-options"])
    assert.equal("2", answer.headers["content-length"])
    assert.is_nil(answer.headers.server)
  end)
end)

describe("HTTP's patience", function()
  local it_runs

  lazy_setup(function()
    it_runs = server.start {
      scripts = { ["a.lua"] = RULES },
      args = { "--api-key", "key", "--workers", "1", "--head-ms", "150", "--body-ms", "150", "--idle-ms", "150" },
    }
  end)
  lazy_teardown(function() it_runs:stop() end)

  local function cuts()
    return http.metric(it_runs, 'weir_cut_total{reason="timeout"}')
  end

  it("ends with 408 for a head that does not come to its end", function()
    local before = cuts()
    local line <close> = http.open(it_runs)
    line:send "GET /healthz HTTP/1.1\r\nHost: a\r\n"
    local answer = assert(line:answer())
    assert.same({ 408, "close" }, { answer.status, answer.headers.connection })
    assert.same({ "", "closed" }, { line:rest() })
    assert.equal(before + 1, cuts())
  end)

  it("is not prolonged by a head that drips", function()
    local line <close> = http.open(it_runs)
    line:send "GET /healthz HTTP/1.1\r\nHost: a\r\n"
    for _ = 1, 100 do
      if #socket.poll({ line.tcp }, 20) > 0 then break end
      line.tcp:send "A: b\r\n"
    end
    assert.equal(408, assert(line:answer()).status)
  end)

  it("ends with 408 for a body that makes no progress", function()
    local line <close> = http.open(it_runs)
    line:send(line:head("POST", "/api/rpc", { ["X-API-Key"] = "key", ["Content-Length"] = 20 }) .. "{")
    local answer = assert(line:answer())
    assert.same({ 408, "close" }, { answer.status, answer.headers.connection })
  end)

  it("ends for a connection that says nothing", function()
    local line <close> = http.open(it_runs)
    local said, how = line:rest(3000)
    assert.equal("closed", how)
    assert.truthy(said == "" or said:find "^HTTP/1.1 408 ", said)
  end)

  it("counts the silent connections that it cuts", function()
    local before = cuts()
    local line <close> = http.open(it_runs)
    line:rest(1000)
    assert.truthy(cuts() > before)
  end)

  it("ends for a keep-alive connection that is idle, with not a byte", function()
    local line <close> = http.open(it_runs)
    line:ask("GET", "/healthz")
    assert.equal(200, assert(line:answer()).status)
    assert.same({ "", "closed" }, { line:rest(3000) })
  end)
end)

describe("pages in dev mode", function()
  local it_runs

  lazy_setup(function()
    it_runs = server.start {
      command = "dev",
      scripts = {
        ["chat.lua"] = RULES,
        ["index.html"] = "<p>hello",
        ["style.css"] = "p { color: red }",
        ["my-page_2.html"] = "two",
        ["deep/er/page.html"] = "deep",
        ["deep/er/index.html"] = "deep index",
        [".secret.html"] = "secret",
        [".hidden/page.html"] = "hidden",
        ["lib/module.lua"] = "return {}",
        ["chat_spec.lua"] = "-- a test",
        ["notes"] = "no ending",
        ["key.pem"] = "a key",
        ["%2e.html"] = "a strange name",
      },
      args = { "--workers", "1" },
    }
  end)
  lazy_teardown(function() it_runs:stop() end)

  it("are served with their types", function()
    for path, expected in pairs {
      ["/"] = { "text/html; charset=utf-8", "<p>hello" },
      ["/index.html"] = { "text/html; charset=utf-8", "<p>hello" },
      ["/index.html?a=b"] = { "text/html; charset=utf-8", "<p>hello" },
      ["/style.css"] = { "text/css; charset=utf-8", "p { color: red }" },
      ["/my-page_2.html"] = { "text/html; charset=utf-8", "two" },
      ["/deep/er/page.html"] = { "text/html; charset=utf-8", "deep" },
      ["/deep/er/"] = { "text/html; charset=utf-8", "deep index" },
    } do
      local answer = http.get(it_runs, path)
      assert.same({ 200, expected[1], expected[2] }, { answer.status, answer.headers["content-type"], answer.body }, path)
      assert.equal("no-cache", answer.headers["cache-control"])
      assert.equal("nosniff", answer.headers["x-content-type-options"])
    end
  end)

  it("come with /weir.js and its overlay", function()
    local answer = http.get(it_runs, "/weir.js")
    assert.equal("text/javascript; charset=utf-8", answer.headers["content-type"])
    assert.truthy(answer.body:find("weir:dev", 1, true))
  end)

  for _, path in ipairs {
    "/chat.lua", "/lib/module.lua", "/chat_spec.lua", "/notes", "/key.pem", "/deep", "/deep/er", "/deep/",
    "/.secret.html", "/%2esecret.html", "/%2Esecret.html", "/.hidden/page.html", "/%2ehidden/page.html",
    "/../stderr", "/..", "/./index.html", "/deep/../index.html", "/%2e%2e/stderr", "/..%2fstderr", "/%2e%2e%2fstderr",
    "/deep/..%2f..%2f..%2fetc/passwd", "/../../../../etc/passwd", "/..\\stderr", "/..%5cstderr", "/%252e%252e/stderr",
    "/....//stderr", "/deep/er/../../../stderr", "//etc/passwd", "/index.html%00.css", "/index.html%00", "/index.html/",
    "/chat.lua%00.html", "/chat.lua/", "/chat%2elua", "/%63hat.lua", "/index.html;a", "/..;/stderr", "/%", "/%2", "/%zz",
    "/index.html%20", "/~root", "/%2e.html", "/CHAT.LUA", "/nothing.html",
  } do
    it("are not " .. path, function()
      local answer = http.get(it_runs, path)
      assert.equal(404, answer.status)
      assert.is_nil(answer.body:find("secret", 1, true))
    end)
  end

  it("are not reached by an absolute target that climbs", function()
    local line <close> = http.open(it_runs)
    line:send "GET http://a/../stderr HTTP/1.1\r\nHost: a\r\n\r\n"
    assert.equal(404, assert(line:answer()).status)
  end)

  it("are only read", function()
    for _, method in ipairs { "POST", "PUT", "DELETE", "PATCH" } do
      local answer = http.request(it_runs, method, "/index.html")
      assert.same({ 405, "GET, HEAD" }, { answer.status, answer.headers.allow })
    end
  end)

  it("with a fifo among them do not stop the server", function()
    assert(os.execute("mkfifo " .. it_runs.scripts .. "/pipe.html"))
    assert.equal(404, http.get(it_runs, "/pipe.html").status)
    assert.equal(200, http.get(it_runs, "/healthz").status)
  end)
end)
