-- The same client over an event stream, with commands by requests of their own.
local cjson = require "cjson"
local http = require "http"
local server = require "server"
local socket = require "room.socket"
local stream = require "stream"
local talk = require "talk"

local RULES = [[
local room = channel("room:{name}", { subscribe = "anyone", publish = "anyone", presence = true, history = 10 })
function room:on_unsubscribe(client, why) publish("left", { user = client.user, why = why }) end
function room:rpc_end(_, from) from:close(4002, "over") return true end
function room:rpc_kick(user) self:kick { user = user, reason = "be gone" } end
channel("left", { subscribe = "anyone" })
function server.rpc_echo(args) return args end
function server.on_message(data, from) from:send { you_said = data } end
]]
local SMALL = 4096
local CONNECT = '{"id":1,"connect":{}}'

local function start(...)
  return server.start {
    command = "dev", scripts = { ["a.lua"] = RULES },
    args = { "--workers", os.getenv "WEIR_WORKERS" or "4", "--api-key", "key", "--queue-bytes", "262144",
      "--origins", "https://app.example", ... },
  }
end

describe("an event stream", function()
  local it_runs

  lazy_setup(function() it_runs = start("--ping-ms", "60000") end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(function()
    stream.close_all()
    talk.close_all()
    assert.is_nil(it_runs:exit_status())
  end)

  local function comes(name, options)
    options = options or {}
    options.as = name
    return stream.to(it_runs, options):connect()
  end

  local function open(commands, options)
    local line = http.open(it_runs)
    line:send(stream.request(it_runs, commands, options))
    return line
  end

  -- The bytes of an answer that ends with the connection, from behind its head.
  local function all_of(commands, options)
    local line <close> = open(commands, options)
    local answer = assert(line:answer())
    return answer, line:rest()
  end

  it("answers with a head that nobody keeps, an empty line and an event a message", function()
    local answer, body, how = all_of(CONNECT .. '\n{"id":2,"rpc":{"method":"echo","data":[1]}}\nnonsense', { as = "ann" })
    assert.equal(200, answer.status)
    assert.equal("text/event-stream; charset=utf-8", answer.headers["content-type"])
    assert.equal("no-store", answer.headers["cache-control"])
    assert.equal("no", answer.headers["x-accel-buffering"])
    assert.equal("close", answer.headers.connection)
    assert.is_nil(answer.headers["content-length"])
    assert.is_nil(answer.headers["transfer-encoding"])
    local client, session, node, rest = body:match('^\ndata: {"id":1,"connect":{"client":"([%x-]+)","version":"weir [%d.]+",'
      .. '"ping":60,"pong":true,"session":"([^"]+)","node":"([^"]+)"}}\n\n(.*)$')
    assert.truthy(client, body)
    assert.matches("^%x+%.%x+%-%x+%-4%x+%-%x+%-%x+$", session)
    assert.matches("^%x+%-%x+%-4%x+%-%x+%-%x+%.%d$", node)
    assert.equal('data: {"id":2,"rpc":{"data":[1]}}\n\n'
      .. 'data: {"push":{"disconnect":{"code":3501,"reason":"bad request"}}}\n\n', rest)
    assert.equal("closed", how)
  end)

  it("is opened by POST as well", function()
    local ann = comes("ann", { method = "POST" }):join "room:post"
    ann:says("room:post", 1):hears("room:post", 1)
  end)

  it("does all that a WebSocket does, with the same words", function()
    local ann, bob = comes "ann", talk.to(it_runs, { as = "bob" }):connect()
    ann:join "room:a"
    bob:join "room:a"
    ann:says("room:a", { n = 1 }):hears("room:a", { n = 1 })
    bob:hears("room:a", { n = 1 }):says("room:a", "ü \u{1F600}")
    ann:hears("room:a", "ü \u{1F600}")
    assert.equal("ü", ann:call("echo", "ü"))
    assert.equal(2, ann:ask({ presence_stats = { channel = "room:a" } }).presence_stats.num_clients)
    assert.truthy(ann:ask({ presence = { channel = "room:a" } }).presence.presence[ann.client])
    assert.same({ 102, "unknown channel" }, { ann:refused { publish = { channel = "nowhere", data = 1 } } })
    ann:say { send = { data = { 1 } } }
    ann:wait(function(message) return message.push and message.push.message end, "the answer to send")
    ann:leaves "room:a"
    bob:says("room:a", 2)
    ann:hears_nothing "room:a"
    ann:join("room:a")
    bob:call("room:a/kick", "ann")
    assert.same({ 2000, "be gone" }, { ann:thrown_out "room:a" })
  end)

  it("keeps the order of commands of one request, and of messages", function()
    local ann = comes("ann"):join "room:order"
    local lines = {}
    for n = 1, 200 do
      lines[n] = ('{"id":%d,"publish":{"channel":"room:%s","data":%d}}'):format(n + 1000, n % 3 == 0 and "far" or "order", n)
    end
    ann:say(table.concat(lines, "\n"))
    for n = 1, 200 do
      if n % 3 ~= 0 then ann:hears("room:order", n) end
    end
    for n = 1, 200 do ann:reply(n + 1000) end
  end)

  it("hears requests that land on any worker", function()
    local ann = comes("ann"):join "room:lands"
    for n = 1, 24 do
      ann:say { id = ann:next_id(), publish = { channel = "room:lands", data = n } }
      ann.line:close()
      ann.line = nil -- the next one lands elsewhere
    end
    for n = 1, 24 do ann:hears("room:lands", n) end
  end)

  it("gives a reader on each worker the same messages", function()
    local all = {}
    for i = 1, 12 do all[i] = comes("u" .. i):join "room:all" end
    for i = 1, 12 do all[i]:says("room:all", i) end
    for _, one in ipairs(all) do
      local seen = {}
      for _ = 1, 12 do seen[(one:listen "room:all")] = true end
      assert.equal(12, #seen)
    end
  end)

  it("says why it ends, and ends", function()
    local ann = comes("ann"):join "room:end"
    ann:call "room:end/end"
    assert.same({ 4002, "over" }, { ann:closed() })
    assert.equal("closed", (ann:hung_up()))
    local bob = comes "bob"
    http.api(it_runs, "disconnect", { user = "bob" })
    assert.same({ 3503, "force disconnect" }, { bob:closed() })
    local eve = comes "eve"
    eve:say "nonsense"
    assert.same({ 3501, "bad request" }, { eve:closed() })
    local mallory = stream.to(it_runs):send_text '{"id":1,"subscribe":{"channel":"room:a"}}'
    assert.same({ 3501, "bad request" }, { mallory:closed() })
  end)

  it("leaves its channels at once when its client goes, without a word", function()
    local watch = comes("watch"):join "left"
    local ann = comes("ann"):join "room:go"
    ann.tcp:close()
    watch:hears("left", { user = "ann", why = "connection closed" })
    ann.is_unsure = true
    ann:say "{}"
    assert.equal(404, ann.posted.status)
  end)

  it("is one of the metrics while it lasts", function()
    local function are(count)
      assert.truthy(server.wait(10, function() return http.metric(it_runs, "weir_event_streams") == count end), count)
    end
    are(0)
    local ann, bob = comes "ann", comes "bob"
    are(2)
    ann.tcp:close()
    are(1)
    bob:say "nonsense"
    bob:hung_up()
    bob:close()
    are(0)
  end)

  it("passes over what its client sends behind the request", function()
    local ann = comes("ann"):join "room:behind"
    assert(ann.tcp:send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" .. ("x"):rep(100000)))
    ann:says("room:behind", 1):hears("room:behind", 1)
  end)

  describe("that is read slowly", function()
    local BIG = ("x"):rep(30000)

    it("is cut with 3008 over its bytes; everybody else hears everything", function()
      local ann, watch = comes "ann", comes("watch"):join "left"
      local slow = comes("slow", { receive_buffer = SMALL }):join("room:slow"):stop_reading()
      local fast = comes("fast"):join "room:slow"
      local cut, sent = http.metric(it_runs, 'weir_cut_total{reason="slow"}'), 0
      while http.metric(it_runs, 'weir_cut_total{reason="slow"}') == cut do
        sent = sent + 1
        assert(sent < 1000, "nobody was ever cut")
        ann:says("room:slow", BIG)
      end
      watch:hears("left", { user = "slow", why = "slow" })
      for _ = 1, sent do fast:hears("room:slow", BIG) end
      slow.tcp:deafen(false)
      local code, reason = slow:closed()
      if code then
        assert.same({ 3008, "slow" }, { code, reason })
      else
        assert.truthy(reason == "closed" or reason == "reset", reason)
      end
    end)

    -- A call by a request of its own, whose answer is not waited for.
    local function post_echo(ann, id, size)
      local line = http.open(it_runs)
      local command = ('{"id":%d,"rpc":{"method":"echo","data":"%s"}}'):format(id, ("y"):rep(size))
      line:ask("POST", "/emulation", nil,
        cjson.encode { session = ann.welcome.session, node = ann.welcome.node, data = command })
      return line
    end

    local function hears_echo(ann)
      return ann:wait(function(message) return message.id and message.id > 100 end, "an echo").message.id
    end

    it("has its commands wait until it has read its answers, and none is lost", function()
      local ann = comes("ann", { receive_buffer = SMALL }):stop_reading()
      local lines, seen = {}, {}
      for n = 1, 12 do lines[n] = post_echo(ann, n + 100, 20000) end
      socket.sleep(200)
      ann.tcp:deafen(false)
      for _ = 1, 12 do seen[hears_echo(ann)] = true end
      for n = 1, 12 do
        assert.is_true(seen[n + 100])
        assert.equal(204, assert(lines[n]:answer()).status)
        lines[n]:close()
      end
    end)

    it("has more commands than may wait refused with 503, and is not harmed", function()
      local ann = comes("ann", { receive_buffer = SMALL }):stop_reading()
      local lines, count = {}, { [204] = 0, [503] = 0 }
      for n = 1, 200 do lines[n] = post_echo(ann, n + 100, 60000) end
      socket.sleep(200)
      ann.tcp:deafen(false)
      for n = 1, 200 do
        local status = assert(lines[n]:answer()).status
        lines[n]:close()
        count[status] = count[status] + 1
        if status == 204 then hears_echo(ann) end
      end
      assert.truthy(count[204] > 4 and count[503] > 0, count[503])
      assert.equal(1, ann:call("echo", 1))
    end)
  end)

  describe("is refused", function()
    local function refused(status, commands, options)
      local line <close> = open(commands, options)
      local answer = assert(line:answer())
      assert.equal(status, answer.status)
      return answer
    end

    it("without commands: 400", function()
      refused(400, false)
      refused(400, "")
      refused(400, "", { method = "POST" })
    end)

    it("with more than a message may have: 413", function()
      refused(413, ("x"):rep(70000), { method = "POST" })
    end)

    it("by another method: 405, HEAD too", function()
      for _, method in ipairs { "HEAD", "PUT", "DELETE" } do
        local line <close> = open(CONNECT, { method = method })
        local answer = assert(line:answer(true))
        assert.same({ 405, "GET, POST, OPTIONS" }, { answer.status, answer.headers.allow })
      end
    end)

    it("to a page of an origin that is not on the list: 403", function()
      local answer = refused(403, CONNECT, { headers = { Origin = "https://other.example" } })
      assert.is_nil(answer.headers["access-control-allow-origin"])
    end)
  end)

  it("may be read by a page of an origin on the list, with its cookies", function()
    local line <close> = open(CONNECT, { headers = { Origin = "https://app.example" } })
    local answer = assert(line:answer())
    assert.equal(200, answer.status)
    assert.equal("https://app.example", answer.headers["access-control-allow-origin"])
    assert.equal("true", answer.headers["access-control-allow-credentials"])
    assert.equal("Origin", answer.headers.vary)
  end)

  describe("takes at /emulation", function()
    local ann

    before_each(function()
      ann = comes "ann"
      ann.is_unsure = true
    end)

    local function body(more)
      local all = { session = ann.welcome.session, node = ann.welcome.node, data = '{"id":9,"rpc":{"method":"echo"}}' }
      for name, value in pairs(more or {}) do all[name] = value or nil end
      return all
    end

    local function refused(status, what)
      local answer = ann:post(what)
      assert.equal(status, answer.status, answer.body)
    end

    local function is_unharmed()
      assert.equal(1, ann:call("echo", 1))
      assert.is_nil(ann.close_code)
    end

    it("only what it can read: 400", function()
      local session, node = ann.welcome.session, ann.welcome.node
      for _, text in ipairs { "", "x", "[]", "{}", "null", '{"session":1,"node":2,"data":3}',
        ('{"session":"%s","node":"%s"}'):format(session, node), ('{"session":"%s","data":"{}"}'):format(session),
        ('{"session":"%s","node":"%s","data":{}}'):format(session, node),
        ('{"session":"%s","node":"%s","data":"{}"'):format(session, node),
        ('{"session":"%s","node":"%s","data":"\xff"}'):format(session, node) } do
        refused(400, text)
      end
      is_unharmed()
    end)

    it("only what is for a session that is here: 404", function()
      local session = ann.welcome.session
      local last = session:sub(-1) == "0" and "1" or "0"
      for _, wrong in ipairs { "", "x", session:sub(1, -2), session:sub(1, -2) .. last, session .. "0", session:match "^%x+",
        session:match "^%x+" .. ".", "0" .. session, " " .. session, session:upper() .. " ", ("1"):rep(1000), session .. "\0" } do
        refused(404, body { session = wrong })
      end
      is_unharmed()
    end)

    it("only what is for a node that is this: 404", function()
      local node = ann.welcome.node
      local uuid = node:match "^(.*)%."
      for _, wrong in ipairs { "", "x", uuid, uuid .. ".", uuid .. ".4", uuid .. ".99999999999999999999", uuid .. ".-1",
        uuid .. ".0x1", uuid .. ".1 ", ("0"):rep(36) .. ".0", node .. "\0" } do
        refused(404, body { node = wrong })
      end
      is_unharmed()
    end)

    it("never what is for a session of a WebSocket", function()
      local bob = talk.to(it_runs, { as = "bob" }):connect()
      assert.is_nil(bob.welcome.session)
      assert.is_nil(bob.welcome.node)
      for number = 1, 40 do refused(404, body { session = ("%x"):format(number) }) end
      assert.equal(1, bob:call("echo", 1))
    end)

    it("no more than a message may have: 413", function()
      refused(413, body { data = ("x"):rep(65537) })
      refused(413, ("x"):rep(200000))
      ann.line:close()
      ann.line = nil
      is_unharmed()
      local text = ("x"):rep(65000)
      assert.equal(text, ann:call("echo", text))
    end)

    it("as much as a message may have, however it is written", function()
      local command = ('{"id":77,"rpc":{"method":"echo","data":"%s"}}'):format(("\\\\"):rep(30000))
      assert.truthy(#command < 65536 and #cjson.encode(command) > 120000)
      ann:post(body { data = command })
      assert.equal(("\\"):rep(30000), ann:reply(77).rpc.data)
    end)

    it("an empty text as what it is on a WebSocket: the end", function()
      assert.equal(204, ann:post(body { data = "" }).status)
      assert.same({ 3501, "bad request" }, { ann:closed() })
    end)

    it("nothing by another method: 405", function()
      for _, method in ipairs { "GET", "HEAD", "PUT" } do
        local answer = http.request(it_runs, method, "/emulation", {})
        assert.same({ 405, "POST, OPTIONS" }, { answer.status, answer.headers.allow })
      end
    end)

    it("the question of a browser whether a page may", function()
      local headers = { Origin = "https://app.example", ["Access-Control-Request-Method"] = "POST",
        ["Access-Control-Request-Headers"] = "content-type" }
      for _, path in ipairs { "/emulation", "/connection/sse" } do
        local answer = http.request(it_runs, "OPTIONS", path, headers)
        assert.equal(204, answer.status)
        assert.equal("https://app.example", answer.headers["access-control-allow-origin"])
        assert.equal("true", answer.headers["access-control-allow-credentials"])
        assert.equal("content-type", answer.headers["access-control-allow-headers"])
        assert.equal("POST, OPTIONS", answer.headers["access-control-allow-methods"])
        assert.equal("300", answer.headers["access-control-max-age"])
        headers.Origin = "https://other.example"
        assert.equal(403, http.request(it_runs, "OPTIONS", path, headers).status)
        headers.Origin = "https://app.example"
      end
    end)

    it("pages' requests, whose answers they may read, refusals too", function()
      local origin = { Origin = "https://app.example" }
      for status, more in pairs { [204] = body(), [404] = body { session = "x" }, [400] = {}, [413] = body { data = ("x"):rep(65537) } } do
        local answer = ann:post(more, origin)
        assert.equal(status, answer.status)
        assert.equal("https://app.example", answer.headers["access-control-allow-origin"])
      end
      assert.equal(403, ann:post(body(), { Origin = "https://other.example" }).status)
    end)

    it("requests one behind the other on one connection, in order", function()
      local texts = {}
      for n = 1, 50 do
        local text = cjson.encode(body { data = ('{"id":%d,"rpc":{"method":"echo","data":%d}}'):format(n + 100, n) })
        texts[n] = ("POST /emulation HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s"):format(#text, text)
      end
      local line <close> = http.open(it_runs)
      line:send(table.concat(texts))
      for _ = 1, 50 do assert.equal(204, assert(line:answer()).status) end
      for n = 1, 50 do
        local reply = ann:wait(function(message) return message.id end, "an echo").message
        assert.same({ n + 100, n }, { reply.id, reply.rpc.data })
      end
    end)

    it("nothing of a request whose client has gone, without harm", function()
      for _ = 1, 20 do
        local line = http.open(it_runs)
        line:ask("POST", "/emulation", nil, cjson.encode(body()))
        line:close()
      end
      is_unharmed()
    end)
  end)
end)

describe("an event stream in time", function()
  local it_runs

  lazy_setup(function() it_runs = start("--ping-ms", "400", "--pong-ms", "300", "--connect-ms", "500") end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(stream.close_all)

  it("lives while its client answers pings", function()
    local ann = stream.to(it_runs, { as = "ann" }):connect():join "room:ping"
    ann:closed(2500)
    assert.is_nil(ann.close_code)
    assert.truthy(select(2, ann.events:gsub("data: {}\n\n", "")) >= 3)
    ann:says("room:ping", 1):hears("room:ping", 1)
  end)

  it("ends when it does not, or when it answers what was not asked", function()
    local ann = stream.to(it_runs, { as = "ann" })
    ann.is_silent = true
    ann:connect()
    assert.same({ 3012, "no pong" }, { ann:closed() })
    local bob = stream.to(it_runs, { as = "bob" }):connect()
    bob.is_unsure = true
    bob:say "{}"
    bob:say "{}"
    assert.same({ 3501, "bad request" }, { bob:closed() })
  end)

  it("ends when its first commands do not connect", function()
    local ann = stream.to(it_runs):send_text '{"id":1,"connect":{"token":"x"}}'
    assert.truthy(ann:closed())
  end)
end)

describe("event streams of a server that goes", function()
  it("are told so, and it goes", function()
    local it_runs <close> = start("--ping-ms", "60000")
    local ones = {}
    for i = 1, 8 do ones[i] = stream.to(it_runs, { as = "u" .. i }):connect() end
    it_runs:signal "TERM"
    for _, one in ipairs(ones) do assert.same({ 3001, "shutdown" }, { one:closed() }) end
    stream.close_all()
    assert.equal(0, it_runs:stop())
  end)
end)
