-- WebSocket over a real socket: the handshake, frames well and badly made, the end.
local http = require "http"
local server = require "server"
local talk = require "talk"

local RULES = [[
channel("room:{name}", { subscribe = "anyone", publish = "anyone" })
]]

describe("a WebSocket", function()
  local it_runs

  lazy_setup(function()
    it_runs = server.start {
      command = "dev",
      scripts = { ["a.lua"] = RULES },
      args = { "--test-echo", "/echo", "--workers", "1" },
    }
  end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(function() assert.is_nil(it_runs:exit_status()) end)

  local function try(headers, more)
    local options = more or {}
    options.headers = headers
    return talk.try(it_runs, options)
  end

  describe("handshake", function()
    it("answers with the key's digest", function()
      local client <close> = try()
      assert.equal(101, client.status)
      assert.truthy(client.head:find("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", 1, true))
      assert.truthy(client.head:lower():find("\r\nupgrade: websocket\r\n", 1, true))
      assert.truthy(client.head:lower():find("\r\nconnection: upgrade\r\n", 1, true))
    end)

    it("takes what browsers and proxies make of the headers", function()
      for _, headers in ipairs {
        { Upgrade = "WebSocket" }, { Upgrade = "h2c, websocket" }, { Connection = "keep-alive, Upgrade" },
        { Connection = "UPGRADE" }, { ["Sec-WebSocket-Extensions"] = "permessage-deflate; client_max_window_bits" },
      } do
        local client <close> = try(headers)
        assert.equal(101, client.status)
        assert.is_nil(client.head:find "Extensions")
      end
    end)

    it("names no subprotocol where none was offered", function()
      local client <close> = try()
      assert.is_nil(client.subprotocol)
      client:connect()
    end)

    it("takes centrifuge-json where it is offered, also among others", function()
      for _, offered in ipairs { "centrifuge-json", "other, centrifuge-json", "centrifuge-protobuf, centrifuge-json" } do
        local client <close> = try { ["Sec-WebSocket-Protocol"] = offered }
        assert.same({ 101, "centrifuge-json" }, { client.status, client.subprotocol }, offered)
        client:connect()
      end
    end)

    it("takes none of those it does not know, and speaks JSON", function()
      local client <close> = try { ["Sec-WebSocket-Protocol"] = "graphql-ws, xmpp" }
      assert.equal(101, client.status)
      assert.is_nil(client.subprotocol)
      client:connect()
    end)

    it("says at once that it does not speak Protobuf", function()
      local client <close> = try { ["Sec-WebSocket-Protocol"] = "centrifuge-protobuf" }
      assert.equal(400, client.status)
      for _, query in ipairs { "?format=protobuf", "?cf_protocol=protobuf" } do
        local other <close> = try({}, { path = "/connection/websocket" .. query })
        assert.equal(400, other.status, query)
      end
    end)

    it("refuses a name that is no UTF-8, instead of taking whoever gives it for nobody", function()
      for query, what in pairs { ["?as=%ff"] = "as", ["?as=ann&roles=a,%c3"] = "roles", ["?as=%ed%a0%80"] = "as" } do
        local answer = http.request(it_runs, "GET", "/connection/websocket" .. query, {
          Upgrade = "websocket", Connection = "Upgrade", ["Sec-WebSocket-Version"] = "13",
          ["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ==" })
        assert.same({ 400, "400 Bad Request: what ?" .. what .. "= says is not valid UTF-8\n" },
          { answer.status, answer.body }, query)
      end
      local good <close> = try({}, { path = "/connection/websocket?as=%c3%84nne" })
      assert.equal(101, good.status)
    end)

    for name, case in pairs {
      ["version 8"] = { 426, { ["Sec-WebSocket-Version"] = "8" } },
      ["no version"] = { 426, { ["Sec-WebSocket-Version"] = false } },
      ["no key"] = { 400, { ["Sec-WebSocket-Key"] = false } },
      ["a short key"] = { 400, { ["Sec-WebSocket-Key"] = "c2hvcnQ=" } },
      ["a key that is no base64"] = { 400, { ["Sec-WebSocket-Key"] = "!!!!!!!!!!!!!!!!!!!!!!==" } },
      ["no Upgrade"] = { 400, { Upgrade = false } },
      ["another Upgrade"] = { 400, { Upgrade = "h2c" } },
      ["no Connection"] = { 400, { Connection = false } },
      ["Connection: close"] = { 400, { Connection = "close" } },
      ["a body"] = { 400, { ["Content-Length"] = "3" }, body = "abc" },
      ["two Hosts"] = { 400, { Host = "a\r\nHost: b" } },
    } do
      it("is refused for " .. name, function()
        local client <close> = talk.try(it_runs, { headers = case[2], body = case.body })
        assert.equal(case[1], client.status)
        if case[1] == 426 then assert.truthy(client.head:find("Sec-WebSocket-Version: 13", 1, true)) end
      end)
    end

    it("is refused by POST and by HTTP/1.0", function()
      local client <close> = talk.try(it_runs, { method = "POST" })
      assert.equal(405, client.status)
      local line <close> = http.open(it_runs)
      line:send((talk.request(it_runs):gsub("HTTP/1%.1", "HTTP/1.0")))
      assert.equal(400, line:answer().status)
    end)

    it("takes frames that came with it", function()
      local line <close> = http.open(it_runs)
      line:send(talk.request(it_runs) .. talk.frame("text", '{"id":1,"connect":{}}'))
      assert.truthy(line.tcp:read_until("\r\n\r\n"):find "101")
      assert.truthy(line.tcp:read_until("}}"):find('{"id":1,"connect":{"client":', 1, true))
    end)

    it("takes frames byte by byte", function()
      local client <close> = talk.to(it_runs)
      local bytes = talk.frame("text", '{"id":1,"connect":{}}')
      for i = 1, #bytes do client:send_bytes(bytes:sub(i, i)) end
      assert.truthy(client:reply(1).connect)
    end)
  end)

  describe("from a page", function()
    local function status_of(origin, host)
      local client <close> = try { Origin = origin, Host = host or nil }
      return client.status
    end

    it("of this machine may connect in dev mode", function()
      for _, origin in ipairs {
        "http://localhost", "http://localhost:3000", "http://127.0.0.1:8000", "https://localhost:8443", "http://[::1]:80",
      } do
        assert.equal(101, status_of(origin), origin)
      end
    end)

    for _, origin in ipairs {
      "https://evil.example", "null", "", "http://localhost.evil.example", "http://evil.example/localhost",
      "http://localhost:3000.evil.example", "http://localhost@evil.example", "http://evil-localhost", "http://xlocalhost",
      "http://127.0.0.1.evil.example", "http://127.0.0.10", "http://LOCALHOST", "HTTP://localhost", "ftp://localhost",
      "http://localhost:", "http://localhost:abc", "http://localhost:123456", "http://localhost/", "http://localhost ,null",
      "file://", "chrome-extension://localhost", "http://localhost http://evil.example", "localhost", "//localhost",
    } do
      it("of the origin " .. ("%q"):format(origin) .. " may not", function()
        assert.equal(403, status_of(origin))
      end)
    end

    it("that reached this machine under a stranger's name may not (DNS rebinding)", function()
      local port = it_runs.port
      assert.equal(403, status_of("http://evil.example:" .. port, "evil.example:" .. port))
    end)

    it("may not use the server API of dev mode either, where its origin is a stranger's", function()
      for _, origin in ipairs { "https://evil.example", "null" } do
        assert.equal(401, http.post(it_runs, "/api/info", "{}", { Origin = origin }).status)
      end
      assert.equal(200, http.post(it_runs, "/api/info", "{}", { Origin = "http://localhost:3000" }).status)
    end)

    it("is counted and logged when it is refused", function()
      local before = http.metric(it_runs, 'weir_refused_total{reason="origin"}')
      assert.equal(403, status_of "https://evil.example")
      assert.equal(before + 1, http.metric(it_runs, 'weir_refused_total{reason="origin"}'))
      it_runs:wait_log "origin.-https://evil%.example"
    end)
  end)

  local function echo()
    return talk.to(it_runs, { path = "/echo" })
  end

  -- What a client that sends these bytes is closed with.
  local function closed_after(bytes)
    local client <close> = echo()
    client:send_bytes(bytes)
    local code, reason = client:closed()
    assert.equal("closed", (client:hung_up()))
    return code, reason
  end

  describe("is closed with 1002 for", function()
    local frame = talk.frame
    for name, bytes in pairs {
      ["a frame without mask"] = frame("text", "hi", { mask = false }),
      ["an empty frame without mask"] = frame("text", "", { mask = false }),
      ["reserved bit 1"] = frame("text", "hi", { rsv = 4 }),
      ["reserved bit 2"] = frame("text", "hi", { rsv = 2 }),
      ["reserved bit 3"] = frame("text", "hi", { rsv = 1 }),
      ["a reserved bit on a control frame"] = frame("ping", "hi", { rsv = 4 }),
      ["opcode 3"] = frame(3, "hi"),
      ["opcode 7"] = frame(7, "hi"),
      ["opcode 11"] = frame(11, "hi"),
      ["opcode 15"] = frame(15, "hi"),
      ["a fragmented ping"] = frame("ping", "hi", { fin = false }),
      ["a fragmented close"] = frame("close", "", { fin = false }),
      ["a ping of 126 bytes"] = frame("ping", ("a"):rep(126)),
      ["a continuation of nothing"] = frame("continuation", "hi"),
      ["a message inside a message"] = frame("text", "a", { fin = false }) .. frame("text", "b"),
      ["a close frame of one byte"] = frame("close", "\3"),
      ["close code 0"] = frame("close", "\0\0"),
      ["close code 999"] = frame("close", (">I2"):pack(999)),
      ["close code 1004"] = frame("close", (">I2"):pack(1004)),
      ["close code 1005"] = frame("close", (">I2"):pack(1005)),
      ["close code 1006"] = frame("close", (">I2"):pack(1006)),
      ["close code 1015"] = frame("close", (">I2"):pack(1015)),
      ["close code 1100"] = frame("close", (">I2"):pack(1100)),
      ["close code 2000"] = frame("close", (">I2"):pack(2000)),
      ["close code 5000"] = frame("close", (">I2"):pack(5000)),
      ["65535 bytes in the long form"] = "\x82\xff" .. (">I8"):pack(5) .. "\0\0\0\0hello",
      ["5 bytes in the middle form"] = "\x82\xfe" .. (">I2"):pack(5) .. "\0\0\0\0hello",
      ["a length with the highest bit set"] = "\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0",
    } do
      it(name, function()
        local code, reason = closed_after(bytes)
        assert.equal(1002, code)
        assert.truthy(#reason > 0 and #reason <= 123)
      end)
    end
  end)

  describe("is closed with 1007 for", function()
    local frame = talk.frame
    for name, bytes in pairs {
      ["text that is no UTF-8"] = frame("text", "\xff"),
      ["an overlong slash"] = frame("text", "\xc0\xaf"),
      ["a surrogate"] = frame("text", "\xed\xa0\x80"),
      ["something beyond U+10FFFF"] = frame("text", "\xf4\x90\x80\x80"),
      ["text that ends inside a character"] = frame("text", "a\xe2\x82"),
      ["a bad byte in the second fragment"] = frame("text", "a\xe2", { fin = false }) .. frame("continuation", "\x28"),
      ["a close reason that is no UTF-8"] = frame("close", "\x03\xe8\xff"),
    } do
      it(name, function() assert.equal(1007, (closed_after(bytes))) end)
    end
  end)

  it("is closed with 1009 for a message beyond its bound, before it has come", function()
    local client <close> = talk.to(it_runs)
    client:send_bytes("\x81\xff" .. (">I8"):pack(65537) .. "\0\0\0\0")
    assert.equal(1009, (client:closed()))
    local echoing <close> = echo()
    echoing:send_bytes("\x82\xff" .. (">I8"):pack(16 * 1024 * 1024 + 1) .. "\0\0\0\0")
    assert.equal(1009, (echoing:closed()))
  end)

  it("is closed with 1009 for fragments that grow beyond its bound", function()
    local client <close> = talk.to(it_runs)
    client:send("text", (" "):rep(40000), { fin = false }):send("continuation", (" "):rep(40000))
    assert.equal(1009, (client:closed()))
  end)

  it("takes a message of exactly its bound", function()
    local client <close> = talk.to(it_runs):connect()
    local head = '{"id":9,"publish":{"channel":"room:a","data":"'
    client:send_text(head .. ("x"):rep(65536 - #head - 3) .. '"}}')
    assert.truthy(client:reply(9))
  end)

  it("is closed with 1008 for a message of more than 1024 fragments", function()
    local client <close> = talk.to(it_runs)
    client:send("text", "{", { fin = false })
    client:send_bytes(talk.frame("continuation", " ", { fin = false }):rep(1025))
    assert.equal(1008, (client:closed()))
  end)

  it("is closed with 3501 for a binary message in the JSON dialect", function()
    local client <close> = talk.to(it_runs)
    client:send("binary", '{"id":1,"connect":{}}')
    assert.equal(3501, (client:closed()))
  end)

  describe("ends", function()
    it("with the code that the peer gave", function()
      for _, code in ipairs { 1000, 1001, 1003, 1008, 1011, 3000, 4999 } do
        local client <close> = echo()
        client:send("close", (">I2"):pack(code) .. "so long")
        assert.equal(code, (client:closed()))
        assert.equal("closed", (client:hung_up()))
      end
    end)

    it("well where the peer gave none", function()
      local client <close> = echo()
      client:send("close")
      assert.truthy(({ [1000] = true, [1005] = true })[client:closed()])
      assert.equal("closed", (client:hung_up()))
    end)

    it("with every answer to what came before", function()
      local client <close> = echo()
      client:send_bytes(talk.frame("text", "one") .. talk.frame("ping", "two") .. talk.frame("close", "\x03\xe8")
        .. talk.frame("text", "three"))
      assert.equal("one", client:next_frame().payload)
      assert.same({ 10, "two" }, { (function(f) return f.opcode, f.payload end)(client:next_frame()) })
      assert.equal(8, client:next_frame().opcode)
      assert.same({ nil, "closed" }, { client:next_frame() })
    end)

    it("without a word where the peer just goes", function()
      for _ = 1, 20 do
        local client = talk.to(it_runs):connect():join "room:gone"
        client.tcp:reset()
      end
      local other <close> = talk.to(it_runs):connect():join "room:gone"
      other:says("room:gone", 1):hears("room:gone", 1)
    end)
  end)

  describe("echoes", function()
    local SIZES = { 0, 1, 125, 126, 127, 65535, 65536, 1024 * 1024, 16 * 1024 * 1024 }

    local function pattern(size)
      return (("0123456789abcdef"):rep(size // 16 + 1)):sub(1, size)
    end

    for _, size in ipairs(SIZES) do
      it(size .. " bytes, text and binary", function()
        local client <close> = echo()
        local bytes = pattern(size)
        for _, opcode in ipairs { "text", "binary" } do
          client:send(opcode, bytes)
          local frame = assert(client:next_frame())
          assert.equal(opcode == "text" and 1 or 2, frame.opcode)
          assert.truthy(frame.fin)
          assert.equal(0, frame.rsv)
          assert.truthy(frame.payload == bytes, "other bytes came back")
        end
      end)
    end

    it("any byte in binary", function()
      local client <close> = echo()
      local all = {}
      for i = 0, 255 do all[i + 1] = string.char(i) end
      client:send("binary", table.concat(all))
      assert.equal(table.concat(all), client:next_frame().payload)
    end)

    it("fragments as one message, with pings in between", function()
      local client <close> = echo()
      local euro = "\xe2\x82\xac"
      client:send("text", "a" .. euro:sub(1, 1), { fin = false }):send("ping", "now")
      client:send("continuation", euro:sub(2, 2), { fin = false }):send("continuation", "", { fin = false })
      client:send("ping", ""):send("continuation", euro:sub(3, 3) .. "b")
      local pong = client:next_frame()
      assert.same({ 10, "now" }, { pong.opcode, pong.payload })
      assert.equal(10, client:next_frame().opcode)
      local message = client:next_frame()
      assert.same({ 1, "a" .. euro .. "b" }, { message.opcode, message.payload })
    end)

    it("16 MiB in 1,000 fragments", function()
      local client <close> = echo()
      local part = pattern(16777)
      local one = talk.frame("continuation", part, { fin = false })
      client:send("binary", part, { fin = false })
      client:send_bytes(one:rep(998))
      client:send("continuation", part)
      local frame = assert(client:next_frame())
      assert.equal(2, frame.opcode)
      assert.truthy(frame.payload == part:rep(1000), "other bytes came back")
    end)

    it("message after message, big and small, with pings behind them, to a client that reads last", function()
      local client <close> = echo()
      local big = pattern(4 * 1024 * 1024)
      client:send("binary", big):send("ping", "p"):send("text", "small")
      assert.truthy(assert(client:next_frame()).payload == big)
      assert.equal("p", assert(client:next_frame()).payload)
      assert.equal("small", assert(client:next_frame()).payload)
    end)

    it("a flood of small ones, which takes it more than one turn", function()
      local client <close> = echo()
      local some = {}
      for n = 1, 20000 do some[n] = talk.frame("text", tostring(n)) end
      client:send_bytes(table.concat(some))
      for n = 1, 20000 do assert.equal(tostring(n), assert(client:next_frame()).payload) end
    end)

    it("nothing for a pong that nobody asked for", function()
      local client <close> = echo()
      client:send("pong", "?"):send("text", "after")
      assert.equal("after", client:next_frame().payload)
    end)
  end)
end)

describe("a WebSocket in serve mode", function()
  local it_runs

  lazy_setup(function()
    it_runs = server.start {
      scripts = { ["a.lua"] = RULES },
      args = { "--workers", "1", "--origins", "https://app.example,http://other.example:8080" },
    }
  end)
  lazy_teardown(function() it_runs:stop() end)

  local function status_of(origin, host)
    local client <close> = talk.try(it_runs, { headers = { Origin = origin, Host = host } })
    return client.status
  end

  it("is for pages on the list, and for programs, which have no origin", function()
    assert.equal(101, status_of "https://app.example")
    assert.equal(101, status_of "http://other.example:8080")
    assert.equal(101, status_of(nil))
  end)

  for _, origin in ipairs {
    "https://app.example:443", "https://app.example:8443", "http://app.example", "https://APP.example", "HTTPS://app.example",
    "https://app.example.evil.example", "https://evil.example", "https://xapp.example", "https://sub.app.example", "null",
    "https://app.example/", "https://app.example,http://other.example:8080", "http://other.example", "http://localhost",
    "http://127.0.0.1:8000", "", "http://other.example:80800", "https://app.exampl",
  } do
    it("is not for " .. ("%q"):format(origin), function()
      assert.equal(403, status_of(origin))
    end)
  end

  it("is not for a page of the very host that was asked, if it is not on the list", function()
    assert.equal(403, status_of("http://evil.example", "evil.example"))
  end)

  it("has no echo", function()
    local client <close> = talk.try(it_runs, { path = "/echo" })
    assert.equal(404, client.status)
  end)
end)
