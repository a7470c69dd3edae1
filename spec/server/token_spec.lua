-- Who somebody is: tokens, dev mode's word, server.on_connect.
local cjson = require "cjson"
local http = require "http"
local server = require "server"
local talk = require "talk"
local token = require "token"

local SECRET = "spec-secret"
local RULES = [[
channel("lobby", {})
channel("anyone", { subscribe = "anyone", publish = "anyone" })
channel("room:{name}", { subscribe = "user", publish = "user", presence = true })
channel("staff", { subscribe = "role.staff" })
channel("team:{team}", { subscribe = "claims.team == params.team" })
channel("level", { subscribe = "claims.access.level >= 3" })
function server.rpc_whoami(_, from)
  return { user = from.user, roles = from.roles, claims = from.claims, info = from.info }
end
]]

local function start(more)
  local options = { scripts = { ["a.lua"] = RULES }, args = { "--workers", "1", "--token-secret", SECRET } }
  for name, value in pairs(more or {}) do options[name] = value end
  return server.start(options)
end

describe("tokens that others sign", function()
  local folder, jose

  lazy_setup(function()
    folder = server.folder()
    local pipe = assert(io.popen("node spec/support/jose.mjs " .. folder))
    jose = cjson.decode(pipe:read "a")
    pipe:close()
    local set = assert(io.open(folder .. "/jwks.json", "w"))
    set:write(cjson.encode { keys = { jose.jwks.p256, jose.jwks.ed25519 } })
    set:close()
  end)
  lazy_teardown(function() os.execute("rm -r " .. server.quote(folder)) end)
  after_each(talk.close_all)

  local function serving(args, use)
    local it_runs <close> = setmetatable({ server = start { args = args } }, { __close = function(it) it.server:stop() end })
    return use(it_runs.server)
  end

  it("are checked with keys from files, while the secret's still hold", function()
    local files = folder .. "/rsa.pem," .. folder .. "/jwks.json"
    serving({ "--token-keys", files, "--token-secret", SECRET }, function(it_runs)
      for _, alg in ipairs { "RS256", "PS512", "ES256", "EdDSA" } do
        local ann = talk.to(it_runs):connect { token = jose.tokens[alg] }
        assert.equal("ann", (ann:call "whoami").user, alg)
      end
      talk.to(it_runs):connect { token = token({ sub = "ben" }, SECRET) }
      for name, bad in pairs(jose.attacks) do
        local mallory = talk.to(it_runs)
        mallory:say { id = 1, connect = { token = bad } }
        assert.equal(3500, (mallory:closed()), name)
      end
      assert.is_nil(it_runs:exit_status())
    end)
  end)

  it("have to be for this server and by its issuer, and of the algorithms it wants", function()
    serving({ "--token-keys", folder .. "/jwks.json", "--token-audience", "weir", "--token-issuer", "https://id", "--token-algs", "ES256" },
      function(it_runs)
        talk.to(it_runs):connect { token = jose.claims.mine }
        for _, bad in ipairs { jose.claims["for another"], jose.claims["by another"], jose.tokens.ES256, jose.tokens.EdDSA } do
          local mallory = talk.to(it_runs)
          mallory:say { id = 1, connect = { token = bad } }
          assert.equal(3500, (mallory:closed()))
        end
      end)
  end)

  it("may be late by the leeway", function()
    serving({ "--token-secret", SECRET, "--token-leeway-s", "60" }, function(it_runs)
      talk.to(it_runs):connect { token = token({ sub = "ann", exp = os.time() - 5 }, SECRET) }
      local late = talk.to(it_runs)
      late:say { id = 1, connect = { token = token({ sub = "ann", exp = os.time() - 90 }, SECRET) } }
      assert.equal(109, late:reply(1).error.code)
    end)
  end)

  it("cannot be checked with what is no key: the server says so and does not start", function()
    local cases = {
      ["--token-keys /nowhere"] = "option --token-keys: /nowhere: No such file or directory",
      ["--token-keys " .. folder .. "/rsa.key"] = "it holds a private key",
      ["--token-algs ES255"] = '"ES255" is no algorithm of tokens',
      ["--token-algs RS256 --token-secret s"] = "option --token-algs: there is no secret and no key for any of RS256",
    }
    for args, why in pairs(cases) do
      local pipe = io.popen(("%s serve --scripts %s --listen 127.0.0.1:0 %s 2>&1"):format(server.binary(), folder, args))
      local said = pipe:read "a"
      local _, _, code = pipe:close()
      assert.truthy(code > 0 and said:find(why, 1, true), args .. ": " .. said)
    end
  end)
end)

describe("a token", function()
  local it_runs

  lazy_setup(function() it_runs = start() end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(function()
    talk.close_all()
    assert.is_nil(it_runs:exit_status())
  end)

  local function comes(claims)
    return talk.to(it_runs):connect { token = token(claims, SECRET) }
  end

  local function soon(seconds)
    return os.time() + seconds
  end

  it("says user, roles, info, and all else as claims", function()
    local ann = comes { sub = "ann", exp = soon(60), roles = { "staff" }, info = { name = "Ann" }, team = "blue",
      access = { level = 3 } }
    assert.same({ user = "ann", roles = { "staff" }, info = { name = "Ann" },
      claims = { team = "blue", access = { level = 3 } } }, (ann:call "whoami"))
  end)

  it("made by `weir token` is as good", function()
    local pipe = io.popen(("WEIR_TOKEN_SECRET=%s %s token --user ann --roles staff,chef --expires 1h"):format(SECRET,
      server.binary()))
    local text = pipe:read "l"
    pipe:close()
    local ann = talk.to(it_runs):connect { token = text }
    assert.same({ "staff", "chef" }, (ann:call "whoami").roles)
  end)

  it("decides by its roles and claims what a user may join", function()
    local ann, ben = comes { sub = "ann", roles = { "staff" }, team = "blue", access = { level = 3 } }, comes { sub = "ben" }
    ann:join "lobby":join "staff":join "team:blue":join "level"
    assert.equal(103, (ann:refused { subscribe = { channel = "team:red" } }))
    ben:join "lobby"
    for _, channel in ipairs { "staff", "team:blue", "level", "team:" } do
      assert.truthy(({ [103] = true, [102] = true })[ben:refused { subscribe = { channel = channel } }], channel)
    end
  end)

  it("shows its info, byte for byte, in presence and with publications", function()
    local info = '{"z":1.0,"a":[9007199254740993],"n":"\\u00e4"}'
    local ann = talk.to(it_runs):connect { token = token('{"sub":"ann","info":' .. info .. "}", SECRET) }
    ann:join "room:a":says("room:a", 1)
    local _, _, line = ann:listen "room:a"
    assert.truthy(line:find('"conn_info":' .. info, 1, true), line)
    local id = ann:next_id()
    ann:say { id = id, presence = { channel = "room:a" } }
    line = ann:wait(function(m) return m.id == id end, "presence").text
    assert.truthy(line:find('"conn_info":' .. info, 1, true), line)
  end)

  it("that has expired is error 109, then the connection is good for nothing else", function()
    local ann = talk.to(it_runs)
    local text = token({ sub = "ann", exp = soon(-10) }, SECRET)
    ann:say('{"id":1,"connect":{"token":"' .. text .. '"}}', '{"id":2,"subscribe":{"channel":"anyone"}}')
    assert.same({ code = 109, message = "token expired" }, ann:reply(1).error)
    assert.same({ nil, "timeout" }, { ann:closed(100) })
    assert.same({}, ann.inbox)
    ann:say { id = 3, subscribe = { channel = "anyone" } }
    assert.same({ 3501, "bad request" }, { ann:closed() })
  end)

  describe("is invalid, 3500, with", function()
    local good = { sub = "ann" }
    local function parts()
      return token(good, SECRET):match "^(.-)%.(.-)%.(.*)$"
    end
    local cases = {
      ["another secret"] = function() return token(good, "another") end,
      ["a changed body"] = function()
        local head, body, signature = parts()
        return head .. "." .. body:gsub("^.", "f") .. "." .. signature
      end,
      ["a cut signature"] = function() return token(good, SECRET):sub(1, -2) end,
      ["no signature"] = function() return ("%s.%s."):format(parts()) end,
      ["two parts"] = function() return ("%s.%s"):format(parts()) end,
      ["four parts"] = function() return token(good, SECRET) .. ".x" end,
      ["padding"] = function() return token(good, SECRET) .. "=" end,
      ["algorithm none"] = function() return token(good, SECRET, '{"alg":"none"}') end,
      ["algorithm NONE and no signature"] = function() return "eyJhbGciOiJOb25lIn0." .. select(2, parts()) .. "." end,
      ["algorithm HS512 with another digest"] = function() return token(good, SECRET, '{"alg":"HS512"}', "sha256") end,
      ["no algorithm"] = function() return token(good, SECRET, "{}") end,
      ["nonsense"] = function() return "nonsense" end,
      ["a user that is no text"] = function() return token('{"sub":1}', SECRET) end,
      ["an exp that is no number"] = function() return token('{"sub":"ann","exp":"tomorrow"}', SECRET) end,
      ["a channel of its own"] = function() return token('{"sub":"ann","channel":"lobby"}', SECRET) end,
      ["roles that are no list"] = function() return token('{"sub":"ann","roles":"staff"}', SECRET) end,
      ["a time before which it is not good"] = function() return token({ sub = "ann", nbf = os.time() + 3600 }, SECRET) end,
      ["claims that are no object"] = function() return token("[]", SECRET) end,
      ["claims that are no JSON"] = function() return token("{sub}", SECRET) end,
      ["another user's body and an expired time"] = function() return token({ sub = "ann", exp = 1 }, "another") end,
    }
    for name, make in pairs(cases) do
      it(name, function()
        local before = http.metric(it_runs, 'weir_refused_total{reason="token"}')
        local ann = talk.to(it_runs)
        ann:say { id = 1, connect = { token = make() } }
        assert.same({ 3500, "invalid token" }, { ann:closed() })
        assert.equal(before + 1, http.metric(it_runs, 'weir_refused_total{reason="token"}'))
      end)
    end
  end)

  it("that runs out closes the connection with 3005", function()
    local ann = comes { sub = "ann", exp = soon(2) }
    ann:join "room:exp"
    assert.same({ 3005, "connection expired" }, { ann:closed() })
  end)

  it("that runs out in the far future does not", function()
    for _, exp in ipairs { "9007199254740991", "99999999999", "9223372036854775807" } do
      local ann = talk.to(it_runs)
      ann:say { id = 1, connect = { token = token('{"sub":"ann","exp":' .. exp .. "}", SECRET) } }
      if exp ~= "9223372036854775807" then
        assert.truthy(ann:reply(1).connect, exp)
        ann:join "room:far":says("room:far", 1):hears("room:far", 1)
      else
        ann:closed(200) -- whatever is said of it, the server is there afterwards
      end
    end
    assert.equal(200, http.get(it_runs, "/healthz").status)
  end)

  it("never stands in the log", function()
    local text = token({ sub = "ann", exp = 1 }, SECRET)
    local ann = talk.to(it_runs)
    ann:say { id = 1, connect = { token = text } }
    ann:reply(1)
    assert.is_nil(it_runs.log():find(text, 1, true))
    assert.is_nil(it_runs.log():find(SECRET, 1, true))
  end)

  it("that is missing makes nobody: the default rules admit users only", function()
    local nobody = talk.to(it_runs, { as = "ann", roles = "staff" }):connect()
    assert.same({ user = "", roles = {}, claims = {} }, (nobody:call "whoami"))
    for _, channel in ipairs { "lobby", "room:a", "staff" } do
      assert.same({ 103, "permission denied" }, { nobody:refused { subscribe = { channel = channel } } }, channel)
    end
    assert.equal(103, (nobody:refused { publish = { channel = "room:a", data = 1 } }))
    nobody:join "anyone":says("anyone", 1):hears("anyone", 1)
  end)

  it("with an empty user is nobody too", function()
    local nobody = comes { sub = "", roles = { "staff" } }
    assert.equal(103, (nobody:refused { subscribe = { channel = "lobby" } }))
    nobody:join "staff"
  end)
end)

describe("a token in dev mode", function()
  local it_runs

  lazy_setup(function() it_runs = start { command = "dev" } end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(function() talk.close_all() end)

  it("beats what the address says", function()
    local ann = talk.to(it_runs, { as = "mallory", roles = "staff" }):connect { token = token({ sub = "ann" }, SECRET) }
    assert.same({ user = "ann", roles = {}, claims = {} }, (ann:call "whoami"))
  end)

  it("is not needed: the address says who it is", function()
    local ann = talk.to(it_runs, { as = "ann%20b%C3%A4r", roles = "staff,,chef" }):connect()
    assert.same({ user = "ann b\xc3\xa4r", roles = { "staff", "chef" }, claims = {} }, (ann:call "whoami"))
  end)
end)

describe("a token without a secret to check it", function()
  it("is refused, not believed", function()
    local it_runs <close> = server.start { scripts = { ["a.lua"] = RULES }, args = { "--workers", "1" } }
    local ann = talk.to(it_runs)
    ann:say { id = 1, connect = { token = token({ sub = "ann" }, "") } }
    assert.equal(3500, (ann:closed()))
    talk.close_all()
  end)
end)

describe("server.on_connect", function()
  local it_runs

  lazy_setup(function()
    it_runs = start { scripts = { ["a.lua"] = RULES .. [[
      function server.on_connect(req)
        local data = req.data or {}
        if data.boom then error "boom" end
        if data.no then reject(data.no) end
        if data.nothing then return nil end
        if data.as then return { user = data.as, roles = { "staff" }, claims = { team = "red" }, info = { via = "hook" } } end
        if data.past then return { user = "ann", expires = os.time() - 5 } end
        if data.short then return { user = "ann", expires = os.time() + 2 } end
        if data.far then return { user = "ann", expires = math.maxinteger } end
        if data.header then return { user = req.headers["x-user"] or "none" } end
        if data.typo then return { usr = "ann" } end
        return true
      end
      function server.on_disconnect(client, why)
        publish("anyone", { gone = client.user, why = why })
      end
    ]] } }
  end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(function()
    talk.close_all()
    assert.is_nil(it_runs:exit_status())
  end)

  local function comes(data, headers, text)
    local client = talk.to(it_runs, { headers = headers })
    client:say { id = 1, connect = { data = data, token = text } }
    return client
  end

  it("may say who it is", function()
    local ann = comes { as = "ann" }
    assert.truthy(ann:reply(1).connect)
    assert.same({ user = "ann", roles = { "staff" }, claims = { team = "red" }, info = { via = "hook" } },
      (ann:call "whoami"))
    ann:join "staff":join "team:red"
  end)

  it("may leave it at what the token says", function()
    local ann = comes({}, nil, token({ sub = "ann", team = "blue" }, SECRET))
    assert.truthy(ann:reply(1).connect)
    assert.same({ team = "blue" }, (ann:call "whoami").claims)
  end)

  it("sees the headers", function()
    local ann = comes({ header = true }, { ["X-User"] = "Ann" })
    assert.truthy(ann:reply(1).connect)
    assert.equal("Ann", (ann:call "whoami").user)
  end)

  it("may refuse: with its words, by saying nothing, by failing", function()
    assert.same({ code = 400, message = "go away" }, comes({ no = "go away" }):reply(1).error)
    assert.equal(103, comes({ nothing = true }):reply(1).error.code)
    for _, data in ipairs { { boom = true }, { typo = true } } do
      local error = comes(data):reply(1).error
      assert.equal(500, error.code)
      it_runs:wait_log(error.incident)
    end
  end)

  it("may say when it ends: 110 for the past, 3005 when the time has come", function()
    assert.equal(110, comes({ past = true }):reply(1).error.code)
    local ann = comes { short = true }
    assert.truthy(ann:reply(1).connect)
    assert.equal(3005, (ann:closed()))
  end)

  it("may say a time beyond all clocks", function()
    local ann = comes { far = true }
    assert.truthy(ann:reply(1).connect)
    ann:join "anyone":says("anyone", 1):hears("anyone", 1)
  end)

  it("has a farewell, which is told why", function()
    local ben = comes { as = "ben" }
    assert.truthy(ben:reply(1).connect)
    ben:join "anyone"
    local ann = comes { as = "ann" }
    assert.truthy(ann:reply(1).connect)
    ann:close()
    local gone = ben:listen "anyone"
    assert.equal("ann", gone.gone)
    assert.truthy(gone.why ~= nil and gone.why ~= cjson.null)
  end)
end)
