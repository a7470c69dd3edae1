-- weir check and weir token, as a person or a shell script meets them.
local cjson = require "cjson"
local cli = require "cli"

local write_file, weir, folder, has, has_not, refuses_usage =
  cli.write_file, cli.weir, cli.folder, cli.has, cli.has_not, cli.refuses_usage

after_each(cli.clean)

describe("weir check", function()
  local GOOD = 'channel("news:{topic}", { subscribe = "anyone" })\n'

  it("says on stderr that all is well, and nothing on stdout", function()
    local dir = folder { ["news.lua"] = GOOD }
    local result = weir { "check", dir }
    assert.equal(0, result.code, result.err)
    assert.equal("", result.out)
    has(result.err, dir, "1 script,", "1 channel pattern\n")
    assert.equal(0, weir({ "check", "--scripts", dir }).code)
    assert.equal(0, weir({ "check" }, { "WEIR_SCRIPTS=" .. dir }).code)
    assert.equal(0, weir({ "check", "--", dir }).code)
  end)

  it("tells every error with file, line, reason and the line itself", function()
    local dir = folder {
      ["news.lua"] = GOOD,
      ["syntax.lua"] = "local x = 1\nlocal y = = 2\n",
      ["options.lua"] = '\n\nchannel("a", { subscrib = "anyone" })\n',
    }
    local result = weir { "check", dir }
    assert.equal(1, result.code)
    assert.equal("", result.out)
    has(result.err, dir .. "/syntax.lua:2: ", "local y = = 2", dir .. "/options.lua:3: ", "subscribe", "2 problems")
    has_not(result.err, "news.lua")
  end)

  it("is JSON for programs, good or bad", function()
    local good = weir { "check", "--json", folder { ["news.lua"] = GOOD } }
    assert.equal('{"ok":true,"problems":[],"warnings":[]}\n', good.out)
    assert.equal(0, good.code)
    local bad = weir { "check", "--json", folder { ["bad.lua"] = "local y = = 2" } }
    assert.equal(1, bad.code)
    assert.equal("", bad.err)
    local told = cjson.decode(bad.out)
    assert.is_false(told.ok)
    assert.equal(1, #told.problems)
    assert.equal("bad.lua", told.problems[1].file)
    assert.equal(1, told.problems[1].line)
    assert.equal("local y = = 2", told.problems[1].source)
  end)

  it("warns of what can hardly be meant, and fails on it only with --strict", function()
    local dir = folder { ["odd.lua"] = 'channel("a", { subscribe = "user and not user" })\n' }
    local result = weir { "check", dir }
    assert.equal(0, result.code)
    assert.equal("", result.out)
    has(result.err, dir .. '/odd.lua:1: warning: option `subscribe`: "user and not user" can never hold', "1 channel pattern, 1 warning\n")
    assert.equal(1, weir({ "check", "--strict", dir }).code)
    local told = weir { "check", "--json", dir }
    assert.equal(0, told.code)
    local json = cjson.decode(told.out)
    assert.is_true(json.ok)
    assert.equal(1, json.warnings[1].line)
    assert.equal("odd.lua", json.warnings[1].file)
    assert.equal(1, weir({ "check", "--json", "--strict", dir }).code)
    local good = folder { ["news.lua"] = GOOD }
    assert.equal(0, weir({ "check", "--strict", good }).code)
  end)

  it("has nothing to say about our own scripts", function()
    for _, dir in ipairs { "examples/chat", "examples/dashboard", "examples/doc", "examples/trading", "examples/empty", "scripts" } do
      local result = weir { "check", "--strict", dir }
      assert.equal(0, result.code, result.err)
    end
  end)

  it("fails on a folder that is not there", function()
    local result = weir { "check", "/nonexistent/scripts" }
    assert.equal(1, result.code)
    has(result.err, "/nonexistent/scripts")
  end)
end)

describe("weir token", function()
  local function decode(part)
    local path = write_file(os.tmpname(), part:gsub("-", "+"):gsub("_", "/") .. ("="):rep(-#part % 4))
    local pipe = io.popen("openssl base64 -d -A -in " .. path)
    local text = pipe:read "a"
    pipe:close()
    os.remove(path)
    return cjson.decode(text)
  end

  local function signature(text, secret)
    local path = write_file(os.tmpname(), text)
    local pipe = io.popen(("openssl dgst -sha256 -hmac %s -binary %s | openssl base64 -A"):format(secret, path))
    local sum = pipe:read("a"):gsub("+", "-"):gsub("/", "_"):gsub("=", "")
    pipe:close()
    os.remove(path)
    return sum
  end

  local function token(arguments)
    local result = weir({ "token", table.unpack(arguments) }, { "WEIR_TOKEN_SECRET=s3cret" })
    assert.equal(0, result.code, result.err)
    assert.equal("", result.err)
    local head, payload, sum = result.out:match "^([%w_-]+)%.([%w_-]+)%.([%w_-]+)\n$"
    assert.equal(signature(head .. "." .. payload, "s3cret"), sum)
    assert.equal("HS256", decode(head).alg)
    return decode(payload)
  end

  it("signs who it is for, the roles and the end", function()
    local claims = token { "--user", "ann", "--roles", "a,b", "--expires", "2h" }
    assert.equal("ann", claims.sub)
    assert.same({ "a", "b" }, claims.roles)
    assert.equal(7200, claims.exp - claims.iat)
    assert.is_true(math.abs(claims.iat - os.time()) < 60)
  end)

  it("lasts an hour if nothing is said, and for ever if that is said", function()
    local claims = token { '--user=a"\\n' }
    assert.equal('a"\\n', claims.sub)
    assert.is_nil(claims.roles)
    assert.equal(3600, claims.exp - claims.iat)
    assert.is_nil(token({ "--user", "ann", "--expires", "never" }).exp)
  end)

  it("takes more claims and the info, so that rules on them can be tried", function()
    local claims = token { "--user", "ann", "--claims", ' {"team":"blue","access":{"level":3},"list":[1,null]} ',
      "--info", '{"name":"Ann"}' }
    assert.equal("ann", claims.sub)
    assert.same({ "blue", 3, { 1, cjson.null } }, { claims.team, claims.access.level, claims.list })
    assert.same({ name = "Ann" }, claims.info)
    assert.equal("x", token({ "--user", "ann", "--info", '"x"' }).info)
    assert.is_nil(token({ "--user", "ann", "--claims", "{}" }).info)
  end)

  it("refuses claims that are no object, or have names that mean something else", function()
    for _, wrong in ipairs { "", "x", "[]", "1", "{", '{"a":1}x', "{a:1}", "{'a':1}" } do
      refuses_usage({ "token", "--user=a", "--claims=" .. wrong }, "--claims", "JSON object", '{"team":"blue"}')
    end
    for _, name in ipairs { "sub", "exp", "nbf", "iat", "info", "roles", "channel", "\\u0073ub" } do
      refuses_usage({ "token", "--user=a", ('--claims={"a":1,"%s":1}'):format(name) }, "--claims", (name:gsub("\\u0073", "s")))
    end
    refuses_usage({ "token", "--user=a", '--claims={"sub":"b"}' }, "--user")
    refuses_usage({ "token", "--user=a", "--info={" }, "--info", "JSON")
  end)

  it("refuses to make a token that the server would refuse", function()
    local result = weir({ "token", "--user", ("a"):rep(8000) }, { "WEIR_TOKEN_SECRET=s3cret" })
    assert.equal(2, result.code)
    assert.equal("", result.out)
    has(result.err, "would refuse this token", "8192")
  end)

  it("says in its help that the user is required", function()
    local help = weir({ "token", "--help" }).out
    has(help, "weir token --user NAME [flags]", "required", "--claims JSON", "--info JSON")
  end)

  it("wants a user, a time it understands, and the secret", function()
    refuses_usage({ "token" }, "--user=NAME")
    for _, wrong in ipairs { "", "1", "h", "0h", "1w", "1 h", "-1h", "9999999999s" } do
      refuses_usage({ "token", "--user", "a", "--expires=" .. wrong }, "--expires", "90s, 15m, 1h, 7d or never")
    end
    refuses_usage({ "token", "--user", "\255" }, "--user is not UTF-8")
    local result = weir { "token", "--user", "ann" }
    assert.equal(2, result.code)
    has(result.err, "WEIR_TOKEN_SECRET", "--token-secret")
  end)
end)
