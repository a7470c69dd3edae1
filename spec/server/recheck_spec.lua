-- After a reload the subscribe rules are asked again: who may be there no more is told, and hears no more.
local http = require "http"
local server = require "server"
local talk = require "talk"
local token = require "token"

local function rules(subscribe, more)
  return ([[
local log = channel("log", { subscribe = "anyone" })
local room = channel("room:{name}", { subscribe = %q, publish = "anyone", presence = true })
function room:on_unsubscribe(client, why) publish("log", { user = client.user, channel = self.name, why = why }) end
%s
]]):format(subscribe, more or "")
end

local function now()
  return tonumber(server.read("/proc/uptime"):match "^%S+")
end

describe("after a reload", function()
  local it_runs

  local function begins(options)
    it_runs = server.start {
      scripts = options.scripts,
      args = { "--api-key", "key", "--token-secret", "secret", "--workers", "2", table.unpack(options.args or {}) },
    }
  end
  after_each(function()
    talk.close_all()
    it_runs:stop()
  end)

  local function comes(name, claims)
    local all = { sub = name }
    for key, value in pairs(claims or {}) do all[key] = value end
    return talk.to(it_runs, {}):connect { token = token(all, "secret") }
  end

  local function reload(files)
    for name, text in pairs(files) do it_runs:write(name, text) end
    local answer = http.api(it_runs, "reload")
    assert.truthy(answer.result, answer.error and answer.error.message)
  end

  local function rechecked(result)
    return http.metric(it_runs, ('weir_rechecked_total{result="%s"}'):format(result))
  end

  local function until_rechecked(stays, put_out)
    assert(server.wait(10, function()
      return rechecked "stays" >= stays and rechecked "put_out" >= put_out
    end), "the members were not asked about")
    assert.same({ stays, put_out }, { rechecked "stays", rechecked "put_out" })
  end

  local function publish(channel, data)
    assert.truthy(http.api(it_runs, "publish", { channel = channel, data = data }).result)
  end

  it("puts out who is no longer allowed; the others do not notice", function()
    begins { scripts = { ["a.lua"] = rules "user" } }
    local ann, ben = comes("ann", { team = "blue" }):join "room:a", comes("ben", { team = "red" }):join "room:a"
    local eve = comes "eve":join "log"
    reload { ["a.lua"] = rules 'claims.team == "blue"' }
    local code, reason = ben:thrown_out "room:a"
    assert.equal(2000, code)
    assert.equal("permission denied", reason)
    until_rechecked(2, 1)
    publish("room:a", "for blue")
    ann:hears("room:a", "for blue")
    ben:hears_nothing "room:a"
    eve:hears("log", { user = "ben", channel = "room:a", why = "permission denied" })
    assert.equal(103, (ben:refused { subscribe = { channel = "room:a" } }))
    assert.same({ result = { num_clients = 1, num_users = 1 } },
      http.api(it_runs, "presence_stats", { channel = "room:a" }))
  end)

  it("puts everybody out of a channel that is not declared any more", function()
    begins { scripts = { ["a.lua"] = rules "anyone", ["b.lua"] = 'channel("b:{x}", { subscribe = "anyone" })' } }
    local ann = comes "ann":join "b:1":join "room:a"
    reload { ["b.lua"] = 'channel("c:{x}", { subscribe = "anyone" })' }
    local code, reason = ann:thrown_out "b:1"
    assert.equal(2000, code)
    assert.equal("unknown channel", reason)
    publish("room:a", "here")
    ann:hears("room:a", "here")
  end)

  it("asks by the rule of the type that now has the name, with its parameters", function()
    begins { scripts = { ["a.lua"] = rules "anyone" } }
    local ann, ben = comes("ann", { room = "x" }):join "room:x", comes("ben", { room = "y" }):join "room:x"
    reload { ["a.lua"] = rules "anyone", ["b.lua"] = 'channel("room:x", { subscribe = "user.id == \'ben\'" })' }
    ann:thrown_out "room:x"
    publish("room:x", 1)
    ben:hears("room:x", 1)
    reload { ["b.lua"] = 'channel("room2:{x}", { subscribe = "anyone" })', ["a.lua"] = rules "claims.room == params.name" }
    ben:thrown_out "room:x"
  end)

  it("lets somebody come back when the rules do, by a rollback as well", function()
    begins { scripts = { ["a.lua"] = rules "anyone" } }
    local ann = comes "ann":join "room:a"
    for _ = 1, 3 do
      reload { ["a.lua"] = rules "nobody" }
      ann:thrown_out "room:a"
      assert.truthy(http.api(it_runs, "rollback").result)
      ann:join "room:a"
      publish("room:a", "again")
      ann:hears("room:a", "again")
    end
  end)

  it("refuses whoever waited in on_subscribe meanwhile and would be put out", function()
    local waiting = "function room:on_subscribe() sleep '500ms' return true end"
    begins { scripts = { ["a.lua"] = rules("anyone", waiting) } }
    local ann = comes "ann"
    local id = ann:next_id()
    ann:say { id = id, subscribe = { channel = "room:a" } }
    assert.truthy(server.wait(5, function() return http.metric(it_runs, "weir_channels") > 0 end))
    reload { ["a.lua"] = rules "nobody" }
    assert.equal(103, ann:reply(id).error.code)
  end)

  it("asks only so many a second, and about everybody once", function()
    begins { scripts = { ["a.lua"] = rules "anyone" }, args = { "--recheck-rate", "10", "--workers", "1" } }
    local members = {}
    for i = 1, 5 do members[i] = comes("m" .. i):join("room:" .. i % 2) end
    for i = 6, 21 do members[i] = comes("m" .. i):join("room:" .. i % 2) end
    local began = now()
    reload { ["a.lua"] = rules "nobody" }
    for i, member in ipairs(members) do member:thrown_out("room:" .. i % 2) end
    assert.is_true(now() - began >= 1.9, "21 members at 10 a second took less than two seconds")
    until_rechecked(0, 21)
  end)

  it("begins anew where another reload comes before the end", function()
    begins { scripts = { ["a.lua"] = rules "anyone" }, args = { "--recheck-rate", "10", "--workers", "1" } }
    local members = {}
    for i = 1, 20 do members[i] = comes("m" .. i):join "room:a" end
    reload { ["a.lua"] = rules "nobody" }
    members[1]:ask { presence_stats = { channel = "room:a" } }
    reload { ["a.lua"] = rules("anyone", "-- again") }
    assert(server.wait(10, function() return rechecked "stays" + rechecked "put_out" >= 20 and rechecked "stays" > 0 end))
    local still = http.api(it_runs, "presence_stats", { channel = "room:a" }).result.num_clients
    assert.equal(still, rechecked "stays")
    assert.equal(20, still + rechecked "put_out")
  end)

  it("does not stumble over members and channels that go meanwhile", function()
    begins { scripts = { ["a.lua"] = rules "anyone" }, args = { "--recheck-rate", "50", "--linger-ms", "0" } }
    local members = {}
    for i = 1, 30 do members[i] = comes("m" .. i):join("room:" .. i):join "room:all" end
    reload { ["a.lua"] = rules "user" }
    for i = 1, 30, 2 do members[i]:close() end
    for i = 2, 30, 4 do members[i]:leaves("room:" .. i) end
    reload { ["a.lua"] = rules "nobody" }
    for i = 2, 30, 2 do members[i]:thrown_out "room:all" end
    assert.truthy(server.wait(5, function() return http.metric(it_runs, "weir_subscriptions") == 0 end))
  end)
end)
