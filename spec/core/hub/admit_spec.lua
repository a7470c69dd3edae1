local halls = require "hall"
local jwt = require "room.jwt"

describe("admission", function()
  local hall

  after_each(function()
    if hall then hall:finish() end
    hall = nil
  end)

  local function open(options)
    options.types = { { pattern = "chat", presence = true, publish = "role.admin or claims.tier == 3" } }
    hall = halls.open(options)
    return hall
  end

  local function connect(fields, visit)
    local talk = hall:talk(0, visit)
    local lines = talk:says('{"id":1,"connect":{' .. (fields or "") .. "}}")
    return talk, lines[1]
  end

  -- What others are told of a client, without its id.
  local function presence_of(talk)
    talk:joins "chat"
    local line = talk:says('{"id":2,"presence":{"channel":"chat"}}')[1]
    return (line:gsub("%x+%-%x+%-%x+%-%x+%-%x+", "ID"))
  end

  it("takes dev mode's word for who somebody is", function()
    open { is_dev = true }
    local talk = connect(nil, { as = "alice", roles = "admin,,dev" })
    assert.equal('{"id":2,"presence":{"presence":{"ID":{"user":"alice","client":"ID"}}}}', presence_of(talk))
    assert.same(2, #talk:publishes("chat", "1"))
  end)

  it("takes nobody's word outside dev mode", function()
    open { is_dev = false }
    local talk = connect(nil, { as = "alice", roles = "admin" })
    assert.equal('{"id":2,"presence":{"presence":{"ID":{"user":"","client":"ID"}}}}', presence_of(talk))
    assert.truthy(talk:publishes("chat", "1")[1]:find '"code":103')
  end)

  it("takes a role with a quote in it for one role", function()
    open { is_dev = true }
    local talk = connect(nil, { as = 'a"b', roles = 'x","admin' })
    assert.truthy(presence_of(talk):find('"user":"a\\"b"', 1, true))
  end)

  describe("by token", function()
    local function token(claims, secret) return '"token":"' .. jwt.sign(claims, secret or "s3cret") .. '"' end

    it("lets in whom a good token names, with info, roles and claims", function()
      open { secret = "s3cret", is_dev = false }
      local talk = connect(token '{"sub":"bob","info":{"name":"B"},"roles":["x"],"tier":3}')
      assert.equal('{"id":2,"presence":{"presence":{"ID":{"user":"bob","client":"ID","conn_info":{"name":"B"}}}}}',
        presence_of(talk))
      assert.equal(2, #talk:publishes("chat", "1"))
    end)

    it("believes the token, not what dev mode's address says", function()
      open { secret = "s3cret", is_dev = true }
      local talk = connect(token '{"sub":"bob"}', { as = "alice", roles = "admin" })
      assert.truthy(presence_of(talk):find '"user":"bob"')
      assert.truthy(talk:publishes("chat", "1")[1]:find '"code":103')
    end)

    it("ends with 3500 for a bad one and counts it", function()
      open { secret = "s3cret" }
      for _, bad in ipairs { token('{"sub":"bob"}', "other"), '"token":"x"', '"token":"a.b.c"' } do
        local talk, reply = connect(bad)
        assert.is_nil(reply)
        assert.same({ code = 3500, reason = "invalid token" }, talk.goodbye)
      end
      assert.equal(3, hall:stat "REFUSED_TOKEN")
      assert.is_nil(hall:log():find("a.b.c", 1, true), "no token in the log")
    end)

    it("answers 109 for an expired one, so that the client fetches another", function()
      open { secret = "s3cret" }
      local talk, reply = connect(token('{"sub":"bob","exp":' .. os.time() - 10 .. "}"))
      assert.equal('{"id":1,"error":{"code":109,"message":"token expired"}}', reply)
      assert.is_nil(talk.goodbye)
      assert.equal(1, hall:stat "REFUSED_TOKEN")
    end)

    it("lets in one that expired a moment ago, within the leeway", function()
      open { secret = "s3cret", leeway_s = 30 }
      local _, reply = connect(token('{"sub":"bob","exp":' .. os.time() - 5 .. "}"))
      assert.truthy(reply and reply:find '"connect"', reply)
    end)

    it("ends with 3500 where there is neither a secret nor a script to judge it", function()
      open {}
      local talk = connect(token '{"sub":"bob"}')
      assert.same({ code = 3500, reason = "invalid token" }, talk.goodbye)
    end)

    it("takes an empty token for none", function()
      open { secret = "s3cret", is_dev = true }
      local talk = connect('"token":""', { as = "alice" })
      assert.truthy(presence_of(talk):find '"user":"alice"')
    end)
  end)

  describe("by server.on_connect", function()
    local answer, event

    local function open_with_script(options)
      options = options or {}
      options.server_hooks = { "connect" }
      options.on = { connect = function(asked)
        event = asked
        return answer
      end }
      return open(options)
    end

    before_each(function() answer, event = nil, nil end)

    it("is asked with all there is to know", function()
      open_with_script { secret = "s3cret" }
      local good = jwt.sign('{"sub":"bob","tier":3}', "s3cret")
      connect('"token":"' .. good .. '","data":{"v":[1]}',
        { ip = "10.1.2.3", headers = { ["user-agent"] = "x", cookie = "c=1" } })
      assert.equal(good, event.token)
      assert.is_true(event.is_verified)
      assert.equal("bob", event.facts.user)
      assert.equal('{"tier":3}', event.facts.claims)
      assert.equal("10.1.2.3", event.facts.ip)
      assert.equal('{"v":[1]}', event.data)
      assert.same({ ["user-agent"] = "x", cookie = "c=1" }, event.headers)
    end)

    it("judges tokens that the server has no key for", function()
      open_with_script { is_dev = false }
      answer = { verdict = "replace", who = { user = "carol", roles = '["admin"]', info = "[1]" } }
      local talk = connect '"token":"opaque"'
      assert.equal("opaque", event.token)
      assert.is_false(event.is_verified)
      assert.equal('{"id":2,"presence":{"presence":{"ID":{"user":"carol","client":"ID","conn_info":[1]}}}}',
        presence_of(talk))
    end)

    it("is not asked about a token that is false", function()
      open_with_script { secret = "s3cret" }
      local talk = connect '"token":"x.y.z"'
      assert.is_nil(event)
      assert.equal(3500, talk.goodbye.code)
    end)

    it("can leave things as they are", function()
      open_with_script { is_dev = true }
      answer = { verdict = "accept" }
      local talk = connect(nil, { as = "alice" })
      assert.truthy(presence_of(talk):find '"user":"alice"')
    end)

    it("can refuse, and that is counted", function()
      open_with_script()
      answer = { verdict = "refuse", code = 401, text = "who are you?" }
      local _, reply = connect()
      assert.equal('{"id":1,"error":{"code":401,"message":"who are you?"}}', reply)
      assert.equal(1, hall:stat "REFUSED_SCRIPT")
      assert.equal(0, hall:stat "SESSIONS")
    end)

    it("cannot let in somebody who has expired", function()
      open_with_script()
      answer = { verdict = "replace", who = { user = "x", expires = os.time() - 1 } }
      local _, reply = connect()
      assert.equal('{"id":1,"error":{"code":110,"message":"expired"}}', reply)
    end)

    it("may publish, in a later turn", function()
      open_with_script()
      local alice = hall:join("alice", 0):joins "chat"
      answer = { effects = { { kind = "publish", channel = "chat", data = '"somebody came"' } } }
      connect()
      assert.same({ '{"push":{"channel":"chat","pub":{"data":"somebody came"}}}' }, alice:hears())
    end)
  end)
end)
