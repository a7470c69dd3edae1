-- weir pub, weir sub and weir call, against a server that is running.
local cjson = require "cjson"
local cli = require "cli"
local server = require "server"
local tls = require "tls"

local has, has_not, refuses_usage = cli.has, cli.has_not, cli.refuses_usage

local RULES = { ["rules.lua"] = [[
local room = channel("room:{name}", { subscribe = "user", publish = "user" })
function room:on_publish(msg, from)
  if msg == "no" then reject(1001, "be nice\27[31m") end
  if msg == "kick" then self:kick { user = "ben", reason = "be gone" } return end
  return { msg = msg, by = from.user }
end
function room:rpc_who(args, from) return { user = from.user, roles = from.roles, args = args } end
channel("open", { subscribe = "anyone", publish = "anyone", history = 5 })
channel("vip", { subscribe = "role.vip" })
function server.rpc_add(args) return args.a + args.b end
function server.rpc_nothing() end
function server.on_message() end
function server.on_connect(req)
  if req.user == "mallory" then reject(403, "not you") end
  return true
end
]] }

local it_runs

-- weir COMMAND ... with the server that runs.
local function weir(...)
  return cli.weir({ ... }, { "WEIR_LISTEN=127.0.0.1:" .. it_runs.port })
end

-- One that listens meanwhile: heard.out() is what it has printed, heard.code() how it has ended.
local function listen(...)
  local base = os.tmpname()
  local line = cli.command_line({ "sub", ... }, { "WEIR_LISTEN=127.0.0.1:" .. it_runs.port })
  os.execute(("{ timeout 60 %s >%s.out 2>%s.err </dev/null; echo $? >%s.code; } &"):format(line, base, base, base))
  local function read(ending) return server.read(base .. ending) or "" end
  assert(server.wait(10, function() return read ".err":find "listening to" or read ".code" ~= "" and true end))
  return {
    out = function(count)
      server.wait(10, function() return select(2, read ".out":gsub("\n", "")) >= (count or 1) or nil end)
      return read ".out"
    end,
    err = function() return read ".err" end,
    code = function()
      return server.wait(10, function() return tonumber(read ".code") end)
    end,
  }
end

describe("with a server in dev mode,", function()
  lazy_setup(function() it_runs = server.start { command = "dev", scripts = RULES, args = { "--workers", "2" } } end)
  lazy_teardown(function() it_runs:stop() end)

  it("weir pub publishes as whom it is told, and weir sub hears it", function()
    local heard = listen("room:1", "--as", "ben", "--count", "2")
    local result = weir("pub", "room:1", '"hello"', "--as", "ann")
    assert.equal(0, result.code, result.err)
    assert.equal("", result.out)
    assert.equal("weir: published in room:1: 1 message\n", result.err)
    result = weir("pub", "room:1", '{ "n" : [1,\n2] }', "--as", "ännä b&c")
    assert.equal(0, result.code, result.err)
    assert.equal('room:1 ann {"by":"ann","msg":"hello"}\nroom:1 ännä b&c {"by":"ännä b&c","msg":{"n":[1,2]}}\n', heard.out(2))
    assert.equal(0, heard.code())
    assert.equal("weir: listening to room:1\n", heard.err())
  end)

  it("weir sub --json tells all there is to know", function()
    local heard = listen("open", "room:2", "--as", "ben", "--json", "--count", "2")
    assert.equal('{"ok":true}\n', weir("pub", "open", "7", "--as", "ann", "--json").out)
    weir("pub", "room:2", '"x"', "--as", "ann")
    local lines = {}
    for line in heard.out(2):gmatch "[^\n]+" do lines[#lines + 1] = cjson.decode(line) end
    assert.same({ "open", 7, "ann", 1 }, { lines[1].channel, lines[1].data, lines[1].user, lines[1].offset })
    assert.matches("^%x+%-", lines[1].client)
    assert.same({ "room:2", "x" }, { lines[2].channel, lines[2].data.msg })
  end)

  it("weir sub shows who is nobody known, and the house, as -", function()
    local heard = listen("open", "--count", "2")
    weir("pub", "open", "1")
    os.execute(("curl -s %s/api/publish -d '%s' >/dev/null"):format(it_runs.url, '{"channel":"open","data":2}'))
    assert.equal("open - 1\nopen - 2\n", heard.out(2))
  end)

  it("weir pub takes a message a line, and stops at the first that is refused", function()
    local heard = listen("room:3", "--as", "ben")
    local line = cli.command_line({ "pub", "room:3", "-", "--as", "ann" }, { "WEIR_LISTEN=127.0.0.1:" .. it_runs.port })
    local pipe = io.popen(([[printf '"a"\n\n"b"\n"no"\n"c"\n' | %s 2>&1; echo "exit $?"]]):format(line))
    local said = pipe:read "a"
    pipe:close()
    assert.equal("weir: refused: 1001 be nice?[31m\nweir: published in room:3: 2 messages\nexit 1\n", said)
    assert.equal('room:3 ann {"by":"ann","msg":"a"}\nroom:3 ann {"by":"ann","msg":"b"}\n', heard.out(2))
  end)

  it("weir call prints the reply as it came", function()
    assert.equal("5\n", weir("call", "add", '{"a":2,"b":3}').out)
    assert.equal("null\n", weir("call", "nothing").out)
    local result = weir("call", "room:1/who", "[]", "--as", "ann", "--roles", "a,b")
    assert.equal('{"args":[],"roles":["a","b"],"user":"ann"}\n', result.out)
    assert.equal("", result.err)
    assert.equal('{"ok":true,"data":5}\n', weir("call", "add", '{"a":2,"b":3}', "--json").out)
  end)

  it("a refusal is told with its code and reason, and ends with 1", function()
    local result = weir("call", "ad", "1")
    assert.same({ 1, "", "weir: refused: 104 method not found: did you mean `add`?\n" }, { result.code, result.out, result.err })
    result = weir("call", "add", "1", "--json")
    assert.equal(1, result.code)
    assert.equal("", result.err)
    local told = cjson.decode(result.out)
    assert.same({ false, 500 }, { told.ok, told.error.code })
    result = weir("sub", "vip", "--as", "ann")
    assert.equal(1, result.code)
    has(result.err, "refused: 103 permission denied by the subscribe rule: role.vip -> false (rules.lua:9)")
    has_not(result.err, "--as NAME")
  end)

  it("who came as nobody is told how to be somebody", function()
    local result = weir("pub", "room:1", "1")
    assert.equal(1, result.code)
    has(result.err, "refused: 103", "nobody known; in dev mode --as NAME says who you are, else --token or WEIR_TOKEN_SECRET")
  end)

  it("what the server does not have is told with what may have been meant", function()
    has(weir("pub", "no:such", "1", "--as", "ann").err, "refused: 102 unknown channel", "no script of the server declares a channel of that name")
    has(weir("call", "stats", "--as", "ann").err, "refused: 104", "one of a channel is CHANNEL/NAME, such as chat:lobby/stats")
    has(weir("pub", "room:1", "--as", "ann").err, "0 messages; write one behind the channel, or one a line on stdin")
  end)

  it("weir sub ends when it is taken out of its last channel", function()
    local heard = listen("room:4", "--as", "ben")
    weir("pub", "room:4", '"kick"', "--as", "ann")
    assert.equal(1, heard.code())
    has(heard.err(), "taken out of room:4: be gone")
  end)

  it("on_connect may let nobody in", function()
    local result = weir("call", "add", "1", "--as", "mallory")
    assert.equal(1, result.code)
    assert.equal("weir: the server lets nobody in like that: 403 not you\n", result.err)
  end)

  it("what is no JSON is not sent", function()
    refuses_usage({ "pub", "room:1", "hello" }, "the message is no JSON", [['"hello"']])
    refuses_usage({ "call", "add", "{a:1}" }, "the arguments are no JSON", "byte 1")
    refuses_usage({ "call", "room:1", "who" }, '"who" is none: is it `weir call room:1/who` that you mean?')
    refuses_usage({ "pub" }, "which channel? weir pub CHANNEL JSON")
    refuses_usage({ "call" }, "which method?")
    refuses_usage({ "sub" }, "which channel?")
    refuses_usage({ "sub", "a", "--count", "0" }, '--count: "0" is no number of messages')
    refuses_usage({ "pub", "a", "1", "--as", "ann", "--token", "x" }, "leave --as and --roles out")
    refuses_usage({ "pub", "a", "1", "2" }, 'does not know what to do with "2"')
  end)
end)

describe("with a server that wants tokens,", function()
  lazy_setup(function()
    it_runs = server.start { command = "serve", scripts = RULES, args = { "--token-secret", "a secret for specs", "--workers", "1" } }
  end)
  lazy_teardown(function() it_runs:stop() end)

  it("who has the secret is whom it says, and who has a token that", function()
    local place, secret = "WEIR_LISTEN=127.0.0.1:" .. it_runs.port, "WEIR_TOKEN_SECRET=a secret for specs"
    local who = { "call", "room:1/who", "--as", "ann", "--roles", "vip,mod" }
    assert.equal('{"roles":["vip","mod"],"user":"ann"}\n', cli.weir(who, { place, secret }).out)
    local token = cli.weir({ "token", "--user", "cy" }, { secret }).out:gsub("\n", "")
    assert.equal('{"roles":[],"user":"cy"}\n', cli.weir({ "call", "room:1/who", "--token", token }, { place }).out)
    local result = cli.weir({ "call", "room:1/who", "--token", "x" }, { place })
    assert.equal(1, result.code)
    assert.equal("weir: the server closed the connection: 3500 invalid token\n", result.err)
  end)
end)

describe("weir pub, sub and call", function()
  it("say that no server is there, or that it is none", function()
    local result = cli.weir({ "call", "add", "--listen", "127.0.0.1:1" })
    assert.equal(1, result.code)
    has(result.err, "cannot connect to 127.0.0.1:1: Connection refused; is the server running? --listen HOST:PORT says where")
  end)

  it("speak TLS with the server whose certificate they know", function()
    local folder = server.folder()
    tls.certificate(folder, "one")
    it_runs = server.start { command = "dev", scripts = RULES,
      args = { "--workers", "1", "--tls-cert", folder .. "/one.crt", "--tls-key", folder .. "/one.key" } }
    local result = weir("call", "add", '{"a":1,"b":1}', "--tls-cert", folder .. "/one.crt", "--tls-key", folder .. "/one.key")
    assert.same({ 0, "2\n", "" }, { result.code, result.out, result.err })
    result = weir("call", "add", "1")
    assert.equal(1, result.code)
    it_runs:stop()
    server.remove(folder)
  end)

  it("hear of it when the server goes", function()
    it_runs = server.start { command = "dev", scripts = RULES, args = { "--workers", "1" } }
    local heard = listen("room:1", "--as", "ben")
    it_runs:stop()
    assert.equal(1, heard.code())
    has(heard.err(), "the server closed the connection: 3001 shutdown")
  end)
end)
