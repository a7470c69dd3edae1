local http = require "room.http"

local function lines(...)
  return table.concat({ ... }, "\r\n") .. "\r\n\r\n"
end

-- A request for / with these lines after its Host.
local function get(...)
  return lines("GET / HTTP/1.1", "Host: a", ...)
end

local function upgrade(change)
  local fields = {
    { "Host", "a" }, { "Upgrade", "websocket" }, { "Connection", "Upgrade" },
    { "Sec-WebSocket-Version", "13" }, { "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==" },
  }
  local request = { line = "GET /connection HTTP/1.1" }
  if change then change(fields, request) end
  local text = { request.line }
  for _, field in ipairs(fields) do text[#text + 1] = field[1] .. ": " .. field[2] end
  return lines(table.unpack(text))
end

local function set(name, value)
  return function(fields)
    for i, field in ipairs(fields) do
      if field[1] == name then
        if value then field[2] = value else table.remove(fields, i) end
        return
      end
    end
    fields[#fields + 1] = { name, value }
  end
end

local function add(name, value)
  return function(fields) fields[#fields + 1] = { name, value } end
end

-- The verdict on growing prefixes, as a connection would ask for it.
local function parse_growing(bytes, next_length)
  local length = 0
  repeat
    length = math.min(next_length(length), #bytes)
    local verdict = http.parse(bytes:sub(1, length))
    if verdict.step ~= "more" then return verdict end
  until length == #bytes
  return { step = "more" }
end

local function one_more(length) return length + 1 end
local function some_more(length) return length + math.random(1, 40) end

-- Parses, and makes sure that it does not matter how the bytes were cut.
local function parse(bytes)
  local whole = http.parse(bytes)
  if #bytes < 8192 then assert.same(whole, parse_growing(bytes, one_more)) end
  assert.same(whole, parse_growing(bytes, some_more))
  return whole
end

local function accepts(bytes)
  local head = parse(bytes)
  assert.equal("done", head.step, head.why)
  return head
end

local function refuses(status, bytes)
  local verdict = parse(bytes)
  assert.equal("bad", verdict.step)
  assert.equal(status, verdict.status, verdict.why)
  assert.is_true(#verdict.why > 0)
  assert.not_equal("Error", http.status_text(status))
  return verdict.why
end

local function waits(bytes)
  assert.equal("more", parse(bytes).step)
end

describe("wire/http, reading a head", function()
  it("takes a request apart", function()
    local bytes = lines("GET /a/b?x=1&y HTTP/1.1", "Host: example.org:8000", "Accept:\t */* \t", "X-Empty:")
    local head = accepts(bytes .. "rest")
    assert.equal(#bytes, head.used)
    assert.equal("GET", head.method)
    assert.equal("/a/b?x=1&y", head.target)
    assert.equal("/a/b", head.path)
    assert.equal("x=1&y", head.query)
    assert.equal("example.org:8000", head.host)
    assert.equal(1, head.minor)
    assert.same({ { name = "Host", value = "example.org:8000" }, { name = "Accept", value = "*/*" },
      { name = "X-Empty", value = "" } }, head.fields)
    assert.is_false(head.has_length)
    assert.is_false(head.is_chunked)
  end)

  it("waits while the head is not complete", function()
    local bytes = get("Accept: */*")
    for length = 0, #bytes - 1 do waits(bytes:sub(1, length)) end
  end)

  it("skips one empty line before the request, and no second one", function()
    assert.equal("GET", accepts("\r\n" .. get()).method)
    assert.equal(2 + #get(), accepts("\r\n" .. get()).used)
    refuses(400, "\r\n\r\n" .. get())
    refuses(400, "\n" .. get())
  end)

  it("takes any token for a method, and minds its case", function()
    assert.equal("M-SEARCH!#$%&'*+.^_`|~09", accepts(lines("M-SEARCH!#$%&'*+.^_`|~09 / HTTP/1.1", "Host: a")).method)
    assert.equal("get", accepts(lines("get / HTTP/1.1", "Host: a")).method)
  end)

  it("refuses a method that is no token", function()
    for _, method in ipairs { "", "G(T", "G\0T", "G\tT", "GÉT", '"GET"', "GET:" } do
      refuses(400, lines(method .. " / HTTP/1.1", "Host: a"))
    end
  end)

  it("refuses a request line that is not three parts with single spaces", function()
    for _, line in ipairs { "GET", "GET /", "GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1",
      "GET\t/ HTTP/1.1", "GET / HTTP/1.1 x", "GET / b HTTP/1.1", "/ HTTP/1.1" } do
      refuses(400, lines(line, "Host: a"))
    end
  end)

  it("refuses what is not HTTP, and versions other than 1.0 and 1.1", function()
    for _, version in ipairs { "HTTP/1", "HTTP/1.", "HTTP/1.11", "HTTP/11.1", "http/1.1", "HTTP 1.1", "HTTP/1,1",
      "HTTP/+1.1", "HTTP/1.x", "HTTP/x.1", "ICAP/1.0" } do
      refuses(400, lines("GET / " .. version, "Host: a"))
    end
    for _, version in ipairs { "HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/3" } do
      refuses(505, lines("GET / " .. version, "Host: a"))
    end
    refuses(400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
  end)

  it("refuses control bytes, fragments and bytes beyond ASCII in the target", function()
    for byte = 0, 255 do
      local target = "/a" .. string.char(byte) .. "b"
      local is_fine = byte > 0x20 and byte < 0x7f and byte ~= ("#"):byte()
      if is_fine then
        accepts(lines("GET " .. target .. " HTTP/1.1", "Host: a"))
      else
        refuses(400, lines("GET " .. target .. " HTTP/1.1", "Host: a"))
      end
    end
  end)

  it("takes an http URL as target, whose host then counts", function()
    local head = accepts(lines("GET http://real:80/p?q HTTP/1.1", "Host: other"))
    assert.equal("real:80", head.host)
    assert.equal("/p", head.path)
    assert.equal("q", head.query)
    head = accepts(lines("GET HTTPS://[::1]?q HTTP/1.1", "Host: other"))
    assert.equal("[::1]", head.host)
    assert.equal("/", head.path)
    assert.equal("q", head.query)
    assert.equal("/", accepts(lines("GET http://a HTTP/1.1", "Host: a")).path)
  end)

  it("refuses other targets", function()
    for _, target in ipairs { "a", "a/b", "example.org:443", "ftp://a/", "http:///p", "http://", "http://u@h/", "?q",
      "*", "http:/a", "**" } do
      refuses(400, lines("GET " .. target .. " HTTP/1.1", "Host: a"))
    end
    refuses(400, lines("CONNECT example.org:443 HTTP/1.1", "Host: a"))
  end)

  it("takes * as target of OPTIONS alone", function()
    assert.equal("*", accepts(lines("OPTIONS * HTTP/1.1", "Host: a")).path)
    refuses(400, lines("POST * HTTP/1.1", "Host: a"))
  end)

  it("takes a target of 16384 bytes and answers 414 to a longer one", function()
    accepts(lines("GET /" .. ("a"):rep(16383) .. " HTTP/1.1", "Host: a"))
    refuses(414, lines("GET /" .. ("a"):rep(16384) .. " HTTP/1.1", "Host: a"))
    refuses(414, "GET /" .. ("a"):rep(16384))
  end)

  it("answers 414 to a request line that fills the head", function()
    waits(("A"):rep(24575))
    refuses(414, ("A"):rep(24576))
    refuses(414, ("A"):rep(25000) .. " / HTTP/1.1\r\n\r\n")
  end)

  it("takes a head of 24576 bytes and answers 431 to a longer one", function()
    local rest = 24576 - #get("X: ")
    assert.equal(24576, accepts(get("X: " .. ("a"):rep(rest))).used)
    refuses(431, get("X: " .. ("a"):rep(rest + 1)))
    refuses(431, get("X: " .. ("a"):rep(50000)))
    refuses(431, (get("X: " .. ("a"):rep(rest + 1)):sub(1, 24576)))
  end)

  it("takes 100 fields and answers 431 to one more", function()
    local fields = {}
    for i = 1, 99 do fields[i] = "X" .. i .. ": y" end
    assert.equal(100, #accepts(get(table.unpack(fields))).fields)
    fields[100] = "Y: y"
    refuses(431, get(table.unpack(fields)))
  end)

  it("refuses line ends other than CR LF at once", function()
    local bytes = get("Accept: x", "B: y")
    for at in bytes:gmatch("()\r\n") do
      local before, after = bytes:sub(1, at - 1), bytes:sub(at + 2)
      refuses(400, before .. "\n" .. after)
      refuses(400, before .. "\r" .. after .. "x")
      refuses(400, before .. "\n")
      refuses(400, before .. "\rx")
    end
  end)

  it("refuses a field that goes on in the next line", function()
    assert.matches("continued", refuses(400, get("A: b", " c")))
    refuses(400, get("A: b", "\tc"))
    refuses(400, lines("GET / HTTP/1.1", " Host: a"))
  end)

  it("refuses names that are no tokens, and space before the colon", function()
    for _, field in ipairs { ": b", "A : b", "A\t: b", "A", "A b: c", "A\0: b", "Ä: b", "A(: b", "A/B: c", '"A": b' } do
      refuses(400, get(field))
    end
  end)

  it("refuses control bytes in values, and takes all others", function()
    for byte = 0, 255 do
      local bytes = get("A: x" .. string.char(byte) .. "y")
      if byte >= 0x20 and byte ~= 0x7f or byte == 9 then accepts(bytes) else refuses(400, bytes) end
    end
  end)

  it("wants exactly one Host of HTTP/1.1", function()
    refuses(400, lines("GET / HTTP/1.1"))
    refuses(400, lines("GET / HTTP/1.1", "Hos: a", "Hostt: a"))
    refuses(400, lines("GET / HTTP/1.1", "Host: a", "Host: a"))
    refuses(400, lines("GET / HTTP/1.1", "Host: a", "hOST: b"))
    refuses(400, lines("GET http://a/ HTTP/1.1"))
  end)

  it("lets HTTP/1.0 go without a Host, but not with two", function()
    assert.is_nil(accepts(lines("GET / HTTP/1.0")).host)
    refuses(400, lines("GET / HTTP/1.0", "Host: a", "Host: a"))
  end)

  it("wants a Host to be a host name with an optional port", function()
    for _, host in ipairs { "a", "a.b-c_d~e", "127.0.0.1:80", "[::1]", "[fe80::1]:8000", "a:", "xn--bcher-kva.example" } do
      assert.equal(host, accepts(lines("GET / HTTP/1.1", "Host: " .. host)).host)
    end
    for _, host in ipairs { "", "a b", "a,b", "a/b", "u@h", "a:b", "a:1:2", "[::1", "[]", "::1", ":80", "[::1]x", "a#",
      "a?b", "http://a", "ä" } do
      refuses(400, lines("GET / HTTP/1.1", "Host: " .. host))
    end
  end)

  it("takes one Content-Length of digits", function()
    local head = accepts(get("Content-Length: 012"))
    assert.is_true(head.has_length)
    assert.equal(12, head.length)
    for _, length in ipairs { "", "+1", "-1", "1x", "0x10", "1 2", "1,1", "1, 1", "1.0", "1e3" } do
      refuses(400, get("Content-Length: " .. length))
    end
  end)

  it("refuses a second Content-Length even when it says the same", function()
    refuses(400, get("Content-Length: 5", "Content-Length: 5"))
    refuses(400, get("Content-Length: 5", "content-length: 6"))
  end)

  it("answers 413 to a Content-Length that no counter holds", function()
    assert.equal(math.maxinteger, accepts(get("Content-Length: 9223372036854775807")).length)
    refuses(413, get("Content-Length: 18446744073709551616"))
    refuses(413, get("Content-Length: 184467440737095516160000"))
  end)

  it("takes chunked as the only transfer coding", function()
    assert.is_true(accepts(get("Transfer-Encoding: Chunked")).is_chunked)
    for _, coding in ipairs { "gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "identity", "xchunked",
      "chunked;a=b", "", ",chunked", "chunked," } do
      refuses(501, get("Transfer-Encoding: " .. coding))
    end
  end)

  it("refuses Transfer-Encoding twice, beside Content-Length, and on HTTP/1.0", function()
    refuses(400, get("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"))
    refuses(400, get("Transfer-Encoding: chunked", "Content-Length: 5"))
    refuses(400, get("Content-Length: 5", "Transfer-Encoding: chunked"))
    refuses(400, get("Content-Length: 0", "Transfer-Encoding: chunked"))
    refuses(400, lines("POST / HTTP/1.0", "Transfer-Encoding: chunked"))
  end)

  it("knows the expectation 100-continue and answers 417 to others", function()
    assert.is_true(accepts(get("Expect: 100-Continue")).expects_continue)
    assert.is_false(accepts(lines("GET / HTTP/1.0", "Expect: 100-continue")).expects_continue)
    assert.is_false(accepts(get()).expects_continue)
    refuses(417, get("Expect: 100-continue, x"))
    refuses(417, get("Expect: 200-ok"))
    refuses(417, get("Expect:"))
  end)

  it("keeps the connection of HTTP/1.1 unless asked to close, of HTTP/1.0 only when asked", function()
    local function keeps(...) return accepts(lines(...)).keep_alive end
    assert.is_true(keeps("GET / HTTP/1.1", "Host: a"))
    assert.is_false(keeps("GET / HTTP/1.1", "Host: a", "Connection: Close"))
    assert.is_false(keeps("GET / HTTP/1.1", "Host: a", "Connection: x", "Connection: y ,close"))
    assert.is_true(keeps("GET / HTTP/1.1", "Host: a", "Connection: closed"))
    assert.is_false(keeps("GET / HTTP/1.0"))
    assert.is_true(keeps("GET / HTTP/1.0", "Connection: Keep-Alive"))
    assert.is_false(keeps("GET / HTTP/1.0", "Connection: keep-alive, close"))
  end)

  it("takes a field apart from others whose names begin alike", function()
    local bytes = get("Sec-WebSocket-Key1: no", "Sec-WebSocket: no", "sec-websocket-KEY: yes")
    assert.equal("yes", http.find(bytes, "sec-websocket-key"))
    assert.is_nil(http.find(bytes, "sec-websocket-ke"))
    assert.equal("1", http.find(get("A: 1", "a: 2"), "A"))
  end)

  it("finds tokens in lists over all lines, whatever their case", function()
    local bytes = get("A: one ,\tTwo,", "B: four", "a: three;x=1")
    for _, token in ipairs { "one", "two", "ONE" } do assert.is_true(http.has_token(bytes, "a", token)) end
    for _, token in ipairs { "four", "three", "on", "one ,\tTwo" } do
      assert.is_false(http.has_token(bytes, "a", token))
    end
  end)

  it("comes to the same verdict on random changes however the bytes are cut", function()
    math.randomseed(11)
    local seeds = { get("Accept: x"), upgrade(), get("Transfer-Encoding: chunked", "Expect: 100-continue"),
      lines("POST http://h/p?q HTTP/1.0", "Connection: keep-alive", "Content-Length: 12") }
    local odd = { "\r", "\n", "\r\n", " ", ":", "\0", "\t", ",", "\255", "HTTP/1.1", "Host: b\r\n", "chunked", "#", "1" }
    local steps = {}
    for _ = 1, 600 do
      local bytes = seeds[math.random(#seeds)]
      for _ = 1, math.random(1, 3) do
        local at = math.random(0, #bytes)
        bytes = bytes:sub(1, at) .. odd[math.random(#odd)] .. bytes:sub(at + math.random(1, 3))
      end
      if math.random(5) == 1 then bytes = bytes:sub(1, math.random(0, #bytes)) end
      local step = parse(bytes).step
      steps[step] = (steps[step] or 0) + 1
    end
    assert.is_true(steps.bad > 100 and steps.done > 20 and steps.more > 20)
  end)
end)

describe("wire/http, reading a query", function()
  it("gives a parameter decoded", function()
    assert.equal("a b&=ä\0", http.query("x=1&y=a+b%26%3d%C3%a4%00&y=2", "y"))
    assert.equal("", http.query("x&y=", "x"))
    assert.equal("", http.query("x&y=", "y"))
    assert.equal("a=b", http.query("x=a=b", "x"))
    assert.equal("1", http.query("a%20b=1", "a b"))
    assert.equal("1", http.query("&&x=1", "x"))
  end)

  it("says when there is none of that name", function()
    for _, query in ipairs { "", "y=1", "xx=1", "X=1", "y=x", "y&x1", "&", "=x" } do
      assert.is_nil(http.query(query, "x"))
    end
  end)

  it("leaves a percent sign alone that no two digits follow", function()
    for _, value in ipairs { "%", "%4", "%zz", "%4z", "100%", "%%" } do
      assert.equal(value, http.query("x=" .. value, "x"))
    end
    assert.equal("%A", http.query("x=%%41", "x"))
  end)
end)

describe("wire/http, asked for a WebSocket", function()
  local function answers(status, change)
    local head = accepts(upgrade(change))
    assert.equal("bad", head.upgrade.step)
    assert.equal(status, head.upgrade.status, head.upgrade.why)
    return head.upgrade.why
  end

  it("gives the key and the subprotocols", function()
    local head = accepts(upgrade(add("Sec-WebSocket-Protocol", "a, b")))
    assert.is_true(head.wants_upgrade)
    assert.same({ key = "dGhlIHNhbXBsZSBub25jZQ==", protocols = "a, b" }, head.upgrade)
    assert.equal("", accepts(upgrade()).upgrade.protocols)
  end)

  it("takes lists and any case in Upgrade and Connection", function()
    local head = accepts(upgrade(function(fields, request)
      set("Upgrade", "h2c, WebSocket")(fields, request)
      set("Connection", "keep-alive, UPGRADE")(fields, request)
    end))
    assert.is_nil(head.upgrade.step)
  end)

  it("tells a plain request from one that asks badly", function()
    assert.is_false(accepts(get()).wants_upgrade)
    assert.is_false(accepts(get("Upgrade: h2c", "Connection: Upgrade")).wants_upgrade)
    assert.is_true(accepts(get("Upgrade: websocket")).wants_upgrade)
    assert.is_true(accepts(upgrade(set("Upgrade"))).wants_upgrade)
  end)

  it("wants GET", function()
    for _, method in ipairs { "POST", "get", "HEAD" } do
      answers(400, function(_, request) request.line = method .. " / HTTP/1.1" end)
    end
  end)

  it("wants HTTP/1.1", function()
    answers(400, function(_, request) request.line = "GET / HTTP/1.0" end)
  end)

  it("wants Upgrade: websocket and Connection: upgrade, and says what is missing", function()
    assert.matches("Upgrade: websocket", answers(400, set("Upgrade")))
    assert.matches("Upgrade: websocket", answers(400, set("Upgrade", "websockets")))
    assert.matches("Connection: upgrade", answers(400, set("Connection")))
    assert.matches("Connection: upgrade", answers(400, set("Connection", "keep-alive")))
  end)

  it("answers 426 to versions other than 13", function()
    for _, version in ipairs { "8", "0", "013", "13 13", "13, 8", "" } do
      answers(426, set("Sec-WebSocket-Version", version))
    end
    answers(426, set("Sec-WebSocket-Version"))
  end)

  it("wants the version once", function()
    answers(400, add("Sec-WebSocket-Version", "13"))
    answers(400, add("sec-websocket-version", "8"))
  end)

  it("wants a key of 16 bytes in base64", function()
    for _, key in ipairs { "", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ===",
      "dGhlIHNhbXBsZSBub25jZWU=", "dGhlIHNhbXBsZSBub25jZWVl", "dGhlIHNhbXBsZSBub25-ZQ==", "dGhlIHNhbXBsZSBub25_ZQ==",
      "dGhlIHNhbXBsZSBub2 jZQ==", "dGhlIHNhbXBsZSBub=5jZQ==", "========================", "x" } do
      answers(400, set("Sec-WebSocket-Key", key))
    end
    assert.is_nil(accepts(upgrade(set("Sec-WebSocket-Key", "+/09AZaz+/09AZaz+/09AQ=="))).upgrade.step)
  end)

  it("wants the key once", function()
    answers(400, add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="))
    answers(400, set("Sec-WebSocket-Key"))
  end)

  it("wants no body", function()
    answers(400, add("Content-Length", "1"))
    answers(400, add("Transfer-Encoding", "chunked"))
    assert.is_nil(accepts(upgrade(add("Content-Length", "0"))).upgrade.step)
  end)
end)

describe("wire/http, naming a status", function()
  it("knows what it may answer", function()
    assert.equal("Not Found", http.status_text(404))
    assert.equal("Switching Protocols", http.status_text(101))
    assert.equal("Upgrade Required", http.status_text(426))
    assert.equal("Error", http.status_text(499))
  end)
end)
