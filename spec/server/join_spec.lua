-- Subscribing and leaving.
local http = require "http"
local server = require "server"
local talk = require "talk"

local RULES = [[
channel("room:{name}", { subscribe = "anyone", publish = "anyone" })
channel("members:{name}", { subscribe = "user", publish = "user" })
channel("staff:{name}", { subscribe = "role.staff" })
channel("own:{who}", { subscribe = "user.id == params.who", publish = "user.id == params.who" })
channel("closed:{name}", { subscribe = "nobody" })
channel("news", {})
channel("free:*", { subscribe = "anyone", publish = "anyone" })

local hooked = channel("hooked:{name}", { subscribe = "anyone", publish = "anyone" })
function hooked:on_open() self.state.log = { "open" } end
function hooked:on_subscribe(client, data)
  table.insert(self.state.log, "in " .. client.user)
  if data and data.reject then reject(data.reject) end
  if data and data.code then reject(data.code, "by number") end
  if data and data.silent then return nil end
  if data and data.boom then error("boom") end
  if data and data.hello then self:publish { hello = client.user } end
  if data and data.ask then return { asked = data.ask, name = self.name, params = self.params } end
  return true
end
function hooked:on_unsubscribe(client, why)
  table.insert(self.state.log, "out " .. client.user .. ": " .. tostring(why))
  self:publish { gone = client.user }
end
function hooked:rpc_log() return self.state.log end
function hooked:rpc_kick(args) return kick(self.name, args) end
]]

describe("joining a channel", function()
  local it_runs

  lazy_setup(function()
    it_runs = server.start {
      command = "dev",
      scripts = { ["a.lua"] = RULES },
      args = { "--workers", "1", "--api-key", "key", "--linger-ms", "100" },
    }
  end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(function()
    talk.close_all()
    assert.is_nil(it_runs:exit_status())
  end)

  local function comes(name, roles)
    return talk.to(it_runs, { as = name, roles = roles }):connect()
  end

  it("is answered with an empty result and brings what is published from then on", function()
    local ann, ben = comes "ann", comes "ben"
    ben:says("room:a", "before")
    ann:join "room:a"
    assert.same({}, ann.joined)
    ben:says("room:a", "after")
    ann:hears("room:a", "after")
    ben:hears_nothing "room:a"
  end)

  it("comes before anything that the channel says", function()
    local ann = comes "ann"
    ann:say('{"id":50,"subscribe":{"channel":"hooked:first","data":{"hello":true}}}',
      '{"id":51,"publish":{"channel":"hooked:first","data":"mine"}}')
    ann:reply(51)
    local reply = ann:reply(50)
    assert.truthy(reply.subscribe)
    ann:hears("hooked:first", { hello = "ann" }):hears("hooked:first", "mine")
  end)

  it("keeps rooms apart", function()
    local ann, ben = comes "ann", comes "ben"
    ann:join "room:a":join "room:b"
    ben:join "room:b":says("room:b", 1):hears("room:b", 1)
    ann:hears_nothing "room:a":hears("room:b", 1)
  end)

  it("of patterns: one segment, the rest, a plain name", function()
    local ann = comes "ann"
    ann:join "news":join "free:a/b:c":join "room:a.b-c_d"
    for _, name in ipairs { "room:a:b", "room:a/b", "room:", "news:x", "New", "" .. "roo" } do
      assert.same({ 102, "unknown channel" }, { ann:refused { subscribe = { channel = name } } }, name)
    end
  end)

  it("is decided by the rule", function()
    local ann, mo, nobody = comes "ann", comes("mo", "staff,chef"), comes ""
    nobody:join "room:a"
    assert.equal(103, (nobody:refused { subscribe = { channel = "members:a" } }))
    assert.equal(103, (nobody:refused { subscribe = { channel = "news" } }))
    ann:join "members:a":join "own:ann"
    assert.equal(103, (ann:refused { subscribe = { channel = "own:mo" } }))
    assert.equal(103, (ann:refused { subscribe = { channel = "staff:a" } }))
    mo:join "staff:a"
    assert.equal(103, (mo:refused { subscribe = { channel = "closed:a" } }))
  end)

  it("is refused in dev mode with rule, values and line", function()
    local ann = comes "ann"
    local _, message = ann:refused { subscribe = { channel = "own:mo" } }
    for _, word in ipairs { "subscribe", "user.id", "ann", "mo", "a.lua:4" } do
      assert.truthy(message:find(word, 1, true), message)
    end
  end)

  it("again is 105", function()
    local ann = comes "ann"
    ann:join "room:a"
    assert.same({ 105, "already subscribed" }, { ann:refused { subscribe = { channel = "room:a" } } })
  end)

  it("under a name that is none is 107", function()
    local ann = comes "ann"
    for _, name in ipairs { "room:\xc3\xa4", "room: a", "room:\t", "room:\127", ("x"):rep(256) } do
      assert.equal(107, (ann:refused { subscribe = { channel = name } }), name)
    end
    ann:join("free:" .. ("x"):rep(250))
  end)

  it("that a script refuses is told why", function()
    local ann = comes "ann"
    local function refused(data)
      return { ann:refused { subscribe = { channel = "hooked:no", data = data } } }
    end
    assert.same({ 400, "not you" }, refused { reject = "not you" })
    assert.same({ 1234, "by number" }, refused { code = 1234 })
    assert.equal(103, refused({ silent = true })[1])
    ann:says("hooked:no", "anybody?"):hears_nothing "hooked:no"
  end)

  it("that fails in a script is refused, and names an incident that the log knows", function()
    local ann = comes "ann"
    assert.equal(500, (ann:refused { subscribe = { channel = "hooked:boom", data = { boom = true } } }))
    local incident = ann.refusal.incident
    assert.truthy(incident and #incident > 4)
    local line = it_runs:wait_log("[^\n]*" .. incident .. "[^\n]*")
    assert.truthy(line:find("a.lua:16", 1, true), line)
    assert.truthy(line:find("boom", 1, true), line)
  end)

  it("gets the data that the script returns", function()
    local ann = comes "ann"
    ann:join("hooked:data", { ask = 7 })
    assert.same({ data = { asked = 7, name = "hooked:data", params = { name = "data" } } }, ann.joined)
  end)

  it("can be tried again after a refusal", function()
    local ann = comes "ann"
    assert.equal(400, (ann:refused { subscribe = { channel = "hooked:again", data = { reject = "x" } } }))
    ann:join "hooked:again"
  end)

  it("ends by leaving: nothing more is heard, others hear of it", function()
    local ann, ben = comes "ann", comes "ben"
    ann:join "hooked:left"
    ben:join "hooked:left"
    ann:leaves "hooked:left"
    ben:hears("hooked:left", { gone = "ann" })
    ann.inbox = {}
    ben:says("hooked:left", "without her"):hears("hooked:left", "without her")
    ann:hears_nothing "hooked:left"
    ann:join "hooked:left":says("hooked:left", "back"):hears("hooked:left", "back")
  end)

  it("has ended for whoever leaves before the script hears of it", function()
    local ann, ben = comes "ann", comes "ben"
    ben:join "hooked:farewell"
    ann:join "hooked:farewell":leaves "hooked:farewell"
    ben:hears("hooked:farewell", { gone = "ann" })
    ann:hears_nothing "hooked:farewell"
  end)

  it("ends with the connection, and the script is told why", function()
    local ann, ben = comes "ann", comes "ben"
    ben:join "hooked:bye"
    ann:join "hooked:bye"
    ann:close()
    ben:hears("hooked:bye", { gone = "ann" })
    local log = ben:call "hooked:bye/log"
    assert.equal("open", log[1])
    assert.truthy(log[#log]:find "^out ann: .+", log[#log])
  end)

  it("ends by a kick, with a reason", function()
    local ann, mo = comes "ann", comes "mo"
    ann:join "hooked:kick"
    mo:join "hooked:kick"
    assert.is_true(mo:call("hooked:kick/kick", { user = "ann", reason = "spam" }))
    local code, reason = ann:thrown_out "hooked:kick"
    assert.truthy(code >= 2000 and code < 2500, code)
    assert.truthy(reason:find("spam", 1, true), reason)
    mo:says("hooked:kick", "calm"):hears("hooked:kick", { gone = "ann" }):hears("hooked:kick", "calm")
    ann:hears_nothing "hooked:kick"
    ann:join "hooked:kick"
  end)

  it("is left by whoever was never there without complaint", function()
    local ann = comes "ann"
    ann:leaves "room:never":leaves "unknown":leaves "closed:a"
  end)

  it("goes on where the same frame leaves and joins and leaves", function()
    local ann = comes "ann"
    ann:say('{"id":90,"subscribe":{"channel":"room:quick"}}', '{"id":91,"unsubscribe":{"channel":"room:quick"}}',
      '{"id":92,"subscribe":{"channel":"room:quick"}}', '{"id":93,"publish":{"channel":"room:quick","data":1}}',
      '{"id":94,"unsubscribe":{"channel":"room:quick"}}', '{"id":95,"publish":{"channel":"room:quick","data":2}}')
    for id = 90, 95 do assert.is_nil(ann:reply(id).error) end
    ann:hears("room:quick", 1):hears_nothing "room:quick"
  end)

  it("opens a channel and lets it go again when nobody is left", function()
    local ann = comes "ann"
    ann:join "hooked:short"
    assert.same({ num_clients = 1 }, http.api(it_runs, "channels").result.channels["hooked:short"])
    ann:leaves "hooked:short"
    assert.truthy(server.wait(5, function()
      return http.api(it_runs, "channels", { pattern = "hooked:short" }).result.channels["hooked:short"] == nil
    end))
    ann:join "hooked:short"
    assert.same({ "open", "in ann" }, (ann:call "hooked:short/log"))
  end)
end)
