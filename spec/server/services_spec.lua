-- What scripts reach beyond their channels, in the running server: http, store, cache, breaker, env.
local cjson = require "cjson"
local http = require "http"
local server = require "server"
local socket = require "room.socket"
local talk = require "talk"
local web = require "web"

local AUTH = [[
-- auth by an external API behind a circuit breaker: cached, stale answers while the provider is down, fails closed
local idp = breaker("idp", { failures = 5, window = "30s", open_for = "10s" })

function server.on_connect(req)
  local token = req.token or reject "no token"
  return cache("auth/" .. token, { ttl = "60s", stale = "10m" }, function()
    local res = idp:call(http.post, env.IDP_URL .. "/introspect", { json = { token = token }, timeout = "1s" })
    if res.status ~= 200 then reject "bad token" end
    local who = res:json()
    return { user = who.sub, roles = who.roles, claims = who, expires = who.exp }
  end)
end

local room = channel("room:{n}", { subscribe = "role.moderator" })
]]

local ASKS = [[
local function try(f, ...)
  local ok, got = pcall(f, ...)
  if ok then return { status = got.status, ok = got.ok, body = got.body, headers = got.headers } end
  return { why = got }
end

local room = channel("room:{n}", { subscribe = "anyone", publish = "anyone", call = "anyone" })

function room:rpc_get(args) return try(http.get, args.url, args.options) end
function room:rpc_post(args) return try(http.post, args.url, args.options) end
function room:rpc_request(args) return try(http.request, args) end
function room:rpc_vanish(args)
  local headers = {}
  local function name(i) return "x-" .. i .. ("n"):rep(40) end
  for i = 1, 50 do headers[name(i)] = ("v" .. i):rep(40) end
  return try(http.get, args.url, setmetatable({ headers = headers }, { __index = function(_, option)
    if option ~= "json" then return end
    for i = 1, 50 do headers[name(i)] = nil end
    for i = 1, 60 do local _ = ("y"):rep(10000) .. i end
  end }))
end
function room:rpc_json(args) return http.get(args.url):json() end
function room:rpc_uncaught(args) return http.get(args.url).status end
function room:on_publish(msg)
  if msg.url then return { n = msg.n, status = http.get(msg.url).status } end
  return { n = msg.n, v = VERSION }
end

local slow = channel("slow:{n}", { publish = "anyone", timeout = "400ms" })
function slow:on_publish(msg) http.get(msg.url, { timeout = "5s" }) return true end
]]

local KEEPS = [[
local room = channel("room:{n}", { subscribe = "anyone", publish = "anyone", call = "anyone" })

function room:rpc_set(a) store.set(a.key, a.value, a.options) return (store.get(a.key)) end
function room:rpc_get(a) local value, version = store.get(a.key) return { value = value, version = version } end
function room:rpc_delete(a) store.delete(a.key) return store.get(a.key) == nil end
function room:rpc_add(a) return store.add(a.key, a.by, a.options) end
function room:rpc_swap(a)
  local ok, version = store.swap(a.key, a.value, a.version)
  return { ok = ok, version = version }
end
function room:rpc_list(a)
  local list, more = store.list(a.prefix, a.options)
  return { list = list, more = more }
end
function room:rpc_fail(a)
  store.set(a.key, "new")
  store.add(a.key .. "/n", 1)
  error("after the wishes")
end
function room:rpc_refuse(a)
  store.set(a.key, "stands")
  reject "no"
end
function room:rpc_env(a) return env[a.name] end

local slow = channel("slow:{n}", { call = "anyone", timeout = "300ms" })
function slow:rpc_cached(a) return cache(a.key, {}, function() sleep "5s" end) end

local hoard = {}
function room:rpc_hoard()
  for i = 1, 1e9 do hoard[i] = ("x"):rep(100000) .. i end
end
function room:rpc_nap(a) sleep(a.d) return "slept" end

local fetched = 0
local idp = breaker("idp", { failures = 2, window = "30s", open_for = "300ms" })

function room:rpc_cached(a)
  return cache(a.key, { ttl = a.ttl, stale = a.stale, wait = a.wait }, function()
    fetched = fetched + 1
    local n = fetched
    if a.nap then sleep(a.nap) end
    if a.no then reject(403, a.no) end
    if a.bad then error(a.bad, 0) end
    return { n = n }
  end)
end
function room:rpc_effect(a)
  local wishes = { publish = function() self:publish(1) end, set = function() store.set("a", 1) end }
  return { pcall(cache, a.key, {}, wishes[a.wish]) }
end
function room:rpc_badly(a)
  local raises = setmetatable({}, { __tostring = function() error "inside" end })
  local ways = {
    ttl = function() return cache(a.key, { ttl = "soon" }, function() return 1 end) end,
    value = function() return cache(a.key, {}, function() return tostring end) end,
    raises = function() return cache(a.key, {}, function() error(raises) end) end,
    again = function() return cache(a.key, {}, function() return cache(a.key, {}, function() return 1 end) end) end,
  }
  local ok, why = pcall(ways[a.way])
  local after = cache(a.key, {}, function() return "well" end)
  return { ok = ok, why = tostring(why == raises or why), after = after }
end
function room:rpc_call(a)
  local ok, why = pcall(function() return idp:call(function(x) if x then error(x, 0) end return "fine" end, a.bad) end)
  return { ok = ok, why = why, state = idp:state() }
end
function room:rpc_asks(a) return idp:call(http.get, a.url).status end
function room:rpc_state() return idp:state() end
]]

local function metric(it_runs, name)
  local text = http.get(it_runs, "/metrics").body
  for line in text:gmatch "[^\n]+" do
    local value = line:sub(1, #name + 1) == name .. " " and line:sub(#name + 2)
    if value then return tonumber(value) end
  end
end

describe("scripts that ask other servers", function()
  local it_runs

  lazy_setup(function()
    web.start()
    it_runs = server.start { command = "dev", scripts = { ["a.lua"] = ASKS:gsub("VERSION", "1") },
      args = { "--workers", "2", "--http-ca", web.ca, "--http-bytes", "65536", "--hook-timeout-ms", "3000", "--hook-ms", "1000" } }
  end)
  lazy_teardown(function()
    it_runs:stop()
    web.stop()
  end)
  after_each(function()
    talk.close_all()
    assert.is_nil(it_runs:exit_status())
  end)

  local function ask(method, args, channel)
    local got, code, why = talk.to(it_runs, { as = "ann" }):connect():call((channel or "room:1/") .. method, args)
    if got == nil then return { code = code, why = why } end
    return got
  end

  it("get status, headers and body", function()
    local got = ask("get", { url = web.http .. "/bytes/5000" })
    assert.same({ 200, true, ("x"):rep(5000) }, { got.status, got.ok, got.body })
    assert.equal("5000", got.headers["content-length"])
    got = ask("get", { url = web.http .. "/status/404" })
    assert.same({ 404, false }, { got.status, got.ok })
    assert.equal("1, 2", ask("get", { url = web.raw .. "/twice" }).headers["x-a"])
  end)

  it("send headers that are still there, whatever else is done while the options are read", function()
    local got = ask("vanish", { url = web.http .. "/echo" })
    assert.equal(200, got.status, got.why)
  end)

  it("post JSON, text, headers, any method", function()
    local said = cjson.decode(ask("post", { url = web.http .. "/echo", options = { json = { a = { 1, 2 } } } }).body)
    assert.same({ "POST", '{"a":[1,2]}' }, { said.method, said.body })
    assert.truthy(table.concat(said.fields, "|"):lower():find("content%-type|application/json"))
    said = cjson.decode(ask("request", { url = web.http .. "/echo", method = "PUT", body = "text",
      headers = { ["X-Own"] = "yes" } }).body)
    assert.same({ "PUT", "text" }, { said.method, said.body })
    assert.truthy(table.concat(said.fields, "|"):lower():find("x%-own|yes"))
  end)

  it("read JSON, and are told where it is none", function()
    local ann = talk.to(it_runs, { as = "ann" }):connect()
    assert.equal("GET", ann:call("room:1/json", { url = web.http .. "/echo" }).method)
    local _, code, why = ann:call("room:1/json", { url = web.http .. "/status/200" })
    assert.equal(500, code)
    assert.truthy(why:find("res:json(): not JSON, at byte 1", 1, true), why)
  end)

  it("are told what went wrong, with the origin and no path, and it is counted", function()
    local function why(url, options) return ask("get", { url = url .. "?secret", options = options }).why end
    local before = metric(it_runs, 'weir_fetch_total{result="timed_out"}')
    local text = why(web.http .. "/silent", { timeout = "100ms" })
    assert.truthy(text:find("within 100 ms", 1, true), text)
    assert.is_nil(text:find("secret", 1, true))
    assert.equal(before + 1, metric(it_runs, 'weir_fetch_total{result="timed_out"}'))
    text = why "http://127.0.0.1:1/"
    assert.truthy(text:find("http://127.0.0.1:1", 1, true) and text:find("onnect", 1, true), text)
    text = why(web.http .. "/bytes/70000")
    assert.truthy(text:find("65536", 1, true), text)
    assert.equal(1, metric(it_runs, 'weir_fetch_total{result="too_large"}'))
    assert.truthy(why(web.http .. "/vanish"))
    assert.truthy(why(web.raw .. "/garbage"))
    assert.truthy(why "ftp://127.0.0.1/":find("only http and https", 1, true))
    assert.equal(0, metric(it_runs, "weir_fetch_pending"))
    assert.truthy(metric(it_runs, 'weir_fetch_total{result="failed"}') >= 3)
  end)

  it("are refused with an incident where they catch nothing", function()
    local got = ask("uncaught", { url = "http://127.0.0.1:1/" })
    assert.equal(500, got.code)
  end)

  it("are told of options that are none", function()
    local got = ask("get", { url = web.http .. "/echo", options = { time_out = "1s" } })
    assert.truthy(got.why:find("http: unknown `time_out`: did you mean `timeout`?", 1, true), got.why)
    got = ask("get", { url = web.http .. "/echo", options = { json = 1, body = "x" } })
    assert.truthy(got.why:find("exclude each other", 1, true), got.why)
  end)

  it("check certificates", function()
    assert.equal(200, ask("get", { url = web.https .. "/bytes/1" }).status)
    local plain <close> = server.start { command = "dev", scripts = { ["a.lua"] = ASKS } }
    local ann = talk.to(plain, { as = "ann" }):connect()
    local got = ann:call("room:1/get", { url = web.https .. "/bytes/1" })
    assert.truthy(got.why:find("certificate", 1, true), got.why)
  end)

  it("keep connections for the next request", function()
    local ann = talk.to(it_runs, { as = "ann" }):connect()
    ann:call("room:k/get", { url = web.http .. "/echo" })
    local function connections()
      return cjson.decode(ann:call("room:k/get", { url = web.http .. "/seen" }).body).connections
    end
    local before = connections()
    for _ = 1, 5 do ann:call("room:k/get", { url = web.http .. "/echo" }) end
    assert.equal(before, connections())
  end)

  it("follow redirects when they say so", function()
    local url = web.http .. "/redirect/302?to=" .. web.http .. "/status/204"
    assert.equal(302, ask("get", { url = url }).status)
    assert.equal(204, ask("get", { url = url, options = { redirects = 1 } }).status)
  end)

  it("keep the order of their channel while they wait", function()
    local ann = talk.to(it_runs, { as = "ann" }):connect():join "room:order"
    ann:say { id = 50, publish = { channel = "room:order", data = { n = 1, url = web.http .. "/hold" } } }
    ann:say { id = 51, publish = { channel = "room:order", data = { n = 2 } } }
    local ben = talk.to(it_runs, { as = "ben" }):connect():join "room:free"
    ben:says("room:free", { n = 9 }):hears("room:free", { n = 9, v = 1 })
    ann:hears_nothing "room:order"
    server.wait(5, function() return ben:call("room:free/get", { url = web.http .. "/release" }).body and
      metric(it_runs, "weir_fetch_pending") == 0 end)
    ann:hears("room:order", { n = 1, status = 200 }):hears("room:order", { n = 2, v = 1 })
  end)

  it("are ended when the hook's time is over, and the request with them", function()
    local before = metric(it_runs, 'weir_fetch_total{result="given_up"}')
    local ann = talk.to(it_runs, { as = "ann" }):connect()
    local code, why = ann:refused { publish = { channel = "slow:a", data = { url = web.http .. "/silent" } } }
    assert.equal(504, code)
    assert.truthy(why:find("stopped after 400 ms", 1, true), why)
    assert.equal(before + 1, metric(it_runs, 'weir_fetch_total{result="given_up"}'))
    assert.equal(0, metric(it_runs, "weir_fetch_pending"))
  end)

  it("go on in their generation when scripts are reloaded meanwhile", function()
    local ann = talk.to(it_runs, { as = "ann" }):connect():join "room:reload"
    ann:say { id = 60, publish = { channel = "room:reload", data = { n = 1, url = web.http .. "/hold" } } }
    server.wait(5, function() return metric(it_runs, "weir_fetch_pending") == 1 end)
    it_runs:write("a.lua", (ASKS:gsub("VERSION", "2")))
    it_runs:wait_log "event=reload "
    ann:say { id = 61, publish = { channel = "room:reload", data = { n = 2 } } }
    http.get({ port = web.ports.http }, "/release")
    ann:hears("room:reload", { n = 1, status = 200 }):hears("room:reload", { n = 2, v = 2 })
  end)

  it("are ended in their generation, too, when their time is over", function()
    local ann = talk.to(it_runs, { as = "ann" }):connect()
    ann:say { id = 62, publish = { channel = "slow:r", data = { url = web.http .. "/silent" } } }
    server.wait(5, function() return metric(it_runs, "weir_fetch_pending") == 1 end)
    it_runs:write("a.lua", (ASKS:gsub("VERSION", "3")))
    assert.equal(504, ann:reply(62).error.code)
    assert.equal(0, metric(it_runs, "weir_fetch_pending"))
  end)

  it("are forgotten at the server's end", function()
    local short = server.start { command = "dev", scripts = { ["a.lua"] = ASKS },
      args = { "--workers", "2", "--hook-timeout-ms", "60000" } }
    local ann = talk.to(short, { as = "ann" }):connect():join "room:end"
    for i = 1, 5 do
      ann:say { id = 70 + i, publish = { channel = "room:end" .. i, data = { url = web.http .. "/silent" } } }
    end
    server.wait(5, function() return metric(short, "weir_fetch_pending") == 5 end)
    assert.equal(0, short:stop())
  end)

  it("reach nobody in production but who is on the list", function()
    local none <close> = server.start { scripts = { ["a.lua"] = ASKS }, args = { "--token-secret", ("s"):rep(40), "--api-key", "key" } }
    local function call(it_is, url)
      local reply = http.post(it_is, "/api/rpc", cjson.encode { channel = "room:1", method = "get", params = { url = url } },
        { ["X-API-Key"] = "key" })
      return (cjson.decode(reply.body).result or error(reply.body)).data
    end
    local why = call(none, web.http .. "/echo").why
    assert.truthy(why:find("not on the list", 1, true) and why:find("--http-allow", 1, true), why)
    assert.equal(1, metric(none, 'weir_fetch_total{result="not_allowed"}'))
    local one <close> = server.start { scripts = { ["a.lua"] = ASKS },
      args = { "--token-secret", ("s"):rep(40), "--api-key", "key", "--http-allow", "127.0.0.1:" .. web.ports.http } }
    assert.equal(200, call(one, web.http .. "/echo").status)
    assert.truthy(call(one, web.raw .. "/echo").why:find("not on the list", 1, true))
  end)

  it("have it said at the start what is wrong with the list or the certificates", function()
    local bad = server.try { command = "dev", scripts = { ["a.lua"] = ASKS }, args = { "--http-ca", "/nowhere.pem" } }
    assert.is_nil(bad.port)
    assert.truthy(bad.log():find("/nowhere.pem", 1, true), bad.log())
    bad:stop()
    bad = server.try { command = "dev", scripts = { ["a.lua"] = ASKS }, args = { "--http-allow", "a b/c" } }
    assert.is_nil(bad.port)
    assert.truthy(bad.log():find("http-allow", 1, true), bad.log())
    bad:stop()
  end)
end)

describe("auth by an external server", function()
  local it_runs

  lazy_setup(function()
    web.start()
    it_runs = server.start { command = "dev", scripts = { ["auth.lua"] = AUTH }, env = { IDP_URL = web.http },
      args = { "--workers", "1", "--script-env", "IDP_URL" } }
  end)
  lazy_teardown(function()
    it_runs:stop()
    web.stop()
  end)
  after_each(function()
    talk.close_all()
    assert.is_nil(it_runs:exit_status())
  end)

  local function comes(token)
    local one = talk.to(it_runs)
    return one, one:ask { connect = { token = token } }
  end

  local function is_down(down)
    http.get({ port = web.ports.http }, "/idp/" .. (down and "down" or "up"))
  end

  it("lets in whom it knows, as what it says, and asks once for many", function()
    local ann = comes "ann-good"
    assert.truthy(ann:ask { subscribe = { channel = "room:1" } }.subscribe)
    local all = {}
    for i = 1, 10 do
      all[i] = talk.to(it_runs)
      all[i]:say { id = 1, connect = { token = "bea-good" } }
    end
    for i = 1, 10 do assert.truthy(all[i]:reply(1).connect) end
    local seen = cjson.decode(http.get({ port = web.ports.http }, "/seen").body)
    assert.equal(2, seen.requests["/introspect"])
  end)

  it("refuses whom it does not know, and without a token", function()
    local _, reply = comes "mallory"
    assert.same({ 400, "bad token" }, { reply.error.code, reply.error.message })
    _, reply = comes()
    assert.same({ 400, "no token" }, { reply.error.code, reply.error.message })
  end)

  it("lets in while it is down who was known, and nobody else; the breaker opens", function()
    is_down(true)
    local _, reply = comes "ann-good"
    assert.truthy(reply.connect)
    for _ = 1, 6 do
      _, reply = comes "cat-good"
      assert.truthy(reply.error)
    end
    is_down(false)
    assert.equal(1, metric(it_runs, 'weir_breaker_open{script="auth.lua",name="idp"}'))
    assert.truthy(it_runs.log():find("event=breaker_opened", 1, true))
  end)
end)

for _, workers in ipairs { 1, 2 } do
  describe("scripts that keep things, with " .. workers .. " worker(s),", function()
    local it_runs, ann

    lazy_setup(function()
      it_runs = server.start { command = "dev", scripts = { ["a.lua"] = KEEPS }, env = { CITY = "Rome", SECRET = "s" },
        args = { "--workers", tostring(workers), "--script-env", "CITY,EMPTY", "--store-bytes", "200000" } }
    end)
    lazy_teardown(function() it_runs:stop() end)
    before_each(function() ann = talk.to(it_runs, { as = "ann" }):connect() end)
    after_each(function()
      talk.close_all()
      assert.is_nil(it_runs:exit_status())
    end)

    local function call(method, args, room) return (ann:call(("room:%s/%s"):format(room or 1, method), args)) end

    it("set, get, delete and see their own wishes", function()
      assert.same({ a = { 1 } }, call("set", { key = "k", value = { a = { 1 } } }))
      local got = call("get", { key = "k" }, 2)
      assert.same({ a = { 1 } }, got.value)
      assert.truthy(got.version > 0)
      assert.is_true(call("delete", { key = "k" }))
      assert.same({ version = 0 }, call("get", { key = "k" }, 3))
    end)

    it("forget after the ttl", function()
      call("set", { key = "t", value = 1, options = { ttl = "200ms" } })
      assert.equal(1, call("get", { key = "t" }).value)
      socket.sleep(250)
      assert.is_nil(call("get", { key = "t" }).value)
    end)

    it("undo set where the hook fails, not where it refuses; add is at once", function()
      call("set", { key = "u", value = "old" })
      local _, code = ann:call("room:1/fail", { key = "u" })
      assert.equal(500, code)
      assert.equal("old", call("get", { key = "u" }).value)
      assert.equal(1, call("get", { key = "u/n" }).value)
      ann:call("room:1/refuse", { key = "u" })
      assert.equal("stands", call("get", { key = "u" }).value)
    end)

    it("add, swap and list", function()
      assert.equal(5, call("add", { key = "n", by = 5 }))
      assert.equal(3, call("add", { key = "n", by = -2 }))
      local got = call("get", { key = "n" })
      assert.is_true(call("swap", { key = "n", value = 10, version = got.version }).ok)
      local lost = call("swap", { key = "n", value = 11, version = got.version })
      assert.is_false(lost.ok)
      assert.equal(call("get", { key = "n" }).version, lost.version)
      for i = 1, 3 do call("set", { key = "l/" .. i, value = i }) end
      assert.same({ list = { { key = "l/1", value = 1 }, { key = "l/2", value = 2 } }, more = true },
        call("list", { prefix = "l/", options = { limit = 2 } }))
      assert.same({ list = { { key = "l/3", value = 3 } }, more = false },
        call("list", { prefix = "l/", options = { after = "l/2" } }))
    end)

    it("are told when the store is full, and it is counted", function()
      local code, why
      for i = 1, 100 do
        local reply = ann:ask { rpc = { method = "room:1/set", data = { key = "big" .. i, value = ("x"):rep(8000) } } }
        if reply.error then
          code, why = reply.error.code, reply.error.message
          break
        end
      end
      assert.equal(500, code)
      assert.truthy(why:find("--store-bytes", 1, true), why)
      assert.truthy(metric(it_runs, "weir_store_refused_total") >= 1)
      assert.truthy(metric(it_runs, "weir_store_bytes") > 0)
    end)

    it("read the variables that they may", function()
      assert.equal("Rome", call("env", { name = "CITY" }))
      assert.same(cjson.null, call("env", { name = "EMPTY" }) or cjson.null)
      local _, code, why = ann:call("room:1/env", { name = "SECRET" })
      assert.equal(500, code)
      assert.truthy(why:find("--script-env SECRET", 1, true), why)
    end)

    it("fetch once for all who ask, and share a refusal", function()
      local others = {}
      for i = 1, 5 do
        others[i] = talk.to(it_runs, { as = "u" .. i }):connect()
        -- one room, and so one worker; but a method that waits holds it: so each asks for a room of its own there
        others[i]:say { id = 9, rpc = { method = "room:c" .. i .. "/cached", data = { key = "one", nap = "150ms", ttl = "10s" } } }
      end
      local numbers = {}
      for i = 1, 5 do numbers[others[i]:reply(9).rpc.data.n] = true end
      local distinct = 0
      for _ in pairs(numbers) do distinct = distinct + 1 end
      assert.truthy(distinct <= workers)
      assert.truthy(metric(it_runs, 'weir_cache_total{result="joined"}') >= 5 - workers - 1)
      for i = 1, 5 do
        others[i]:say { id = 10, rpc = { method = "room:d" .. i .. "/cached", data = { key = "no", nap = "100ms", no = "not you" } } }
      end
      for i = 1, 5 do
        local reply = others[i]:reply(10)
        assert.same({ 403, "not you" }, { reply.error.code, reply.error.message })
      end
    end)

    it("hand a fetch over when who began it has no time left", function()
      local other = talk.to(it_runs, { as = "other" }):connect()
      ann:say { id = 90, rpc = { method = "slow:1/cached", data = { key = "handed" } } }
      socket.sleep(50)
      other:say { id = 91, rpc = { method = "room:1/cached", data = { key = "handed", ttl = "10s" } } }
      assert.equal(504, ann:reply(90).error.code)
      assert.truthy(other:reply(91).rpc.data.n)
    end)

    it("go on in a VM that is thrown away meanwhile", function()
      local other = talk.to(it_runs, { as = "other" }):connect()
      other:say { id = 92, rpc = { method = "room:nap/nap", data = { d = "500ms" } } }
      socket.sleep(50)
      assert.equal(504, ann:ask { rpc = { method = "room:nap2/hoard", data = {} } }.error.code)
      assert.equal("slept", other:reply(92).rpc.data)
      assert.equal("slept", call("nap", { d = "10ms" }, "nap"))
    end)

    for way, why in pairs { ttl = "duration", value = "JSON cannot hold", raises = "true", again = "fetches that key already" } do
      it("do not wait for themselves after a cache that was used badly: " .. way, function()
        local got = call("badly", { key = "badly " .. way, way = way })
        assert.is_false(got.ok)
        assert.truthy(got.why:find(why, 1, true), got.why)
        assert.equal("well", got.after)
      end)
    end

    it("use what is stale while the fetch fails", function()
      local first = call("cached", { key = "s", ttl = "50ms", stale = "10s" })
      socket.sleep(80)
      assert.same(first, call("cached", { key = "s", ttl = "50ms", stale = "10s", bad = "down" }))
      local _, code = ann:call("room:1/cached", { key = "s2", bad = "down" })
      assert.equal(500, code)
    end)

    describe("with wait = false", function()
      local function ask(options)
        options.ttl, options.stale, options.wait = options.ttl or "50ms", "10s", false
        return call("cached", options)
      end

      it("have what is stale at once, and fetch anew meanwhile, once", function()
        local first = ask { key = "w" }
        socket.sleep(80)
        for _ = 1, 5 do assert.same(first, ask { key = "w", nap = "300ms", ttl = "10s" }) end
        assert.truthy(server.wait(5, function() return ask({ key = "w" }).n ~= first.n end))
        assert.same({ n = first.n + 1 }, ask { key = "w" })
      end)

      it("keep it over an error, and forget it for a refusal", function()
        local first, failed = ask { key = "w2" }, 'weir_cache_total{result="failed"}'
        socket.sleep(80)
        local before = metric(it_runs, failed)
        assert.same(first, ask { key = "w2", bad = "down" })
        assert.truthy(server.wait(5, function() return metric(it_runs, failed) == before + 1 end))
        assert.same(first, ask { key = "w2", no = "not you" })
        assert.truthy(server.wait(5, function() return metric(it_runs, failed) == before + 2 end))
        assert.truthy(ask({ key = "w2" }).n > first.n + 2)
      end)

      it("say so where the fetch would have effects, which none has", function()
        for _, wish in ipairs { "publish", "set" } do
          local ok, why = table.unpack(call("effect", { key = "e" .. wish, wish = wish }))
          assert.is_false(ok)
          assert.truthy(why:find("what cache() fetches with has no effects", 1, true), why)
        end
      end)

      it("are not held up by a fetch that a reload or the end of the server leaves behind", function()
        local first = ask { key = "left" }
        socket.sleep(80)
        assert.same(first, ask { key = "left", nap = "10s" })
        it_runs:write("a.lua", server.read(it_runs.scripts .. "/a.lua") .. "\n-- again\n")
        assert.truthy(http.api(it_runs, "reload").result)
        assert.same({ n = 1 }, call("cached", { key = "left" }))
        ask { key = "end" }
        socket.sleep(80)
        ask { key = "end", nap = "10s" }
      end)
    end)

    it("break a circuit, and try again", function()
      assert.same({ ok = true, why = "fine", state = "closed" }, call("call", {}, "b"))
      assert.equal("down", call("call", { bad = "down" }, "b").why)
      assert.equal("open", call("call", { bad = "down" }, "b").state)
      local refused = call("call", {}, "b")
      assert.is_false(refused.ok)
      assert.truthy(refused.why:find("breaker `idp` is open: the next try may be in %d+ ms"), refused.why)
      assert.equal(1, metric(it_runs, 'weir_breaker_open{script="a.lua",name="idp"}'))
      assert.equal(1, metric(it_runs, 'weir_breaker_refused_total{script="a.lua",name="idp"}'))
      socket.sleep(350)
      assert.equal("half-open", call("state", {}, "b"))
      assert.same({ ok = true, why = "fine", state = "closed" }, call("call", {}, "b"))
      assert.equal(0, metric(it_runs, 'weir_breaker_open{script="a.lua",name="idp"}'))
    end)
  end)
end
