-- weir test: what a spec beside scripts can say, and how it is told.
local cjson = require "cjson"
local cli = require "cli"

local weir, folder, has, has_not = cli.weir, cli.folder, cli.has, cli.has_not

after_each(cli.clean)

local CHAT = [[
local chat = channel("chat:{room}", { history = 50, presence = true })
local BLOCKED = { "casino", "free money" }

function chat:on_publish(msg, from)
  if msg.wrong then error "something broke" end
  local out = { text = msg.text, by = from.user, name = from.claims.name, at = now() }
  for _, word in ipairs(BLOCKED) do
    if msg.text:lower():find(word, 1, true) then
      publish("mod:" .. self.params.room, { held = out, word = word })
      reject "held for moderation"
    end
  end
  return out
end

function chat:on_close() log("closed", { at = os.time() }) end

local mod = channel("mod:{room}", { subscribe = "role.moderator", call = "role.moderator", history = 500 })

function mod:rpc_approve(req, from)
  req.held.approved_by = from.user
  publish("chat:" .. self.params.room, req.held)
  return { ok = true }
end

function mod:rpc_ban(req)
  return { kicked = kick("chat:" .. self.params.room, { user = req.user, reason = "banned" }) }
end

channel("wall", { publish = "user", rate = "2/10s per user" })
channel("ticks", { subscribe = "anyone", conflate = "100ms" })
channel("team:{team}", { subscribe = "claims.team == params.team" })

function server.on_message(data, from) from:send { you_said = data } end
function server.rpc_time() return { now(), os.time() } end
function server.rpc_list() return json.array {} end
]]

-- The tests' body, after `local t = require "weir.test"` and inside a describe.
local function spec(body)
  return ('local t = require "weir.test"\ndescribe("it", function()\n%s\nend)\n'):format(body)
end

local function run(body, files, arguments)
  files = files or {}
  files["chat.lua"] = files["chat.lua"] or CHAT
  files["chat_spec.lua"] = spec(body)
  return weir { "test", folder(files), table.unpack(arguments or {}) }
end

-- All tests of the body pass.
local function passes(body, files)
  local result = run(body, files)
  assert.equal(0, result.code, result.out .. result.err)
  has_not(result.out, "failed  ")
  return result
end

-- One test, which fails for this reason.
local function fails(body, ...)
  local result = run(('it("fails", function()\nlocal s = t.load()\n%s\nend)'):format(body))
  assert.equal(1, result.code, result.out .. result.err)
  has(result.out, "failed  it fails", "chat_spec.lua:5: ", "0 passed, 1 failed", ...)
  assert.equal("", result.err)
end

describe("weir test", function()
  it("runs the page's first example", function()
    passes [[
      it("holds spam for the moderators", function()
        local s = t.load "chat.lua"
        local ann, mo = s:client { user = "ann" }, s:client { user = "mo", roles = { "moderator" } }
        mo:subscribe "mod:1"
        assert.refused("held for moderation", ann:publish("chat:1", { text = "Free money" }))
        assert.received(mo, "mod:1", { word = "free money" })
        s:advance "24h"
      end)
      it("lets moderators approve and ban, and nobody else", function()
        local s = t.load "chat.lua"
        local ann, mo = s:client { user = "ann", claims = { name = "Ann" } }, s:client { user = "mo", roles = "moderator" }
        ann:subscribe "chat:1"
        mo:subscribe "mod:1"
        ann:publish("chat:1", { text = "Free money" })
        local held = mo:messages("mod:1")[1].held
        assert.same({ text = "Free money", by = "ann", name = "Ann", at = s:now() }, held)
        assert.refused(103, ann:call("mod:1/approve", { held = held }))
        assert.accepted(mo:call("mod:1/approve", { held = held }))
        assert.received(ann, "chat:1", { approved_by = "mo" })
        assert.same({ kicked = true }, mo:call("mod:1/ban", { user = "ann" }).data)
        assert.same({ code = 2000, reason = "banned" }, ann:unsubscribed "chat:1")
      end)
    ]]
  end)

  it("runs the specs of the examples", function()
    local result = weir { "test", "examples/chat" }
    assert.equal(0, result.code, result.out .. result.err)
    assert.matches("\n%d+ passed, 0 failed in ", result.out)
  end)

  it("has a clock that stands still until it is moved", function()
    passes [[
      it("is the same for scripts and for limits", function()
        local s = t.load()
        local ann = s:client { user = "ann" }
        local function times() return ann:call("time").data end
        assert.same({ s:now(), s:now() // 1000 }, times())
        assert.same(1767225600000, s:now())
        s:advance(1500):advance "30m"
        assert.equal(1767225600000 + 1500 + 1800000, s:now())
        assert.same({ s:now(), s:now() // 1000 }, times())
      end)
      it("refills rates", function()
        local s = t.load()
        local ann = s:client { user = "ann" }
        ann:publish("wall", 1)
        ann:publish("wall", 2)
        assert.refused(111, ann:publish("wall", 3))
        s:advance "5s"
        assert.accepted(ann:publish("wall", 4))
      end)
      it("ends what waits", function()
        local s = t.load()
        local ann = s:client { user = "ann" }
        ann:subscribe "ticks"
        for i = 1, 5 do s:publish("ticks", i) end
        assert.same({ 1 }, ann:messages "ticks")
        s:advance "120ms"
        assert.same({ 1, 5 }, ann:messages "ticks")
      end)
      it("ends tokens", function()
        local s = t.load()
        local ann = s:client { user = "ann", expires = "1h" }
        s:advance "59m"
        assert.is_nil(ann.closed)
        s:advance "1m"
        assert.equal(3005, ann.closed.code)
      end)
      it("closes channels that nobody is in, and leaves everybody who is", function()
        local s = t.load()
        local ann, ben = s:client { user = "ann" }, s:client { user = "ben" }
        ann:subscribe "chat:1"
        ben:subscribe "chat:2"
        ann:unsubscribe "chat:1"
        assert.not_logged(s, "closed")
        s:advance "7d"
        assert.logged(s, { text = "closed", channel = "chat:1" })
        assert.not_logged(s, { channel = "chat:2" })
        assert.is_nil(ben.closed)
        assert.accepted(ben:publish("chat:2", { text = "still here" }))
      end)
    ]]
  end)

  it("lets hooks wait until the clock says so", function()
    passes([[
      it("keeps the order of a channel", function()
        local s = t.load()
        local ann = s:client { user = "ann" }
        ann:subscribe "desk:1"
        local slow, quick = ann:publish("desk:1", { n = 1, waits = true }), ann:publish("desk:1", { n = 2 })
        assert.same({ true, true }, { slow.pending, quick.pending })
        assert.not_received(ann, "desk:1")
        s:advance "400ms"
        assert.accepted(slow)
        assert.accepted(quick)
        assert.same({ 1, 2 }, { ann:messages("desk:1")[1].n, ann:messages("desk:1")[2].n })
      end)
      it("calls timers, each at its time, over a reload too", function()
        local s = t.load()
        local ann = s:client { user = "ann" }
        ann:subscribe "desk:1"
        s:advance "1h"
        assert.equal(3600, ann:call("desk:1/ticks").data)
        s:reload { ["lib/more.lua"] = "return 1" }
        s:advance "1h"
        assert.equal(7200, ann:call("desk:1/ticks").data)
      end)
      it("is over in time, or not", function()
        local s = t.load()
        local ann = s:client { user = "ann" }
        local mine, house, long = ann:call "wait", s:call "wait", ann:call "desk:1/long"
        s:advance "1900ms"
        assert.same({ "waited", "waited" }, { mine.data, house.data })
        assert.is_true(long.pending)
        s:advance "200ms"
        assert.refused(504, long)
      end)
      it("lets somebody in after a while", function()
        local s = t.load()
        local result = s:connect { user = "late" }
        assert.is_true(result.pending)
        s:advance "600ms"
        assert.accepted(result)
        assert.equal("waited", (function() local r = result.client:call "wait" s:advance "1s" return r.data end)())
      end)
      it("may be left in the middle of it", function()
        local s = t.load()
        s:client { user = "ann" }:call "desk:1/long"
        s:call "desk:1/long"
        s:connect { user = "late" }
        s:close()
      end)
    ]], { ["chat.lua"] = [[
      local desk = channel("desk:{n}", { publish = "user", call = "user" })
      function desk:on_open()
        self.state.ticks = 0
        self:every("1s", "tick")
      end
      function desk:tick() self.state.ticks = self.state.ticks + 1 end
      function desk:on_publish(msg)
        if msg.waits then sleep "300ms" end
        return { n = msg.n }
      end
      function desk:rpc_ticks() return self.state.ticks end
      function desk:rpc_long() sleep "1h" end
      function server.rpc_wait()
        sleep "1s"
        return "waited"
      end
      function server.on_connect(req)
        if req.user == "late" then sleep "500ms" end
        return true
      end
    ]] })
  end)

  it("has clients of every kind", function()
    passes [[
      it("with claims", function()
        local s = t.load()
        local ann = s:client { user = "ann", claims = { team = "red" } }
        assert.accepted(ann:subscribe "team:red")
        assert.refused('permission denied by the subscribe rule: claims.team == params.team -> "red" == "blue"',
          ann:subscribe "team:blue")
      end)
      it("without a user", function()
        local s = t.load()
        assert.refused(103, "publish rule: user", s:client():publish("chat:1", { text = "x" }))
      end)
      it("that send and are told", function()
        local s = t.load()
        local ann = s:client { user = "ann" }
        ann:send { n = 1 }
        assert.told(ann, { you_said = { n = 1 } })
        assert.not_told(ann, { you_said = { n = 2 } })
        assert.equal("[]", tostring(ann:call("list")):match "%[%]")
      end)
      it("that are members, leave and are seen", function()
        local s = t.load()
        local ann, ben = s:client { user = "ann", info = { name = "Ann" } }, s:client { user = "ben" }
        ben:subscribe "chat:1"
        ann:subscribe "chat:1"
        local members = ben:presence("chat:1").members
        assert.same({ 2, "ann", "ben" }, { #members, members[1].user, members[2].user })
        assert.equal(2, #(function() local n = {} for id in pairs(s:presence("chat:1").data.presence) do n[#n + 1] = id end return n end)())
        ben:leave()
        assert.equal(1, #ann:presence("chat:1").members)
      end)
      it("that hear through views and filters, and what was said last", function()
        local s = t.load {
          ["v.lua"] = [==[
            local v = channel("v:{n}", { publish = "user", latest = "k", filter = { "k" }, views = {
              { "ops", when = "role.ops" }, { "rest", drop = { "cost" } } } })
            function v:view_rest(msg) return msg.k ~= "hidden" and { k = msg.k, cost = msg.cost } or nil end
          ]==],
        }
        local ops, ann = s:client { user = "olga", roles = { "ops" } }, s:client { user = "ann" }
        for _, k in ipairs { "a", "hidden", "b" } do ops:publish("v:1", { k = k, cost = 1 }) end
        ops:subscribe "v:1"
        ann:subscribe("v:1", { filter = { k = { "a", "c", "hidden" } } })
        for _, k in ipairs { "b", "c", "hidden" } do ops:publish("v:1", { k = k, cost = 2 }) end
        assert.same({ { k = "a" }, { k = "c" } }, ann:messages("v:1"))
        assert.equal(6, #ops:messages("v:1"))
        assert.received(ops, "v:1", { k = "hidden", cost = 1 })
      end)
      it("that forget, and do not read", function()
        local s = t.load()
        local ann = s:client { user = "ann" }
        ann:subscribe "chat:1"
        ann:publish("chat:1", { text = "one" })
        assert.received(ann, "chat:1", { text = "one", by = "ann" })
        assert.equal("ann", ann:publications("chat:1")[1].user)
        ann:forget():stop_reading()
        s:publish("chat:1", { text = "two" })
        assert.not_received(ann, "chat:1")
        ann:read()
        assert.received(ann, "chat:1", { text = "two" })
      end)
    ]]
  end)

  it("lets server.on_connect judge tokens, headers and data", function()
    passes([[
      it("refuses", function()
        local s = t.load()
        assert.refused("no token", s:connect {})
        assert.refused("who is that", s:connect { token = "x", user = "mallory" })
        local result = s:connect { token = "ann's", headers = { ["X-Team"] = "red" }, data = { v = 2 }, ip = "10.1.2.3" }
        assert.accepted(result)
        assert.same({ user = "ann", team = "red", v = 2, ip = "10.1.2.3" }, result.client:call("who").data)
        assert.equal("ben", s:client({ user = "ben" }):call("who").data.user)
        local ok, reason = pcall(s.client, s, { token = "x" })
        assert.is_false(ok)
        assert.matches("refused: 400 who is that", reason)
      end)
    ]], { ["chat.lua"] = [[
      function server.on_connect(req)
        if req.user == "ben" then return true end
        local token = req.token ~= "" and req.token or reject "no token"
        if token ~= "ann's" then reject "who is that" end
        return { user = "ann", claims = { team = req.headers["x-team"], v = req.data.v, ip = req.ip } }
      end
      function server.rpc_who(_, from)
        return { user = from.user, team = from.claims.team, v = from.claims.v, ip = from.claims.ip }
      end
    ]] })
  end)

  it("changes scripts while clients are there", function()
    passes([[
      it("reloads", function()
        local s = t.load "count.lua"
        local ann = s:client { user = "ann" }
        assert.equal("first 1", ann:call("c/add").data)
        s:reload { ["lib/words.lua"] = "return 'second'" }
        assert.equal("second 2", ann:call("c/add").data)
        local ok, reason = s:try_reload { ["count.lua"] = "local x = = 1" }
        assert.is_nil(ok)
        assert.matches("count.lua:1: unexpected symbol near '='\n    local x = = 1", reason, 1, true)
        assert.equal("second 3", ann:call("c/add").data)
        s:reload()
        assert.equal("first 4", ann:call("c/add").data)
        assert.refused(102, ann:call("chat:1/x"))
      end)
      it("takes texts in place of files", function()
        local s = t.load { ["a.lua"] = "function server.rpc_a() return 1 end", ["lib/b.lua"] = "return 2" }
        assert.equal(1, s:client():call("a").data)
        assert.equal(1, s:call("a").data)
        assert.refused("method not found", s:call("b"))
      end)
    ]], {
      ["count.lua"] = [[
        local words = require "words"
        local c = channel("c", { call = "user" })
        function c:rpc_add()
          self.state.n = (self.state.n or 0) + 1
          return words .. " " .. self.state.n
        end
      ]],
      ["lib/words.lua"] = "return 'first'",
    })
  end)

  it("says where a test is wrong, and what was there instead", function()
    fails('assert.accepted(s:client():publish("chat:1", 1))', "expected it to be accepted, but it was refused: 103 permission denied")
    fails('assert.refused(s:client { user = "ann" }:publish("wall", 1))', "expected it to be refused, but it was accepted")
    fails('assert.refused(102, s:client():publish("chat:1", 1))', "expected it to be refused (102), but it was refused: 103")
    fails('assert.received(s:client {}, "ticks", { n = 1 })', 'expected a client without a user to receive {"n":1} in ticks',
      "nothing; a client without a user has not subscribed to it")
    fails([[local a = s:client { user = "ann" } a:subscribe "ticks" s:publish("ticks", { n = 2, m = 3 }) assert.received(a, "ticks", { n = 1 })]],
      'expected ann to receive {"n":1} in ticks, but there came\n      {"m":3,"n":2}')
    fails([[local a = s:client { user = "ann" } a:subscribe "ticks" s:publish("ticks", 7) assert.not_received(a, "ticks")]],
      "expected ann not to receive anything in ticks, but there came\n      7")
    fails('assert.logged(s, "nothing of that")', 'expected "nothing of that" in the log')
    fails("os.exit(true)", "os.exit() in a spec would end all of them")
    fails("local x; x.y = 1", "attempt to index a nil value (local 'x')")
  end)

  it("says how it is used, where it is used wrongly", function()
    fails('s:client { usr = "ann" }', "a client has no `usr`: there are user, roles, claims,")
    fails('s:advance "soon"', '"soon" is no time: write "500ms", "30s", "5m", "24h" or "7d"')
    fails('t.load "chats.lua"', "there is no script chats.lua in ")
    fails('t.load { ["a.lua"] = "channel(1)" }', "the scripts do not load:\n      a.lua:1: ")
    fails("assert.refused(1, 2)", "assert.refused: the result of a publish, subscribe, call or connect is needed, not 2")
    fails('assert.received(s, "ticks", 2)', "assert.received: a client of this scene is needed")
    fails('local a = s:client { user = "ann", expires = "1s" } s:advance "2s" a:publish("wall", 1)',
      "client ann is not connected any more: 3005 connection expired")
    fails('s:client { user = "ann" }:publish("wall", print)', "what is said.publish.data: a function")
  end)

  it("tells what went wrong in a script meanwhile", function()
    local result = run [[
      it("is blind", function()
        local s = t.load()
        s:client { user = "ann" }:publish("chat:1", { wrong = true })
        assert.is_true(false)
      end)
      it("is well", function() t.load() end)
    ]]
    has(result.out, "a script failed meanwhile: chat.lua:5: something broke (in on_publish)", "1 passed, 1 failed")
    assert.equal(1, select(2, result.out:gsub("a script failed", "")))
  end)

  it("goes on where a file does not load or a setup fails", function()
    local dir = folder {
      ["a_spec.lua"] = "local x = = 1",
      ["b_spec.lua"] = 'describe("b", function() before_each(function() error "no setup" end) it("is", function() end) end)',
      ["sub/c_spec.lua"] = 'it("runs in c", function() end)',
      [".hidden_spec.lua"] = "error 'looked at'",
    }
    local result = weir { "test", dir }
    assert.equal(1, result.code)
    has(result.out, dir .. "/a_spec.lua:1: unexpected symbol near '='", "b_spec.lua:1: no setup", "passed  runs in c",
      "1 passed, 2 failed")
    has_not(result.out, "looked at")
  end)

  it("tells a setup that fails before each test once", function()
    local dir = folder {
      ["a_spec.lua"] = 'describe("a", function() before_each(function() error "no setup" end)\nit("x", function() end) it("y", function() end) end)',
    }
    local result = weir { "test", dir }
    has(result.out, "failed  a: before_each (2 times)\n", "0 passed, 2 failed")
    assert.equal(1, select(2, result.out:gsub("no setup", "")))
  end)

  it("runs the tests that have a text in their name", function()
    local body = 'it("says 100%", function() end)\nit("says no", function() error "x" end)'
    local result = run(body, nil, { "--filter", "100%" })
    assert.equal(0, result.code, result.out)
    has(result.out, "passed  it says 100%\n1 passed, 0 failed in ")
    result = run(body, nil, { "--filter", "nothing" })
    assert.equal(1, result.code)
    has(result.out, 'no test has "nothing" in its name')
  end)

  it("is JSON for programs", function()
    local result = run([[
      it("is good", function() end)
      it("is bad", function() assert.equal(1, 2) end)
      pending("is to come")
    ]], nil, { "--json" })
    assert.equal(1, result.code)
    assert.equal("", result.err)
    local told = cjson.decode(result.out)
    assert.same({ false, 1, 1, 1, 3 }, { told.ok, told.passed, told.failed, told.pending, #told.tests })
    assert.same({ "it is good", "passed", 3 }, { told.tests[1].name, told.tests[1].status, told.tests[1].line })
    assert.same({ "it is bad", "failed", 4 }, { told.tests[2].name, told.tests[2].status, told.tests[2].line })
    assert.matches("chat_spec.lua$", told.tests[2].file)
    assert.matches("Expected objects to be equal", told.tests[2].reason)
    assert.equal("pending", told.tests[3].status)
  end)

  it("tells which lines of the scripts never ran", function()
    local files = {
      ["chat.lua"] = table.concat({
        'local words = require "words"',
        'local c = channel("c", { publish = "user" })',
        "function c:on_publish(msg)",
        '  if msg == "a" then',
        "    return true",
        "  elseif msg == \"b\" then",
        "    self.state.b = 1",
        "    return { b = words.twice(1) }",
        "  else",
        "    return { c = 1 }",
        "  end",
        "end",
        "function c:rpc_never()",
        "  return 1",
        "end",
      }, "\n"),
      ["lib/words.lua"] = "return { twice = function(n)\n  return 2 * n\nend }\n",
      ["other.lua"] = 'channel("other", {})',
    }
    local body = [[
      it("is half", function()
        t.load("chat.lua"):client({ user = "ann" }):publish("c", "a")
      end)
      it("is of another text", function()
        t.load { ["chat.lua"] = "\n\n\n\n\n\nlog 'x'\nlog 'y'\nchannel('x', {})" }
      end)
    ]]
    local result = run(body, files, { "--coverage" })
    assert.equal(0, result.code, result.out)
    has(result.out, " % of chat.lua: never ran line 6-8, 10, 14\n", " % of lib/words.lua: never ran line 2\n",
      "  0 % of other.lua: never ran line 1\n")
    local told = cjson.decode(run(body, files, { "--coverage", "--json" }).out).coverage
    assert.same({ file = "chat.lua", lines = 11, run = 6, missed = { 6, 7, 8, 10, 14 } }, told[1])
    has_not(run(body, files, {}).out, "never ran")
  end)

  it("lets specs require what is in lib, and read files", function()
    passes([[
      it("requires", function()
        assert.equal(2, require "words".count "a b")
        assert.is_truthy(io.open(debug.getinfo(1).source:sub(2)))
      end)
    ]], { ["lib/words.lua"] = "return { count = function(text) return select(2, text:gsub('%S+', '')) end }" })
  end)

  it("answers what hooks ask other servers, and has their store and cache go by its clock", function()
    local files = {
      ["chat.lua"] = [[
        local idp = breaker("idp", { failures = 2, open_for = "10s" })
        local c = channel("c:{n}", { subscribe = "anyone", call = "anyone" })
        function c:on_open() self:every("10s", "poll") end
        function c:poll() self:publish { got = http.get("https://x.example/poll").body } end
        function c:rpc_get(args) return http.get(args.url, { headers = { ["X-Own"] = "1" } }).status end
        function c:rpc_break(args) return idp:call(http.get, args.url).status end
        function c:rpc_state() return idp:state() end
        function c:rpc_cached() return cache("k", { ttl = "60s" }, function() return http.get("https://x.example/n").body end) end
        function c:rpc_set() store.set("a", 1, { ttl = "1h" }) end
        function c:rpc_kept() return store.get "a" end
        function c:rpc_env() return env.CITY == "Rome" end
      ]],
      ["chat_spec.lua"] = spec [[
        local s, ann
        before_each(function()
          s = t.load "chat.lua"
          ann = s:client { user = "ann" }
        end)
        local function get(url) return ann:call("c:1/get", { url = url }) end
        it("answers", function()
          s:http("https://x.example/a", { status = 201 })
          assert.equal(201, get("https://x.example/a").data)
          assert.equal("GET", s.requests[1].method)
          assert.equal("1", s.requests[1].headers["x-own"])
          s:http("GET https://x.example/a", function(request) return { status = 202, json = request.url } end)
          assert.equal(202, get("https://x.example/a").data)
          s:http("https://x.example/b", { error = "is down" })
          assert.refused("http: GET https://x.example/b: is down", get "https://x.example/b")
          assert.refused("no spec answers it: s:http(", get "https://x.example/c")
        end)
        it("lets time pass where nothing answers", function()
          s:http("https://x.example/a", false)
          local result = get "https://x.example/a"
          assert.truthy(result.pending)
          s:advance "5s"
          assert.refused("no answer within", result)
        end)
        it("answers timers at their time", function()
          local n = 0
          s:http("https://x.example/poll", function() n = n + 1 return { body = tostring(n) } end)
          ann:subscribe "c:1"
          s:advance "1m"
          assert.equal(6, n)
          assert.received(ann, "c:1", { got = "6" })
        end)
        it("goes by the clock", function()
          local n = 0
          s:http("https://x.example/n", function() n = n + 1 return { body = tostring(n) } end)
          assert.equal("1", ann:call("c:1/cached").data)
          s:advance "59s"
          assert.equal("1", ann:call("c:1/cached").data)
          s:advance "2s"
          assert.equal("2", ann:call("c:1/cached").data)
          ann:call "c:1/set"
          assert.equal(1, ann:call("c:1/kept").data)
          s:advance "61m"
          assert.equal(t.null, ann:call("c:1/kept").data)
          s:http("https://x.example/down", { status = 503 })
          for _ = 1, 2 do ann:call("c:2/break", { url = "https://x.example/down" }) end
          assert.equal("open", ann:call("c:2/state").data)
          assert.refused("breaker `idp` is open", ann:call("c:2/break", { url = "https://x.example/down" }))
          s:advance "10s"
          assert.equal("half-open", ann:call("c:2/state").data)
        end)
        it("ends with requests under way", function()
          s:http("https://x.example/a", false)
          get "https://x.example/a"
          assert.is_true(ann:call("c:3/env").data)
        end)
      ]],
    }
    local result = weir({ "test", folder(files), "--script-env", "CITY" }, { "CITY=Rome" })
    assert.equal(0, result.code, result.out .. result.err)
  end)

  it("keeps the limits that it is told", function()
    local files = {
      ["chat.lua"] = "function server.rpc_long() local n = 0 while n < 1e9 do n = n + 1 end end",
      ["chat_spec.lua"] = spec [[it("stops", function() assert.refused("after 20 ms of CPU time", t.load():call "long") end)]],
    }
    local result = weir { "test", folder(files), "--hook-ms", "20" }
    assert.equal(0, result.code, result.out)
  end)

  it("says what is missing", function()
    local result = weir { "test", folder { ["chat.lua"] = CHAT } }
    assert.equal(1, result.code)
    has(result.err, "there is no spec in ", "chat_spec.lua")
    result = weir { "test", "/nonexistent" }
    assert.equal(1, result.code)
    has(result.err, "/nonexistent is no folder")
    result = weir({ "test", "examples/chat" }, { "LUA_PATH=/nonexistent/?.lua" })
    assert.equal(1, result.code)
    has(result.err, "busted, which is not installed: apt-get install lua-busted")
  end)

  it("runs them again whenever a file changes", function()
    local dir = folder { ["a_spec.lua"] = 'it("is first", function() end)' }
    local out = os.tmpname()
    os.execute(("timeout 60 %s >%s 2>&1 & echo $! >%s.pid"):format(cli.command_line { "test", dir, "--watch" }, out, out))
    local function wait(text)
      for _ = 1, 500 do
        if cli.read_file(out):find(text, 1, true) then return true end
        os.execute "sleep 0.05"
      end
      error("it never said " .. text .. ", but " .. cli.read_file(out))
    end
    wait "waiting until something changes"
    has(cli.read_file(out), "passed  is first")
    cli.write_file(dir .. "/a_spec.lua", 'it("is second", function() end)')
    wait "passed  is second"
    os.execute(("kill $(cat %s.pid); rm %s %s.pid"):format(out, out, out))
  end)
end)
