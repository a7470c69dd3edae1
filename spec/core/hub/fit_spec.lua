-- Messages and calls against the schemas of their channel.
local halls = require "hall"

local from, house = halls.from, halls.house
local SMALL = [[{"properties":{"n":{"maximum":9}}}]]

local function refusal(code, message)
  return ('{"id":8,"error":{"code":%d,"message":"%s"}}'):format(code, message)
end

describe("a channel's schemas", function()
  local hall

  local function open(channel, more)
    local options = more or {}
    channel.pattern = "a"
    options.types = { channel }
    hall = halls.open(options)
    return hall:join "alice"
  end

  after_each(function() hall:finish() end)

  local function house_says(data)
    hall:wish(0, { kind = "publish", channel = "a", data = data })
  end

  local function calls(talk, method, data)
    return talk:says(('{"id":8,"rpc":{"method":"a/%s"%s}}'):format(method, data and ',"data":' .. data or ""))
  end

  it("refuse what a client publishes and does not fit, before any hook", function()
    local alice = open { schema = SMALL, hooks = { "publish" } }
    assert.same({ refusal(400, "rejected by the schema: /n: maximum 9, got number 10") }, alice:publishes("a", '{"n":10}'))
    assert.same({ '{"id":8,"publish":{}}' }, alice:publishes("a", '{"n":9}'))
    assert.equal(1, #hall:heard "^publish ")
    assert.equal(1, hall:stat "REFUSED_SCHEMA")
    assert.equal(0, hall:stat "REFUSED_SCHEMA_LIMIT")
  end)

  it("let the house say what it likes", function()
    local alice = open { schema = SMALL }
    alice:joins "a"
    house_says '{"n":10}'
    assert.same({ house("a", '{"n":10}') }, alice:hears())
  end)

  it("count apart what took too long to look at", function()
    local alice = open { schema = [[{"pattern":"^(a+)+$"}]] }
    local line = alice:publishes("a", '"' .. ("a"):rep(40) .. 'b"')[1]
    assert.matches("rejected by the schema: the value: limit of %d+ steps: checking it takes more", line)
    assert.equal(0, hall:stat "REFUSED_SCHEMA")
    assert.equal(1, hall:stat "REFUSED_SCHEMA_LIMIT")
  end)

  it("hold for calls by their method", function()
    local alice = open { hooks = { "call" }, schema = [[{"type":"boolean"}]],
      calls = { buy = SMALL, stop = [[{"type":"null"}]] } }
    assert.same({ refusal(400, "rejected by the schema of rpc_buy: /n: maximum 9, got number 10") },
      calls(alice, "buy", '{"n":10}'))
    assert.same({ '{"id":8,"rpc":{"data":null}}' }, calls(alice, "buy", '{"n":1}'))
    assert.same({ refusal(400, "rejected by the schema of rpc_stop: the value: type null, got number 1") },
      calls(alice, "stop", "1"))
    assert.same({ '{"id":8,"rpc":{"data":null}}' }, calls(alice, "stop"))
    assert.same({ '{"id":8,"rpc":{"data":null}}' }, calls(alice, "other", '{"n":10}'))
    assert.equal(3, #hall:heard "^call ")
  end)

  describe("of what subscribers get", function()
    local answer

    before_each(function() answer = nil end)

    local function open_emitting(more)
      local alice = open({ emits = SMALL, hooks = { "publish" } }, more or {})
      return alice:joins "a"
    end

    local function on() return { publish = function() return answer end } end

    it("refuse in dev mode what a hook makes of a message, and what it wished with it", function()
      local alice = open_emitting { on = on() }
      local effects = { { kind = "publish", channel = "a", data = '"wish"' } }
      answer = { verdict = "replace", out = '{"n":11}', effects = effects }
      assert.same({ refusal(500, "not what `emits` promises: /n: maximum 9, got number 11 (rules.lua:7)") },
        alice:publishes("a", "1"))
      answer = { verdict = "replace", out = '{"n":1}', effects = effects }
      assert.same({ house("a", '"wish"'), from(alice, "a", '{"n":1}'), '{"id":8,"publish":{}}' }, alice:publishes("a", "1"))
    end)

    it("refuse in dev mode a message as it came", function()
      local alice = open_emitting { on = on() }
      assert.same({ refusal(500, "not what `emits` promises: /n: maximum 9, got number 12 (rules.lua:7)") },
        alice:publishes("a", '{"n":12}'))
      answer = { verdict = "drop" }
      assert.same({ '{"id":8,"publish":{}}' }, alice:publishes("a", '{"n":12}'))
    end)

    it("refuse in dev mode what the house publishes", function()
      local alice = open_emitting {}
      house_says '{"n":12}'
      assert.same({}, alice:hears())
      assert.matches('event=emits channel=a at=rules.lua:7 reason="/n: maximum 9, got number 12"', hall:log(), 1, true)
      house_says '{"n":2}'
      assert.same({ house("a", '{"n":2}') }, alice:hears())
    end)

    it("are not asked elsewhere", function()
      hall = halls.open { is_dev = false, types = { { pattern = "a", emits = SMALL } } }
      local alice = hall:join "alice"
      local last = alice:publishes("a", '{"n":12}')
      assert.equal('{"id":8,"publish":{}}', last[#last])
    end)
  end)
end)

describe("who may ask for a channel's members", function()
  local hall

  after_each(function() hall:finish() end)

  local function asks(talk)
    return talk:says('{"id":5,"presence":{"channel":"a"}}', '{"id":6,"presence_stats":{"channel":"a"}}')
  end

  it("is who may subscribe, where nothing is said", function()
    hall = halls.open { types = { { pattern = "a", presence = true, subscribe = 'user.id == "bob"' } } }
    local wrong = asks(hall:join "alice")
    assert.matches('"message":"permission denied by the subscribe rule: ', wrong[1])
    assert.matches('"message":"permission denied by the subscribe rule: ', wrong[2])
    assert.same({ '{"id":5,"presence":{"presence":{}}}', '{"id":6,"presence_stats":{"num_clients":0,"num_users":0}}' },
      asks(hall:join "bob"))
  end)

  it("is whom presence_read names, where it is there, whoever may subscribe", function()
    hall = halls.open { types = { { pattern = "a", presence = true, subscribe = "nobody", presence_read = 'user.id == "bob"' } } }
    local wrong = asks(hall:join "alice")
    assert.matches('"message":"permission denied by the presence_read rule: user.id == \\"bob\\" ', wrong[1], 1, true)
    assert.matches('"message":"permission denied by the presence_read rule: user.id == \\"bob\\" ', wrong[2], 1, true)
    assert.equal(2, hall:stat "REFUSED_RULE")
    assert.same({ '{"id":5,"presence":{"presence":{}}}', '{"id":6,"presence_stats":{"num_clients":0,"num_users":0}}' },
      asks(hall:join "bob"))
  end)
end)
