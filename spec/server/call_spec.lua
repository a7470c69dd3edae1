-- Calling the methods of scripts, and sending to them.
local http = require "http"
local server = require "server"
local talk = require "talk"

local RULES = [[
local room = channel("room:{name}", { subscribe = "anyone" })
function room:rpc_add(args, from)
  self.state.sum = (self.state.sum or 0) + args.n
  return { sum = self.state.sum, by = from.user, room = self.params.name, channel = self.name }
end
function room:rpc_nothing() end
function room:rpc_null() return json.null end
function room:rpc_echo(args) return args end
function room:rpc_no() reject(1234, "not now") end
function room:rpc_boom() error "boom" end
function room:rpc_tell(args) self:publish(args) return true end
function room:helper() return "not for strangers" end
local staff = channel("staff:{name}", { call = "role.staff" })
function staff:rpc_secret() return 42 end
channel("deaf:{name}", { subscribe = "anyone" })
local path = channel("path/*", { subscribe = "anyone", call = "anyone" })
function path:rpc_where() return self.name end

function server.rpc_whoami(_, from)
  return { user = from.user, roles = from.roles, id = from.id, ip = from.ip }
end
function server.rpc_echo(args) return args end
function server.rpc_boom() error "boom" end
function server.rpc_bye(_, from) from:close(4001, "so long") return "closing" end
function server.on_message(data, from)
  if data == "boom" then error("heard boom") end
  from:send { got = data }
end
]]

describe("a call", function()
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

  local function comes(name, roles)
    return talk.to(it_runs, { as = name, roles = roles }):connect()
  end

  it("of CHANNEL/NAME is answered by that channel", function()
    local ann, ben = comes "ann", comes "ben"
    assert.same({ sum = 2, by = "ann", room = "a", channel = "room:a" }, (ann:call("room:a/add", { n = 2 })))
    assert.same({ sum = 5, by = "ben", room = "a", channel = "room:a" }, (ben:call("room:a/add", { n = 3 })))
    assert.same({ sum = 1, by = "ann", room = "b", channel = "room:b" }, (ann:call("room:b/add", { n = 1 })))
  end)

  it("of a channel with slashes is split at the last one", function()
    assert.equal("path/a/b", (comes "ann":call "path/a/b/where"))
  end)

  it("of a bare NAME is answered by the server's", function()
    local ann = comes("ann", "staff,chef")
    assert.same({ user = "ann", roles = { "staff", "chef" }, id = ann.client, ip = "127.0.0.1" }, (ann:call "whoami"))
  end)

  it("is answered with data even where the script returns nothing", function()
    local ann = comes "ann"
    for _, method in ipairs { "room:a/nothing", "room:a/null", "echo" } do
      local id = ann:next_id()
      local reply = ann:say({ id = id, rpc = { method = method } }):wait(function(m) return m.id == id end, "it")
      assert.equal(('{"id":%d,"rpc":{"data":null}}'):format(id), reply.text)
    end
  end)

  it("gives back what scripts can hold: big integers, empty lists, floats, texts", function()
    local ann = comes "ann"
    local data = '{"list":[],"big":9223372036854775807,"small":-9223372036854775808,"f":0.1,"nested":[[1,[2]]],"t":"\xc3\xa4\\n"}'
    local id = ann:next_id()
    local reply = ann:say(('{"id":%d,"rpc":{"method":"echo","data":%s}}'):format(id, data))
      :wait(function(m) return m.id == id end, "it").text
    for _, part in ipairs { '"list":[]', '"big":9223372036854775807', '"small":-9223372036854775808', '"f":0.1',
      '"nested":[[1,[2]]]', '"t":"\xc3\xa4\\n"' } do
      assert.truthy(reply:find(part, 1, true), part .. " is not in " .. reply)
    end
  end)

  it("of a method that is not there is 104, in a channel and without", function()
    local ann = comes "ann"
    for _, method in ipairs { "room:a/nope", "room:a/", "nope", "room:a/helper", "room:a/rpc_add", "room:a/on_publish",
      "/add", "room:a/state", "rpc_echo", "" } do
      assert.same({ nil, 104, "method not found" }, { ann:call(method) }, method)
    end
  end)

  it("of an unknown channel is 102, of a forbidden one 103", function()
    local ann, mo = comes "ann", comes("mo", "staff")
    assert.same({ nil, 102 }, { table.unpack({ ann:call "unknown:a/add" }, 1, 2) })
    assert.same({ nil, 103 }, { table.unpack({ ann:call "staff:a/secret" }, 1, 2) })
    assert.equal(42, (mo:call "staff:a/secret"))
    assert.same({ nil, 103 }, { table.unpack({ ann:call "deaf:a/add" }, 1, 2) })
    assert.same({ nil, 103 }, { table.unpack({ comes "":call("room:a/add", { n = 1 }) }, 1, 2) })
  end)

  it("is refused in the script's words and number", function()
    assert.same({ nil, 1234, "not now" }, { comes "ann":call "room:a/no" })
  end)

  it("that fails names an incident, and the next one works", function()
    local ann = comes "ann"
    for _, method in ipairs { "room:a/boom", "boom" } do
      local code = ann:refused { rpc = { method = method } }
      assert.equal(500, code)
      assert.truthy(it_runs:wait_log("[^\n]*" .. ann.refusal.incident .. "[^\n]*"):find("boom", 1, true))
    end
    assert.equal(1, (ann:call("room:a/echo", 1)))
  end)

  it("may publish: to those who listen, the caller too", function()
    local ann, ben = comes "ann", comes "ben"
    ann:join "room:tell"
    ben:join "room:tell":call("room:tell/tell", { hi = 1 })
    ann:hears("room:tell", { hi = 1 })
    ben:hears("room:tell", { hi = 1 })
  end)

  it("may close its caller, with code and reason, after the answer", function()
    local ann = comes "ann"
    assert.equal("closing", (ann:call "bye"))
    assert.same({ 4001, "so long" }, { ann:closed() })
  end)

  it("is the same through the server API, from nobody", function()
    assert.same({ result = { data = 7 } }, http.api(it_runs, "rpc", { method = "echo", params = 7 }))
    assert.same({ result = { data = { x = 1 } } },
      http.api(it_runs, "rpc", { method = "echo", channel = "room:api", params = { x = 1 } }))
    assert.same({ error = { code = 104, message = "method not found" } }, http.api(it_runs, "rpc", { method = "nope" }))
    assert.same({ error = { code = 1234, message = "not now" } },
      http.api(it_runs, "rpc", { method = "no", channel = "room:api" }))
    assert.equal(102, http.api(it_runs, "rpc", { method = "no", channel = "unknown" }).error.code)
  end)
end)

describe("a message without a reply", function()
  local it_runs

  lazy_setup(function()
    it_runs = server.start { command = "dev", scripts = { ["a.lua"] = RULES }, args = { "--workers", "1" } }
  end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(function() talk.close_all() end)

  it("goes to server.on_message, which may answer", function()
    local ann = talk.to(it_runs, { as = "ann" }):connect()
    ann:say { send = { data = { hi = 1 } } }
    local heard = ann:wait(function(m) return m.push and m.push.message end, "an answer")
    assert.equal('{"push":{"message":{"data":{"got":{"hi":1}}}}}', heard.text)
  end)

  it("that fails leaves the connection as it was", function()
    local ann = talk.to(it_runs, { as = "ann" }):connect()
    ann:say({ send = { data = "boom" } }, { send = { data = "next" } })
    local heard = ann:wait(function(m) return m.push and m.push.message end, "an answer")
    assert.equal("next", heard.message.push.message.data.got)
    it_runs:wait_log "heard boom"
  end)
end)
