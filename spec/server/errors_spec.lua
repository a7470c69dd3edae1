-- Every way to be told no: by an error in a reply, or by the end of the connection.
local cjson = require "cjson"
local http = require "http"
local server = require "server"
local socket = require "room.socket"
local talk = require "talk"

local RULES = [[
channel("room:{name}", { subscribe = "anyone", publish = "anyone", presence = true })
channel("plain:{name}", { subscribe = "anyone" })
]]

local HELLO = '{"id":1,"connect":{}}'
local REASONS = {
  [3001] = "shutdown", [3012] = "no pong", [3500] = "invalid token", [3501] = "bad request", [3502] = "stale",
  [3508] = "not available",
}

describe("an error", function()
  local it_runs

  lazy_setup(function()
    it_runs = server.start {
      command = "dev",
      scripts = { ["a.lua"] = RULES },
      args = { "--workers", "1", "--api-key", "key" },
    }
  end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(function()
    talk.close_all()
    assert.is_nil(it_runs:exit_status())
  end)

  local function comes(name)
    return talk.to(it_runs, { as = name or "ann" })
  end

  -- The connection ends with that code, a reason that clients can show, and a clean end of TCP.
  local function ends(client, code)
    local got, reason = client:closed()
    assert.equal(code, got)
    assert.equal(REASONS[code], reason)
    assert.is_false((pcall(cjson.decode, reason)), "a reason must not be JSON")
    assert.equal("closed", (client:hung_up()))
    return client
  end

  describe("3501 ends the connection for", function()
    for name, text in pairs {
      ["a first command that is not connect"] = '{"id":1,"subscribe":{"channel":"room:a"}}',
      ["an rpc before connect"] = '{"id":1,"rpc":{"method":"x"}}',
      ["a send before connect"] = '{"send":{"data":1}}',
      ["a pong before connect"] = "{}",
      ["a ping of the client"] = HELLO .. '\n{"id":2,"ping":{}}',
      ["a second connect"] = HELLO .. "\n" .. '{"id":2,"connect":{}}',
      ["a connect without id"] = '{"connect":{}}',
      ["a pong that nobody waits for"] = HELLO .. "\n{}",
      ["a command with an id and nothing else"] = HELLO .. '\n{"id":2}',
      ["a command without id"] = HELLO .. '\n{"subscribe":{"channel":"room:a"}}',
      ["id 0"] = HELLO .. '\n{"id":0,"publish":{"channel":"room:a","data":1}}',
      ["an id that is a text"] = '{"id":"1","connect":{}}',
      ["an id that is negative"] = '{"id":-1,"connect":{}}',
      ["an id with a fraction"] = '{"id":1.5,"connect":{}}',
      ["an id beyond 32 bits"] = '{"id":4294967296,"connect":{}}',
      ["an unknown request"] = HELLO .. '\n{"id":2,"dance":{}}',
      ["an empty frame"] = "",
      ["an empty line"] = HELLO .. "\n\n" .. '{"id":2,"rpc":{"method":"x"}}',
      ["a line of spaces"] = "  ",
      ["what is no JSON"] = "hello",
      ["a list"] = "[" .. HELLO .. "]",
      ["a bare number"] = "1",
      ["null"] = "null",
      ["two objects without a newline"] = HELLO .. HELLO,
      ["JSON with a comma too much"] = '{"id":1,"connect":{},}',
      ["JSON with single quotes"] = "{'id':1,'connect':{}}",
      ["JSON with a comment"] = '{"id":1,"connect":{}/**/}',
      ["NaN"] = '{"id":1,"connect":{"data":NaN}}',
      ["a raw newline inside a text"] = '{"id":1,"connect":{"data":"a\nb"}}',
      ["a raw tab inside a text"] = '{"id":1,"connect":{"data":"a\tb"}}',
      ["half a surrogate escape"] = '{"id":1,"connect":{"data":"\\ud8',
      ["a command that breaks over two lines"] = '{"id":1,\n"connect":{}}',
      ["nesting beyond 64"] = '{"id":1,"connect":{"data":' .. ("["):rep(70) .. ("]"):rep(70) .. "}}",
      ["a request that is no object"] = '{"id":1,"connect":[]}',
      ["a token that is no text"] = '{"id":1,"connect":{"token":1}}',
      ["subscribe without channel"] = HELLO .. '\n{"id":2,"subscribe":{}}',
      ["subscribe with an empty channel"] = HELLO .. '\n{"id":2,"subscribe":{"channel":""}}',
      ["subscribe with a channel that is no text"] = HELLO .. '\n{"id":2,"subscribe":{"channel":7}}',
      ["unsubscribe without channel"] = HELLO .. '\n{"id":2,"unsubscribe":{}}',
      ["publish without channel"] = HELLO .. '\n{"id":2,"publish":{"data":1}}',
      ["presence without channel"] = HELLO .. '\n{"id":2,"presence":{}}',
      ["presence_stats without channel"] = HELLO .. '\n{"id":2,"presence_stats":{}}',
      ["an unknown delta"] = HELLO .. '\n{"id":2,"subscribe":{"channel":"room:a","delta":"vcdiff"}}',
    } do
      it(name, function()
        local before = http.metric(it_runs, 'weir_cut_total{reason="bad_request"}')
        ends(comes():send_text(text), 3501)
        assert.equal(before + 1, http.metric(it_runs, 'weir_cut_total{reason="bad_request"}'))
      end)
    end

    -- In dev mode; never with what was in a payload.
    for text, why in pairs {
      ['{"id":1,"subscribe":{"channel":"room:a"}}'] = "command 1: `connect` has to come first",
      ['{"connect":{}}'] = "`connect` needs an `id` from 1 on",
      [HELLO .. '\n{"id":2,"connect":{}}'] = "command 2: this connection has connected already",
      [HELLO .. "\n{}"] = "an empty command answers a ping, and there is none to answer",
      [HELLO .. '\n{"id":2}'] = "command 2: it asks for nothing",
      [HELLO .. '\n{"id":2,"publsh":{"data":"secret"}}'] = "command 2: unknown request `publsh`: did you mean `publish`?",
      [HELLO .. '\n{"id":2,"da\\nce":{}}'] = "command 2: unknown request `da\\\\nce`",
      [HELLO .. '\n{"publish":{"channel":"room:a","data":"secret"}}'] = "`publish` needs an `id` from 1 on",
      ['{"id":"1","connect":{}}'] = "`id` has to be a whole number from 0 to 4294967295",
      [""] = "an empty message",
      ["hello"] = "it is not JSON: a value must come here (byte 0)",
      ['{"id":1,"connect":{"data":"secret}}'] = "it is not JSON: the text ends inside a string (byte 35)",
      ["null"] = "it has to be a JSON object (got null)",
      ['{"id":1,"connect":[]}'] = "command 1: `connect` has to be an object (got array)",
      ['{"id":1,"connect":{"token":1}}'] = "command 1: `token` has to be a text (got number)",
      [HELLO .. '\n{"id":2,"subscribe":{"channel":"room:a","type":"x"}}'] =
        "command 2: `type` has to be a whole number (got string)",
      [HELLO .. '\n{"id":2,"subscribe":{}}'] = "command 2: `channel` is missing",
      [HELLO .. '\n{"id":2,"unsubscribe":{"channel":""}}'] = "command 2: `channel` is missing",
      [HELLO .. '\n{"id":2,"publish":{"data":1}}'] = "command 2: `channel` is missing",
      [HELLO .. '\n{"id":2,"subscribe":{"channel":"room:a","delta":"vcdiff"}}'] =
        'command 2: `delta` may be \\"fossil\\" alone',
    } do
      it("and the log says why: " .. why, function()
        local _, before = it_runs.log():gsub("event=bad_request", "")
        ends(comes():send_text(text), 3501)
        local line = it_runs:wait_log(("event=bad_request[^\n]*\n.-"):rep(before) .. "event=bad_request([^\n]*)")
        local reason = line:match 'reason=(".*") hint=' or line
        assert.equal('"' .. why .. '"', reason)
        assert.is_nil(line:find("secret", 1, true))
      end)
    end

    it("what comes behind it in the same frame, which is not heard any more", function()
      local ann, ben = comes "ann", comes "ben"
      ben:connect():join "room:heard"
      ann:send_text(HELLO .. '\n{"id":2}\n{"id":3,"publish":{"channel":"room:heard","data":1}}')
      ends(ann, 3501)
      assert.is_nil(ann.inbox[2])
      ben:hears_nothing "room:heard"
    end)
  end)

  it("3508 ends the connection for a send where no script listens", function()
    ends(comes():connect():say { send = { data = 1 } }, 3508)
  end)

  it("108 answers what this version or this channel does not have", function()
    local ann = comes():connect()
    for _, command in ipairs {
      { rpc = { method = "anything", data = 1 } }, { history = { channel = "room:a", limit = 10 } },
      { refresh = { token = "x" } }, { sub_refresh = { channel = "room:a", token = "x" } },
      { presence = { channel = "plain:a" } }, { presence_stats = { channel = "plain:a" } },
      { subscribe = { channel = "room:poll", type = 4 } },
    } do
      assert.same({ 108, "not available" }, { ann:refused(command) }, cjson.encode(command))
    end
  end)

  it("103 and 107 answer kinds of subscription and filters that are not there", function()
    local ann = comes():connect()
    for kind = 1, 3 do
      assert.equal(103, (ann:refused { subscribe = { channel = "room:a", type = kind } }))
    end
    assert.equal(107, (ann:refused { subscribe = { channel = "room:a", tf = { op = "eq", key = "a", val = "b" } } }))
    assert.truthy(ann:ask({ subscribe = { channel = "room:a", delta = "fossil" } }).subscribe)
  end)

  it("107 answers a name that is none, in every command", function()
    local ann = comes():connect()
    local bad = ("x"):rep(256)
    for _, command in ipairs {
      { subscribe = { channel = bad } }, { publish = { channel = bad, data = 1 } }, { presence = { channel = bad } },
      { presence_stats = { channel = "a b" } }, { rpc = { method = "a b/c" } },
    } do
      assert.equal(107, (ann:refused(command)), cjson.encode(command))
    end
  end)

  it("is no error where a client says more than we know", function()
    local ann = comes()
    ann:send_text('{"id":1,"future":{"a":1},"connect":{"name":"js","version":"5.9","flag":3,"headers":{"a":"b"},"x":[1,{"y":null}]}}')
    assert.truthy(ann:reply(1).connect)
    ann:send_text '{"id":2,"subscribe":{"channel":"room:a","flag":1,"recover":true,"epoch":"x","offset":7,"positioned":true}}'
    assert.truthy(ann:reply(2).subscribe)
  end)

  it("is no error where names are written with escapes", function()
    local ann = comes()
    ann:send_text([[{"\u0069d":1,"connec\u0074":{}}]])
    assert.truthy(ann:reply(1).connect)
    ann:send_text([[{"id":2,"subscribe":{"ch\u0061nnel":"room\u003aescaped"}}]])
    assert.truthy(ann:reply(2).subscribe)
    ann:says("room:escaped", 1):hears("room:escaped", 1)
  end)

  it("takes the first request in the protocol's order where a command has several", function()
    local ann = comes():connect():join "room:order"
    ann:send_text('{"id":40,"publish":{"channel":"room:order","data":1},"rpc":{"method":"x"},"unsubscribe":{"channel":"room:order"}}')
    assert.truthy(ann:reply(40).unsubscribe)
    ann:hears_nothing "room:order"
  end)

  describe("batches:", function()
    it("many commands in a frame, with and without a newline at the end, are handled in order", function()
      for _, tail in ipairs { "", "\n" } do
        local ann = comes()
        local lines = { HELLO, '{"id":2,"subscribe":{"channel":"room:batch"}}' }
        for i = 3, 40 do lines[i] = ('{"id":%d,"publish":{"channel":"room:batch","data":%d}}'):format(i, i) end
        ann:send_text(table.concat(lines, "\n") .. tail)
        for i = 3, 40 do ann:hears("room:batch", i) end
        ann:reply(40)
        assert.is_nil(ann.close_code)
      end
    end)

    it("answers of one turn come in one frame, a newline between two and none at the end", function()
      local ann = comes()
      ann:send_text(HELLO .. '\n{"id":2,"subscribe":{"channel":"room:one"}}\n{"id":3,"presence_stats":{"channel":"room:one"}}')
      local frame = ann:next_frame()
      local lines = {}
      for line in frame.payload:gmatch "[^\n]+" do lines[#lines + 1] = cjson.decode(line).id end
      assert.same({ 1, 2, 3 }, lines)
      assert.is_nil(frame.payload:find "\n$")
      assert.is_nil(frame.payload:find "\n\n")
    end)
  end)

  it("leaves fields without a value out of every reply", function()
    local ann = comes()
    ann:send_text(HELLO)
    local welcome = ann:wait(function(m) return m.id == 1 end, "the welcome")
    for _, absent in ipairs { "data", "subs", "expires", "ttl", "session", "node", "error" } do
      assert.is_nil(welcome.message.connect[absent], absent)
    end
    for id, command in pairs {
      [20] = { '"subscribe":{"channel":"room:z"}', '{"id":20,"subscribe":{}}' },
      [21] = { '"publish":{"channel":"room:zz","data":1}', '{"id":21,"publish":{}}' },
      [22] = { '"unsubscribe":{"channel":"room:zzz"}', '{"id":22,"unsubscribe":{}}' },
    } do
      ann:send_text(('{"id":%d,%s}'):format(id, command[1]))
      assert.equal(command[2], ann:wait(function(m) return m.id == id end, "a reply").text)
    end
  end)

  it("of one connection is nothing to another", function()
    local ben = comes("ben"):connect():join "room:calm"
    for _ = 1, 30 do comes("mallory"):send_text("nonsense") end
    ben:says("room:calm", 1):hears("room:calm", 1)
  end)
end)

describe("pings", function()
  local it_runs

  lazy_setup(function()
    it_runs = server.start {
      command = "dev",
      scripts = { ["a.lua"] = RULES },
      args = { "--workers", "1", "--ping-ms", "400", "--pong-ms", "200", "--connect-ms", "300" },
    }
  end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(function() talk.close_all() end)

  it("are announced in the welcome, in whole seconds and never 0", function()
    local ann = talk.to(it_runs, { as = "ann" }):connect()
    assert.equal(1, ann.welcome.ping)
    assert.is_true(ann.welcome.pong)
  end)

  it("keep a quiet connection that answers them", function()
    local ann = talk.to(it_runs, { as = "ann" }):connect()
    assert.same({ nil, "timeout" }, { ann:closed(1500) })
    assert.truthy((ann.frames or 0) >= 2, "no pings came")
    ann:join "room:a":says("room:a", 1):hears("room:a", 1)
  end)

  it("come by themselves, not with the end", function()
    local ann = talk.to(it_runs, { as = "ann" }):connect()
    local frame = assert(ann:next_frame())
    assert.same({ 1, "{}" }, { frame.opcode, frame.payload })
    assert.same({ nil, "timeout" }, { ann:next_frame(50) })
  end)

  it("that nobody answers end the connection with 3012", function()
    local before = http.metric(it_runs, 'weir_cut_total{reason="no_pong"}')
    local ann = talk.to(it_runs, { as = "ann" }):connect()
    ann.is_silent = true
    assert.same({ 3012, "no pong" }, { ann:closed() })
    assert.equal(1, ann.pings)
    assert.equal(before + 1, http.metric(it_runs, 'weir_cut_total{reason="no_pong"}'))
  end)

  it("answered twice end it with 3501", function()
    local ann = talk.to(it_runs, { as = "ann" }):connect()
    ann:next_frame()
    ann:send_text "{}":send_text "{}"
    assert.same({ 3501, "bad request" }, { ann:closed() })
  end)

  it("are not answered by other talk", function()
    local ann = talk.to(it_runs, { as = "ann" }):connect()
    ann.is_silent = true
    while not ann.close_code do
      ann:say { id = 99, unsubscribe = { channel = "room:x" } }
      ann:closed(40)
    end
    assert.equal(3012, ann.close_code)
  end)

  it("are not for those who have not connected: they are sent away with 3502", function()
    local before = http.metric(it_runs, 'weir_cut_total{reason="timeout"}')
    local nobody = talk.to(it_runs)
    assert.same({ 3502, "stale" }, { nobody:closed() })
    assert.equal(before + 1, http.metric(it_runs, 'weir_cut_total{reason="timeout"}'))
  end)

  it("of WebSocket's own kind do not save those who have not connected", function()
    local nobody = talk.to(it_runs)
    local last = socket.now_ms() + 8000
    while not nobody.close_code and socket.now_ms() < last do
      nobody:send("ping", "x")
      nobody:closed(30)
    end
    assert.equal(3502, nobody.close_code)
  end)
end)
