-- The server API, health and metrics.
local cjson = require "cjson"
local http = require "http"
local server = require "server"
local talk = require "talk"

local KEY = { ["X-API-Key"] = "key" }
local RULES = [[
local room = channel("room:{name}", { subscribe = "anyone", publish = "anyone", presence = true })
function room:on_publish() reject "not for strangers" end
function room:rpc_add(args) return { sum = args.a + args.b } end
function room:rpc_boom() error "boom" end
channel("kept:{name}", { subscribe = "anyone", history = 10 })
channel("blind", { subscribe = "anyone" })
local told = channel("told:{name}", { subscribe = "nobody" })
function told:on_published(msg) publish("room:" .. self.params.name, { heard = msg }) end
function server.rpc_echo(args) return args end
]]

local function start(workers)
  return server.start {
    command = "dev",
    scripts = { ["a.lua"] = RULES },
    args = { "--workers", workers, "--api-key", "key" },
  }
end

describe("the server API", function()
  local it_runs

  lazy_setup(function() it_runs = start "1" end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(function()
    talk.close_all()
    assert.is_nil(it_runs:exit_status())
  end)

  local function comes(name)
    return talk.to(it_runs, { as = name }):connect()
  end

  local function api(method, params)
    return http.api(it_runs, method, params)
  end

  describe("wants its key:", function()
    it("as X-API-Key, as Authorization or in the query", function()
      for _, headers in ipairs { { ["x-api-key"] = "key" }, { Authorization = "apikey key" }, { Authorization = "ApiKey key" } } do
        assert.equal(200, http.post(it_runs, "/api/info", "{}", headers).status)
      end
      assert.equal(200, http.post(it_runs, "/api/info?api_key=key", "{}").status)
      assert.equal(200, http.post(it_runs, "/api/info?a=b&api_key=%6bey", "{}").status)
    end)

    it("and answers 401 to all others, whatever they ask", function()
      for _, headers in ipairs { {}, { ["X-API-Key"] = "" }, { ["X-API-Key"] = "Key" }, { ["X-API-Key"] = "key2" },
        { ["X-API-Key"] = "ke" }, { Authorization = "key" }, { Authorization = "Bearer key" }, { Authorization = "apikey" },
        { Authorization = "apikey  key" }, { ["X-API-Key"] = "wrong", Authorization = "apikey wrong" } } do
        for _, path in ipairs { "/api/info", "/api/nope", "/api/publish", "/api/" } do
          assert.equal(401, http.post(it_runs, path, "{}", headers).status, path .. cjson.encode(headers))
        end
      end
      assert.equal(401, http.post(it_runs, "/api/info?api_key=wrong", "{}").status)
      assert.equal(401, http.post(it_runs, "/api/info?api_key", "{}").status)
    end)

    it("and says why in its own form, as when it is not asked by POST", function()
      local answer = http.post(it_runs, "/api/info", "{}")
      assert.equal("application/json", answer.headers["content-type"])
      assert.same({ error = { code = 101, message = "unauthorized: the API key is missing or wrong (header X-API-Key)" } },
        cjson.decode(answer.body))
      answer = http.get(it_runs, "/api/info", { ["X-API-Key"] = "key" })
      assert.same({ 405, "POST", "application/json" },
        { answer.status, answer.headers.allow, answer.headers["content-type"] })
      assert.same({ error = { code = 107, message = "bad request: the server API is asked by POST" } },
        cjson.decode(answer.body))
    end)

    it("and never shows it", function()
      assert.is_nil(it_runs.log():find("=key", 1, true))
      assert.is_nil(http.post(it_runs, "/api/info", "{}").body:find("key:", 1, true))
    end)
  end)

  it("answers 404 for what is no method", function()
    for _, path in ipairs { "nope", "", "Publish", "publish/", "info/x", "%70ublish" } do
      local answer = http.post(it_runs, "/api/" .. path, "{}", KEY)
      assert.same({ 404, "application/json" }, { answer.status, answer.headers["content-type"] }, path)
      assert.equal(104, cjson.decode(answer.body).error.code)
    end
  end)

  it("answers 400 for what is no JSON object, and says where it is wrong", function()
    for _, body in ipairs { "x", "[]", "1", "null", "{", '{"a":1,}', "{}x", "{} {}", '{"a":"\xff"}', '{"a":01}', "\xef\xbb\xbf{}" } do
      for _, method in ipairs { "publish", "info" } do
        local answer = http.post(it_runs, "/api/" .. method, body, KEY)
        assert.equal(400, answer.status, body)
        assert.equal(107, cjson.decode(answer.body).error.code)
      end
    end
  end)

  it("needs no body where there are no parameters", function()
    assert.equal(200, http.post(it_runs, "/api/info", "", KEY).status)
    assert.equal(200, http.post(it_runs, "/api/channels", "", KEY).status)
  end)

  describe("publish", function()
    it("speaks as the house: no rule, no on_publish, no sender", function()
      local ann = comes "ann":join "room:a"
      assert.same({ result = { durable = false } }, api("publish", { channel = "room:a", data = { x = 1 } }))
      local data, pub = ann:listen "room:a"
      assert.same({ x = 1 }, data)
      assert.is_nil(pub.info)
    end)

    it("is heard by on_published as it was said, one or many", function()
      local ann = comes "ann":join "room:a"
      local said = { text = ("well "):rep(200), list = { 1, 2, 3 } }
      api("publish", { channel = "told:a", data = said })
      assert.same({ heard = said }, (ann:listen "room:a"))
      api("broadcast", { channels = { "told:a", "told:a" }, data = said })
      for _ = 1, 2 do assert.same({ heard = said }, (ann:listen "room:a")) end
    end)

    it("tells offset and epoch where there is a history", function()
      local one = api("publish", { channel = "kept:a", data = 1 }).result
      local two = api("publish", { channel = "kept:a", data = cjson.null }).result
      assert.same({ 1, 2, false }, { one.offset, two.offset, one.durable })
      assert.equal(one.epoch, two.epoch)
      assert.truthy(#one.epoch >= 4)
    end)

    it("says what is wrong with its parameters", function()
      for _, params in ipairs { {}, { channel = "room:a" }, { data = 1 }, { channel = 7, data = 1 }, { channel = {}, data = 1 } } do
        local error = api("publish", cjson.encode(params) == "[]" and "{}" or params).error
        assert.equal(107, error.code)
        assert.truthy(error.message:find "channel" or error.message:find "data")
      end
      assert.equal(102, api("publish", { channel = "unknown", data = 1 }).error.code)
    end)

    it("and all others refuse names that no client could use", function()
      for _, name in ipairs { "room:a b", "room:" .. ("x"):rep(300), "room:\xc3\xa4", "room:\n" } do
        for method, params in pairs { publish = { data = 1 }, presence = {}, rpc = { method = "add" } } do
          params.channel = name
          local error = api(method, params).error
          assert.equal(107, (error or {}).code, method .. " " .. name)
        end
      end
    end)

    it("refuses what it does not have yet instead of ignoring it", function()
      for _, name in ipairs { "b64data", "skip_history", "tags", "idempotency_key", "delta", "version" } do
        assert.equal(108, api("publish", { channel = "room:a", data = 1, [name] = "x" }).error.code, name)
      end
    end)
  end)

  describe("broadcast", function()
    it("publishes to each and answers for each", function()
      local ann = comes "ann":join "room:b1":join "room:b2"
      local result = api("broadcast", { channels = { "room:b1", "unknown", "room:b2", "kept:b" }, data = "all" }).result
      assert.same({ result = { durable = false } }, result.responses[1])
      assert.equal(102, result.responses[2].error.code)
      assert.same({ result = { durable = false } }, result.responses[3])
      assert.equal(1, result.responses[4].result.offset)
      ann:hears("room:b1", "all"):hears("room:b2", "all")
    end)

    it("to none answers for none", function()
      local answer = http.post(it_runs, "/api/broadcast", '{"channels":[],"data":1}', KEY)
      assert.equal('{"result":{"responses":[]}}', answer.body)
    end)

    it("says what is wrong with its parameters", function()
      for _, body in ipairs { "{}", '{"channels":"room:a","data":1}', '{"channels":[1],"data":1}', '{"channels":["room:a"]}',
        '{"channels":null,"data":1}', '{"channels":{},"data":1}' } do
        assert.equal(107, api("broadcast", body).error.code, body)
      end
    end)
  end)

  it("presence and presence_stats tell who is there, or why not", function()
    local ann = comes "ann":join "room:p"
    assert.same({ presence = { [ann.client] = { user = "ann", client = ann.client } } },
      api("presence", { channel = "room:p" }).result)
    assert.same({ num_clients = 1, num_users = 1 }, api("presence_stats", { channel = "room:p" }).result)
    for _, method in ipairs { "presence", "presence_stats" } do
      assert.equal(107, api(method, "{}").error.code)
      assert.equal(102, api(method, { channel = "unknown" }).error.code)
      assert.equal(108, api(method, { channel = "blind" }).error.code)
    end
  end)

  it("channels lists those that live, by a glob if asked", function()
    local ann, ben = comes "ann", comes "ben"
    ann:join "room:c1":join "room:c2":join "blind"
    ben:join "room:c1"
    local all = api("channels").result.channels
    assert.same({ 2, 1, 1 }, { all["room:c1"].num_clients, all["room:c2"].num_clients, all.blind.num_clients })
    assert.same({ ["room:c1"] = { num_clients = 2 }, ["room:c2"] = { num_clients = 1 } },
      api("channels", { pattern = "room:c?" }).result.channels)
    assert.equal("{\"result\":{\"channels\":{}}}", http.post(it_runs, "/api/channels", '{"pattern":"no*"}', KEY).body)
    assert.equal(107, api("channels", { pattern = 7 }).error.code)
  end)

  it("info tells of the node", function()
    local before = api("info").result.nodes[1]
    local ann, ann_again, ben = comes "ann", comes "ann", comes "ben"
    ann:join "room:i"
    ann_again:join "room:i"
    ben:join "blind"
    local nodes = api("info").result.nodes
    assert.equal(1, #nodes)
    local node = nodes[1]
    assert.same({ 3, 2, 3 }, { node.num_clients - before.num_clients, node.num_users - before.num_users,
      node.num_subs - before.num_subs })
    assert.truthy(node.num_channels >= 2)
    assert.same({ 1, 1, "weir" }, { node.workers, node.generation, node.name })
    for _, name in ipairs { "uid", "version" } do assert.equal("string", type(node[name]), name) end
    assert.truthy(node.uptime >= 0 and node.uptime < 1000)
    assert.truthy(node.process.rss > 1e6 and node.process.rss < 1e9)
    assert.truthy(node.process.cpu > 0)
  end)

  describe("disconnect", function()
    it("ends all connections of a user, for good", function()
      local ann, ann_again, ben = comes "ann", comes "ann", comes "ben"
      assert.same({ result = {} }, api("disconnect", { user = "ann" }))
      assert.same({ 3503, "force disconnect" }, { ann:closed() })
      assert.same({ 3503, "force disconnect" }, { ann_again:closed() })
      ben:join "room:d"
    end)

    it("ends one connection, or all but some", function()
      local one, two, three = comes "ann", comes "ann", comes "ann"
      api("disconnect", { user = "ann", client = one.client })
      assert.equal(3503, (one:closed()))
      api("disconnect", { user = "ann", whitelist = { two.client } })
      assert.equal(3503, (three:closed()))
      two:join "room:d"
    end)

    it("does not end a connection of another user", function()
      local ann = comes "ann"
      api("disconnect", { user = "ben", client = ann.client })
      ann:join "room:d"
    end)

    it("ends nobody's connections where the user is empty", function()
      local ann, nobody = comes "ann", comes ""
      api("disconnect", { user = "" })
      assert.equal(3503, (nobody:closed()))
      ann:join "room:d"
    end)

    it("says what it is told to say", function()
      local ann = comes "ann"
      api("disconnect", { user = "ann", disconnect = { code = 4100, reason = "come back later" } })
      assert.same({ 4100, "come back later" }, { ann:closed() })
      local ben = comes "ben"
      api("disconnect", { user = "ben", disconnect = { code = 4100 } })
      local code, reason = ben:closed()
      assert.equal(4100, code)
      assert.truthy(#reason > 0)
    end)

    it("cuts a reason that is too long for a close frame at a character", function()
      local ann = comes "ann"
      api("disconnect", { user = "ann", disconnect = { code = 4100, reason = ("\xc3\xa4"):rep(100) } })
      local code, reason = ann:closed()
      assert.equal(4100, code)
      assert.truthy(#reason <= 123 and utf8.len(reason), reason)
    end)

    it("refuses parameters that clients could not bear", function()
      for _, body in ipairs { "{}", '{"user":7}', '{"user":"ann","client":7}', '{"user":"ann","disconnect":{"code":1000}}',
        '{"user":"ann","disconnect":{"code":5000}}', '{"user":"ann","disconnect":{"code":"x"}}' } do
        assert.equal(107, (api("disconnect", body).error or {}).code, body)
      end
    end)

    it("refuses parameters of the wrong kind instead of disconnecting more than was meant", function()
      for _, body in ipairs { '{"user":"ann","whitelist":"x"}', '{"user":"ann","whitelist":[7]}', '{"user":"ann","disconnect":7}',
        '{"user":"ann","disconnect":{"code":4000,"reason":7}}' } do
        assert.equal(107, (api("disconnect", body).error or {}).code, body)
      end
    end)

    it("says no reason that is JSON, which would make SDKs come back on final codes", function()
      for _, reason in ipairs { "{}", "7", "null", '"x"' } do
        local ann = comes "ann"
        api("disconnect", { user = "ann", disconnect = { code = 4500, reason = reason } })
        assert.same({ 4500, "closed: " .. reason }, { ann:closed() })
      end
    end)
  end)

  it("rpc calls a channel's method or the server's", function()
    assert.same({ result = { data = { sum = 3 } } },
      api("rpc", { channel = "room:r", method = "add", params = { a = 1, b = 2 } }))
    assert.equal('{"result":{"data":[1,[],{}]}}', http.post(it_runs, "/api/rpc", '{"method":"echo","params":[1,[],{}]}', KEY).body)
    assert.equal('{"result":{"data":null}}', http.post(it_runs, "/api/rpc", '{"method":"echo"}', KEY).body)
    assert.equal(107, api("rpc", "{}").error.code)
    assert.equal(107, api("rpc", '{"method":7}').error.code)
    assert.equal(104, api("rpc", { method = "nope" }).error.code)
    assert.equal(104, api("rpc", { channel = "room:r", method = "nope" }).error.code)
    assert.equal(102, api("rpc", { channel = "unknown", method = "add" }).error.code)
    local error = api("rpc", { channel = "room:r", method = "boom" }).error
    assert.equal(500, error.code)
    it_runs:wait_log(error.incident)
  end)
end)

describe("the server API with four workers", function()
  local it_runs

  lazy_setup(function() it_runs = start "4" end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(function() talk.close_all() end)

  it("sees everybody, whoever serves them", function()
    local clients, names = {}, {}
    for i = 1, 12 do
      clients[i] = talk.to(it_runs, { as = "user" .. i % 3 }):connect():join("room:w" .. i):join "room:all"
      names["room:w" .. i] = { num_clients = 1 }
    end
    assert.same(names, http.api(it_runs, "channels", { pattern = "room:w*" }).result.channels)
    local node = http.api(it_runs, "info").result.nodes[1]
    assert.same({ 12, 3, 24, 4 }, { node.num_clients, node.num_users, node.num_subs, node.workers })
    local channels = {}
    for i = 1, 12 do channels[i] = "room:w" .. i end
    local responses = http.api(it_runs, "broadcast", { channels = channels, data = "x" }).result.responses
    assert.equal(12, #responses)
    for i = 1, 12 do
      assert.same({ result = { durable = false } }, responses[i])
      clients[i]:hears("room:w" .. i, "x")
    end
    http.api(it_runs, "disconnect", { user = "user1" })
    for i = 1, 12, 3 do assert.equal(3503, (clients[i]:closed())) end
    clients[2]:join "kept:none"
  end)
end)

describe("the server API without a key", function()
  it("is off in serve mode", function()
    local it_runs <close> = server.start { scripts = { ["a.lua"] = RULES }, args = { "--workers", "1" } }
    for _, headers in ipairs { {}, { ["X-API-Key"] = "" }, { Authorization = "apikey " } } do
      local answer = http.post(it_runs, "/api/info", "{}", headers)
      assert.equal(401, answer.status)
      assert.truthy(answer.body:find("--api-key", 1, true))
    end
  end)

  it("is open to this machine in dev mode", function()
    local it_runs <close> = server.start { command = "dev", scripts = { ["a.lua"] = RULES }, args = { "--workers", "1" } }
    assert.equal(200, http.post(it_runs, "/api/info", "{}").status)
  end)
end)

describe("health and metrics", function()
  local it_runs

  lazy_setup(function() it_runs = start "2" end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(function() talk.close_all() end)

  it("say that it lives and is ready", function()
    assert.same({ 200, "{}" }, { http.get(it_runs, "/healthz").status, http.get(it_runs, "/healthz").body })
    assert.same({ 200, '{"ready":true}' }, { http.get(it_runs, "/readyz").status, http.get(it_runs, "/readyz").body })
  end)

  local function samples()
    local answer = http.get(it_runs, "/metrics")
    assert.equal("text/plain; version=0.0.4; charset=utf-8", answer.headers["content-type"])
    return answer.body
  end

  it("are well-formed Prometheus text", function()
    local ann = talk.to(it_runs, { as = "ann" }):connect():join "room:m"
    ann:refused { publish = { channel = "room:m", data = 1 } }
    ann:call("room:m/add", { a = 1, b = 2 })
    local text = samples()
    assert.equal("\n", text:sub(-1))
    local types, helps, seen, current = {}, {}, {}, nil
    for line in text:gmatch "([^\n]*)\n" do
      local help, kind = line:match "^# HELP ([a-z_]+) %S.*$", { line:match "^# TYPE ([a-z_]+) (%l+)$" }
      if help then
        assert.is_nil(helps[help], "two HELPs of " .. help)
        helps[help] = true
      elseif kind[1] then
        assert.is_nil(types[kind[1]], "two TYPEs of " .. kind[1])
        assert.truthy(({ counter = true, gauge = true, histogram = true })[kind[2]], line)
        types[kind[1]], current = kind[2], kind[1]
      else
        local name, labels, value = line:match "^([a-z_]+)(%b{}) (%S+)$"
        if not name then name, value = line:match "^([a-z_]+) (%S+)$" end
        assert.truthy(name and tonumber(value), "no sample: " .. line)
        assert.equal(current, name, "a sample away from its TYPE: " .. line)
        assert.truthy(helps[name], name)
        assert.truthy(name:find "^weir_")
        if types[name] == "counter" then assert.truthy(name:find "_total$", name) end
        for label in (labels or ""):gmatch '([%w_]+)="' do assert.truthy(label:find "^[a-z_]+$") end
        local key = name .. (labels or "")
        assert.is_nil(seen[key], "twice: " .. key)
        seen[key] = true
        assert.truthy(tonumber(value) >= 0, line)
      end
    end
  end)

  it("never name a channel or a user", function()
    local ann = talk.to(it_runs, { as = "very-secret-user" }):connect():join "room:very-secret-room"
    ann:refused { publish = { channel = "room:very-secret-room", data = 1 } }
    ann:call "room:very-secret-room/very-secret-method"
    ann:call "very-secret-method"
    assert.is_nil(samples():find("very-secret", 1, true))
  end)

  it("count connections, channels, messages, calls, errors and time", function()
    local function all(...)
      local values = {}
      for i, name in ipairs { ... } do values[i] = http.metric(it_runs, name) or 0 end
      return values
    end
    local names = { "weir_sessions", "weir_subscriptions", "weir_channels", "weir_messages_in_total",
      "weir_messages_out_total", 'weir_refused_total{reason="script"}', 'weir_script_calls_total{script="a.lua",hook="rpc_add"}',
      'weir_script_errors_total{script="a.lua",hook="rpc_boom"}' }
    -- Those of the specs before this one are on their way out.
    assert.truthy(server.wait(10, function() return all("weir_sessions")[1] == 0 end))
    local before = all(table.unpack(names))
    local ann, ben = talk.to(it_runs, { as = "ann" }):connect(), talk.to(it_runs, { as = "ben" }):connect()
    ann:join "kept:count"
    ben:join "kept:count"
    http.api(it_runs, "publish", { channel = "kept:count", data = 1 })
    ann:hears("kept:count", 1)
    ben:hears("kept:count", 1)
    ann:refused { publish = { channel = "room:count", data = 1 } }
    ann:call("room:count/add", { a = 1, b = 2 })
    ann:call("room:count/boom")
    local after = all(table.unpack(names))
    local rise = {}
    for i in ipairs(names) do rise[i] = after[i] - before[i] end
    assert.same({ 2, 2, 2, 1, 2, 2, 1, 1 }, rise)
    assert.truthy(all('weir_script_seconds_total{script="a.lua",hook="rpc_add"}')[1] > 0)
    assert.truthy(all("weir_bytes_in_total")[1] > 0 and all("weir_bytes_out_total")[1] > 0)
  end)
end)
