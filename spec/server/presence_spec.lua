-- Who is here.
local http = require "http"
local server = require "server"
local talk = require "talk"

local RULES = [[
local room = channel("room:{name}", { subscribe = "user", publish = "user", presence = true })
function room:rpc_kick(args) return kick(self.name, args) end
channel("blind:{name}", { subscribe = "anyone" })
channel("staff:{name}", { subscribe = "role.staff", presence = true })
channel("lobby", { subscribe = "anyone", presence = true })
]]

describe("presence", function()
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
    return talk.to(it_runs, { as = name }):connect()
  end

  local function who(client, channel)
    return client:ask({ presence = { channel = channel } }).presence.presence
  end

  local function counts(client, channel)
    return client:ask({ presence_stats = { channel = channel } }).presence_stats
  end

  it("lists every connection, by its id", function()
    local ann, ann_again, ben = comes "ann", comes "ann", comes "ben"
    ann:join "room:a"
    ann_again:join "room:a"
    ben:join "room:a"
    assert.same({
      [ann.client] = { user = "ann", client = ann.client },
      [ann_again.client] = { user = "ann", client = ann_again.client },
      [ben.client] = { user = "ben", client = ben.client },
    }, who(ann, "room:a"))
    assert.same({ num_clients = 3, num_users = 2 }, counts(ann, "room:a"))
  end)

  it("counts those without a name as one nobody", function()
    local one, two, ann = comes "", comes "", comes "ann"
    for _, client in ipairs { one, two, ann } do client:join "lobby" end
    assert.same({ num_clients = 3, num_users = 2 }, counts(one, "lobby"))
    assert.same({ user = "", client = one.client }, who(ann, "lobby")[one.client])
  end)

  it("forgets whoever leaves, goes away or is thrown out", function()
    local ann, ben, eve, mo = comes "ann", comes "ben", comes "eve", comes "mo"
    for _, client in ipairs { ann, ben, eve, mo } do client:join "room:b" end
    ann:leaves "room:b"
    ben.tcp:reset()
    assert.is_true(mo:call("room:b/kick", { user = "eve" }))
    eve:thrown_out "room:b"
    assert.truthy(server.wait(5, function() return counts(mo, "room:b").num_clients == 1 end))
    assert.same({ [mo.client] = { user = "mo", client = mo.client } }, who(mo, "room:b"))
  end)

  it("kicks one connection of a user and spares the other", function()
    local one, two = comes "ann", comes "ann"
    one:join "room:c"
    two:join "room:c"
    one:call("room:c/kick", { client = two.client })
    two:thrown_out "room:c"
    assert.same({ [one.client] = { user = "ann", client = one.client } }, who(one, "room:c"))
  end)

  it("of a channel where nobody is, is empty", function()
    local ann = comes "ann"
    local reply = ann:say('{"id":70,"presence":{"channel":"room:empty"}}'):wait(function(m) return m.id == 70 end, "it")
    assert.equal('{"id":70,"presence":{"presence":{}}}', reply.text)
    reply = ann:say('{"id":71,"presence_stats":{"channel":"room:empty"}}'):wait(function(m) return m.id == 71 end, "it")
    assert.equal('{"id":71,"presence_stats":{"num_clients":0,"num_users":0}}', reply.text)
  end)

  it("makes no channel live by asking", function()
    local ann = comes "ann"
    who(ann, "room:asked")
    assert.is_nil(http.api(it_runs, "channels").result.channels["room:asked"])
  end)

  it("is told to those only who may subscribe", function()
    local ann = comes "ann"
    assert.equal(103, (ann:refused { presence = { channel = "staff:a" } }))
    assert.equal(103, (ann:refused { presence_stats = { channel = "staff:a" } }))
    assert.equal(102, (ann:refused { presence = { channel = "unknown" } }))
  end)

  it("is 108 where it is not kept", function()
    local ann = comes "ann"
    ann:join "blind:a"
    assert.same({ 108, "not available" }, { ann:refused { presence = { channel = "blind:a" } } })
    assert.same({ 108, "not available" }, { ann:refused { presence_stats = { channel = "blind:a" } } })
  end)

  it("is the same through the server API", function()
    local ann = comes "ann"
    ann:join "room:d"
    assert.same({ result = { presence = who(ann, "room:d") } }, http.api(it_runs, "presence", { channel = "room:d" }))
    assert.same({ result = { num_clients = 1, num_users = 1 } },
      http.api(it_runs, "presence_stats", { channel = "room:d" }))
  end)
end)
