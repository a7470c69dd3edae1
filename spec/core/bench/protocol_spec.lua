local bench = require "room.bench"
local cjson = require "cjson"

describe("the protocol weir", function()
  it("connects, with or without a token, and subscribes", function()
    assert.same({ id = 1, connect = {} }, cjson.decode(bench.say("weir", 0)))
    assert.same({ id = 1, connect = { token = "a.b.c" } }, cjson.decode(bench.say("weir", 0, "room:1", "a.b.c")))
    assert.same({ id = 2, subscribe = { channel = "room:1" } }, cjson.decode(bench.say("weir", 1, "room:1")))
  end)

  it("waits for each reply, and tells a refusal in the server's words", function()
    assert.equal("step", (bench.hear("weir", 0, '{"id":1,"connect":{"client":"x"}}')))
    assert.equal("other", (bench.hear("weir", 1, '{"id":1,"connect":{"client":"x"}}')))
    assert.equal("step", (bench.hear("weir", 1, '{"id":2,"subscribe":{}}')))
    local what, why = bench.hear("weir", 1, '{"id":2,"error":{"code":103,"message":"permission denied"}}\n')
    assert.equal("refusal", what)
    assert.matches("^the server answered subscribe with {.*permission denied\"}}$", why)
  end)

  it("answers pings, alone or gathered with others", function()
    for _, text in ipairs { "{}", "{}\n", '{"push":1}\n{}', '{}\n{"push":1}' } do
      assert.same({ "ping", "{}" }, { bench.listen("weir", text) })
    end
    assert.equal("other", (bench.listen("weir", '{"id":3,"publish":{}}')))
    assert.equal("refusal", (bench.listen("weir", '{"id":3,"error":{"code":103}}')))
  end)

  it("publishes on a connection and by POST", function()
    assert.same({ id = 4, publish = { channel = "a", data = { 1 } } }, cjson.decode(bench.publish("weir", "a", "[1]", 1)))
    assert.same({ channel = "a", data = "x" }, cjson.decode(bench.post("weir", "a", '"x"')))
  end)

  it("says the beginning of an event stream in its URL", function()
    local query = bench.query("weir", "a:1", "t")
    local text = assert(query:match "^cf_connect=([%%%x]+)$"):gsub("%%(%x%x)", function(h) return string.char(tonumber(h, 16)) end)
    local first, second = text:match "^([^\n]*)\n([^\n]*)$"
    assert.same({ id = 1, connect = { token = "t" } }, cjson.decode(first))
    assert.same({ id = 2, subscribe = { channel = "a:1" } }, cjson.decode(second))
  end)
end)

describe("the protocol raw", function()
  it("writes messages in the form it is given", function()
    assert.equal("hi", bench.publish("raw", "a", "hi"))
    assert.equal("a hi {x}", bench.publish("raw", "a", "hi", 1, "{channel} {message} {x}"))
  end)
end)

describe("the protocol nats", function()
  it("lets the server speak first, then says all at once and waits for the PONG", function()
    assert.equal("", bench.say("nats", 0, "a"))
    assert.equal("step", (bench.hear("nats", 0, "INFO {}\r\n")))
    assert.matches("^CONNECT {.*}\r\nSUB a 1\r\nPING\r\n$", bench.say("nats", 1, "a"))
    assert.not_matches("SUB", bench.say("nats", 1))
    assert.equal("other", (bench.hear("nats", 1, "+OK\r\n")))
    assert.equal("step", (bench.hear("nats", 1, "PONG\r\n")))
  end)

  it("cuts messages, wherever they end", function()
    local message = "MSG a 1 5\r\nhello\r\n"
    for cut = 0, #message - 1 do assert.equal(0, bench.cut("nats", message:sub(1, cut))) end
    assert.equal(#message, bench.cut("nats", message .. "PING\r\n"))
    assert.equal(6, bench.cut("nats", "PING\r\nMSG"))
  end)

  it("publishes, answers pings and hears errors", function()
    assert.equal("PUB a 2\r\nhi\r\n", bench.publish("nats", "a", "hi"))
    assert.same({ "ping", "PONG\r\n" }, { bench.listen("nats", "PING\r\n") })
    assert.same({ "refusal", "the server said -ERR 'no'" }, { bench.listen("nats", "-ERR 'no'\r\n") })
  end)
end)

describe("the protocol mqtt", function()
  it("connects and subscribes in packets", function()
    assert.equal("\x10\x19\0\4MQTT\4\2\0\0\0\13weir-bench-s7", bench.say("mqtt", 0, "a"))
    assert.equal("\x82\6\0\1\0\1a\0", bench.say("mqtt", 1, "a"))
  end)

  it("hears what is granted and what is not", function()
    assert.equal("step", (bench.hear("mqtt", 0, "\x20\2\0\0")))
    assert.same({ "refusal", "the server answered CONNECT with code 5" }, { bench.hear("mqtt", 0, "\x20\2\0\5") })
    assert.equal("other", (bench.hear("mqtt", 1, "\x20\2\0\0")))
    assert.equal("step", (bench.hear("mqtt", 1, "\x90\3\0\1\0")))
    assert.equal("refusal", (bench.hear("mqtt", 1, "\x90\3\0\1\x80")))
  end)

  it("cuts packets, with lengths of one byte and more", function()
    local long = bench.publish("mqtt", "a", ("x"):rep(300))
    assert.equal("\x30\xaf\2\0\1a", long:sub(1, 6))
    for _, cut in ipairs { 0, 1, 2, 3, 100, #long - 1 } do assert.equal(0, bench.cut("mqtt", long:sub(1, cut))) end
    assert.equal(#long, bench.cut("mqtt", long .. "\x30"))
    assert.equal(2, bench.cut("mqtt", "\xd0\0"))
  end)
end)

describe("the protocol socketio", function()
  it("opens, enters the namespace and subscribes", function()
    assert.equal("", bench.say("socketio", 0, "a"))
    assert.equal("step", (bench.hear("socketio", 0, '0{"sid":"x"}')))
    assert.equal("40", bench.say("socketio", 1, "a"))
    assert.equal("step", (bench.hear("socketio", 1, '40{"sid":"y"}')))
    assert.equal('420["subscribe","a"]', bench.say("socketio", 2, "a"))
    assert.equal("step", (bench.hear("socketio", 2, "430[]")))
  end)

  it("publishes and answers pings", function()
    assert.equal('42["publish","a","hi"]', bench.publish("socketio", "a", '"hi"'))
    assert.same({ "ping", "3" }, { bench.listen("socketio", "2") })
    assert.equal("refusal", (bench.listen("socketio", '44{"message":"no"}')))
  end)
end)
