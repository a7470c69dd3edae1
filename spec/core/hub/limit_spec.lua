-- A channel's rates, counted.
local halls = require "hall"

describe("rates of a channel", function()
  local hall

  local function open(rates, more)
    local options = more or {}
    options.types = options.types or { { pattern = "a", rates = rates, hooks = { "call" } }, { pattern = "free" } }
    hall = halls.open(options)
  end

  after_each(function() hall:finish() end)

  local function publishes(talk, channel)
    local lines = talk:publishes(channel or "a", "1")
    return lines[#lines]:match '"code":(%d+)' or "ok"
  end

  local function tries(talk, n, ...)
    local list = {}
    for i = 1, n do list[i] = publishes(talk, ...) end
    return table.concat(list, " ")
  end

  it("refuse what is too much with 111, and let through again later", function()
    open { "2/2s" }
    local alice = hall:join "alice"
    assert.equal("ok ok 111 111", tries(alice, 4))
    assert.equal(2, hall:stat "REFUSED_RATE")
    assert.equal(2, hall:stat "MESSAGES_IN")
    hall:wait(1100)
    assert.equal("ok 111", tries(alice, 2))
    assert.equal("ok ok ok", tries(alice, 3, "free"))
  end)

  it("explain themselves in dev mode, and not elsewhere", function()
    open { "1/10s per user" }
    local alice = hall:join "alice"
    publishes(alice)
    assert.equal('{"id":8,"error":{"code":111,"message":"too many requests: rate \\"1/10s per user\\", again in 10.0 s (rules.lua:7)","temporary":true}}',
      alice:publishes("a", "1")[1])
  end)

  it("count users apart, wherever they are connected", function()
    open({ "1/1h per user" }, { workers = 3 })
    assert.equal("ok 111", tries(hall:join("alice", 0), 2))
    assert.equal("111", tries(hall:join("alice", 1), 1))
    assert.equal("ok 111", tries(hall:join("bob", 2), 2))
  end)

  it("count connections, addresses, channels", function()
    open { "1/1h per connection" }
    assert.equal("ok 111", tries(hall:join "alice", 2))
    assert.equal("ok 111", tries(hall:join "alice", 2))
    hall:finish()
    open { "1/1h per ip" }
    assert.equal("ok 111", tries(hall:join("alice", 0, { ip = "1.1.1.1" }), 2))
    assert.equal("111", tries(hall:join("bob", 0, { ip = "1.1.1.1" }), 1))
    assert.equal("ok", tries(hall:join("carol", 0, { ip = "2.2.2.2" }), 1))
    hall:finish()
    open { "1/1h per channel" }
    assert.equal("ok", tries(hall:join "alice", 1))
    assert.equal("111", tries(hall:join "bob", 1))
  end)

  it("count by a claim", function()
    open({ "1/1h per claims.org.id" }, { server_hooks = { "connect" }, types = {
      { pattern = "a", rates = { "1/1h per claims.org.id" } }, server_hooks = { "connect" } },
      on = { connect = function(event)
        local org = event.facts.user:match "(%d)"
        return { verdict = "replace", who = { user = event.facts.user, claims = ('{"org":{"id":%s}}'):format(org) } }
      end } })
    assert.equal("ok 111", tries(hall:join "u1", 2))
    assert.equal("111", tries(hall:join "v1", 1))
    assert.equal("ok", tries(hall:join "u2", 1))
  end)

  it("have all to let through, and count nothing of what one refuses", function()
    open { "3/1h per user", "1/50ms per channel" }
    local alice = hall:join "alice"
    assert.equal("ok 111 111 111", tries(alice, 4))
    hall:wait(80)
    assert.equal("ok", tries(alice, 1))
    hall:wait(80)
    assert.equal("ok", tries(alice, 1))
    hall:wait(80)
    assert.equal("111", tries(alice, 1))
    assert.equal("ok", tries(hall:join "bob", 1))
  end)

  it("count calls apart from messages, and the house not at all", function()
    open { "1/1h" }
    local alice = hall:join "alice"
    local function calls() return (alice:says '{"id":4,"rpc":{"method":"a/do"}}'[1]:match '"code":(%d+)') or "ok" end
    assert.equal("ok", publishes(alice))
    assert.equal("ok", calls())
    assert.equal("111", calls())
    for _ = 1, 5 do hall:wish(0, { kind = "publish", channel = "a", data = "1" }) end
    hall:turn()
    assert.equal(6, hall:stat "MESSAGES_IN")
  end)

  it("go on counting after a reload that leaves them, and anew after one that changes them", function()
    open { "1/1h" }
    local alice = hall:join("alice"):joins "a"
    assert.equal("ok", publishes(alice))
    hall:switch { { pattern = "a", rates = { "1/1h" } } }
    assert.equal("111", publishes(alice))
    hall:switch { { pattern = "a", rates = { "2/1h" } } }
    assert.equal("ok ok 111", tries(alice, 3))
  end)

  it("forget who has been quiet", function()
    open { "1/20ms per user" }
    local watch = hall:join("watch"):joins "a"
    for i = 1, 600 do
      local talk = hall:join("u" .. i)
      assert.equal("ok", publishes(talk))
      talk:leaves()
      watch:takes()
      if i % 100 == 0 then hall:wait(60) end
    end
    assert.is_true(hall:channel("a").counted <= 512, hall:channel("a").counted)
  end)
end)
