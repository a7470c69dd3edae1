-- The program as a person or a shell script meets it.
local cjson = require "cjson"
local lfs = require "lfs"

local FLAVOR = os.getenv "FLAVOR" or "release"
local WEIR = os.getenv "WEIR_BIN" or ("build/%s/weir"):format(FLAVOR)
local COMMANDS = { "dev", "serve", "check", "reload", "config", "token", "bench", "version", "help" }

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local content = file:read "a"
  file:close()
  return content
end

local function write_file(path, content)
  local file = assert(io.open(path, "wb"))
  file:write(content)
  file:close()
  return path
end

-- Whoever tests the program has variables of its own: the program gets none but those of the test.
local function command_line(arguments, environment)
  local words = { "env", "-i" }
  for _, name in ipairs { "PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS" } do
    local value = os.getenv(name)
    if value then
      words[#words + 1] = quote(name .. "=" .. value)
    end
  end
  for _, setting in ipairs(environment or {}) do
    words[#words + 1] = quote(setting)
  end
  words[#words + 1] = quote(WEIR)
  for _, word in ipairs(arguments) do
    words[#words + 1] = quote(word)
  end
  return table.concat(words, " ")
end

local function weir(arguments, environment)
  local out, err = os.tmpname(), os.tmpname()
  local _, how, code = os.execute(("%s </dev/null >%s 2>%s"):format(command_line(arguments, environment), out, err))
  local result = { out = read_file(out), err = read_file(err), code = how == "exit" and code or how .. code }
  os.remove(out)
  os.remove(err)
  return result
end

-- A folder of files that is gone after the test.
local folders = {}
after_each(function()
  while #folders > 0 do
    os.execute("rm -r " .. quote(table.remove(folders)))
  end
end)

local function folder(files)
  local path = os.tmpname()
  os.remove(path)
  assert(lfs.mkdir(path))
  folders[#folders + 1] = path
  for name, content in pairs(files) do
    local inner = name:match "^(.+)/"
    if inner then
      lfs.mkdir(path .. "/" .. inner)
    end
    write_file(path .. "/" .. name, content)
  end
  return path
end

local function has(text, ...)
  for _, word in ipairs { ... } do
    assert.truthy(text:find(word, 1, true), ("%q is not in: %s"):format(word, text))
  end
end

local function has_not(text, word)
  assert.is_nil(text:find(word, 1, true), ("%q is in: %s"):format(word, text))
end

local function refuses_usage(arguments, ...)
  local result = weir(arguments)
  assert.equal(2, result.code, table.concat(arguments, " "))
  assert.equal("", result.out)
  has(result.err, ...)
end

-- Rooms that other floors bring: without them their part of this spec waits.
local function exists(path)
  return lfs.attributes(path) ~= nil
end
local with_scripts = exists "core/script/catalogue.c" and it or pending
local with_tokens = exists "core/auth/jwt.c" and it or pending
local with_server = exists "core/server/server.c" and it or pending

describe("weir's help", function()
  it("tells every command, on stdout, when asked", function()
    for _, ask in ipairs { "help", "--help", "-h" } do
      local result = weir { ask }
      assert.equal(0, result.code)
      assert.equal("", result.err)
      for _, name in ipairs(COMMANDS) do
        has(result.out, "\n  " .. name)
      end
      has(result.out, "weir --version", "-V")
      has(result.out, "Exit codes")
    end
  end)

  it("comes on stderr, with exit code 2, to who gives no command", function()
    refuses_usage({}, "Commands", "weir dev examples/chat")
  end)

  it("shows examples before flags for each command, in three ways of asking", function()
    for _, name in ipairs(COMMANDS) do
      local result = weir { name, "--help" }
      assert.equal(0, result.code, name)
      assert.equal("", result.err)
      assert.truthy(result.out:match("^weir " .. name .. ": "), result.out)
      assert.is_true(result.out:find("Examples", 1, true) < result.out:find("Flags", 1, true))
      assert.equal(result.out, weir({ name, "-h" }).out)
      assert.equal(result.out, weir({ "help", name }).out)
    end
  end)

  it("names for serve every option that weir config prints", function()
    local help = weir({ "serve", "--help" }).out .. weir({ "dev", "--help" }).out
    for name in pairs(cjson.decode(weir({ "config", "--json" }).out)) do
      has(help, "--" .. name .. " ")
    end
  end)

  it("fits a terminal and has no colour where nobody sees it", function()
    for _, name in ipairs(COMMANDS) do
      for line in weir({ "help", name }).out:gmatch "[^\n]+" do
        assert.is_true(#line <= 110, line)
        has_not(line, "\27")
      end
    end
  end)
end)

describe("weir's colour", function()
  local function on_a_terminal(environment)
    local line = command_line({ "frobnicate" }, environment)
    local pipe = io.popen(("script -qec %s /dev/null </dev/null"):format(quote(line)))
    local text = pipe:read "a"
    pipe:close()
    has(text, "weir:")
    return text
  end

  it("is for terminals, and not for those who say NO_COLOR or TERM=dumb", function()
    has(on_a_terminal { "TERM=xterm" }, "\27[31m")
    has_not(on_a_terminal { "TERM=xterm", "NO_COLOR=1" }, "\27")
    has_not(on_a_terminal { "TERM=dumb" }, "\27")
    has_not(weir({ "frobnicate" }, { "TERM=xterm" }).err, "\27")
  end)
end)

describe("weir with wrong words", function()
  it("says what was meant by a command", function()
    refuses_usage({ "chek" }, '"chek"', "did you mean `weir check`?")
    refuses_usage({ "help", "relaod" }, "did you mean `weir reload`?")
    refuses_usage({ "frobnicate" }, "`weir help` lists them")
    refuses_usage({ "--listen", "127.0.0.1:1", "serve" }, "a command comes before", "--listen")
  end)

  it("says what was meant by a flag", function()
    refuses_usage({ "serve", "--lisen", "x" }, "--lisen", "did you mean --listen?", "weir serve --help")
    refuses_usage({ "check", "--jsno" }, "did you mean --json?")
    refuses_usage({ "version", "--frobnicate" }, "`weir version --help` lists them")
    refuses_usage({ "check", "-j" }, "two dashes")
  end)

  it("refuses flags of other commands and words too many", function()
    refuses_usage({ "check", "--listen", "127.0.0.1:1" }, "weir check has no flag --listen")
    refuses_usage({ "serve", "--dev-anywhere" }, "weir serve has no flag --dev-anywhere; it belongs to `weir dev`\n")
    refuses_usage({ "version", "--user=ann" }, "it belongs to `weir token`")
    refuses_usage({ "token", "--listen=x" }, "it belongs to `weir dev`, `weir serve` and `weir reload`")
    refuses_usage({ "serve", "scripts" }, '"scripts"')
    refuses_usage({ "check", "a", "b" }, '"b"')
    refuses_usage({ "check", "--scripts", "a", "b" }, '"b"', "leave one out")
  end)

  it("misses a value, also when a flag stands in its place", function()
    refuses_usage({ "config", "--listen" }, "--listen=HOST:PORT")
    refuses_usage({ "config", "--listen", "--json" }, "--listen=HOST:PORT")
    refuses_usage({ "config", "--json=yes" }, "takes no value")
  end)

  it("ends with 2 for wrong values, wherever they come from", function()
    refuses_usage({ "config", "--workers", "many" }, "--workers", "0 to 256")
    refuses_usage({ "config", "--workers", "-1" }, '--workers: "-1" is no whole number from 0 to 256')
    local result = weir({ "config" }, { "WEIR_WORKERS=many" })
    assert.equal(2, result.code)
    has(result.err, "WEIR_WORKERS")
  end)
end)

describe("weir version", function()
  it("is one line, or JSON", function()
    local line = weir { "version" }
    assert.equal(0, line.code)
    local version = line.out:match "^weir (%d+%.%d+%.%d+)\n$"
    assert.truthy(version, line.out)
    assert.same({ version = version }, cjson.decode(weir({ "version", "--json" }).out))
    assert.equal(line.out, weir({ "--version" }).out)
  end)

  it("fails when nobody can read it", function()
    assert.same({ true, "exit", 1 }, { true, select(2, os.execute(WEIR .. " version >/dev/full 2>/dev/null")) })
  end)
end)

describe("weir config", function()
  local function config(arguments, environment)
    local result = weir({ "config", "--json", table.unpack(arguments) }, environment)
    assert.equal(0, result.code, result.err)
    return cjson.decode(result.out)
  end

  it("takes a flag before the environment, that before the file, that before the default", function()
    local dir = folder { ["weir.lua"] = 'return { listen = "127.0.0.1:1", workers = 1, ping_ms = 11111 }' }
    local file = dir .. "/weir.lua"
    local all = config({ "--config", file, "--listen=127.0.0.1:3" }, { "WEIR_LISTEN=127.0.0.1:2", "WEIR_WORKERS=2" })
    assert.same({ value = "127.0.0.1:3", source = "flag" }, all.listen)
    assert.same({ value = 2, source = "environment WEIR_WORKERS" }, all.workers)
    assert.same({ value = 11111, source = "file " .. file }, all["ping-ms"])
    assert.same({ value = 8000, source = "default" }, all["pong-ms"])
    assert.same(all.workers, config({}, { "WEIR_WORKERS=2", "WEIR_CONFIG=" .. file }).workers)
  end)

  it("prints a line an option on stdout", function()
    local result = weir { "config", "--workers", "3" }
    assert.equal(0, result.code)
    assert.equal("", result.err)
    assert.truthy(result.out:find "\nworkers%s+3%s+flag\n")
    assert.truthy(result.out:find "\nlisten%s+127%.0%.0%.1:8000%s+default\n")
  end)

  it("never prints a secret, in whatever it says", function()
    local dir = folder { key = "hunter1\n" }
    local secrets = { "WEIR_API_KEY_FILE=" .. dir .. "/key", "WEIR_TOKEN_SECRET=hunter2" }
    for _, arguments in ipairs { { "config" }, { "config", "--json" }, { "config", "--workers", "x" },
      { "check", dir }, { "config", "--api-key", "hunter 3" } } do
      local result = weir(arguments, secrets)
      has_not(result.out .. result.err, "hunter")
    end
    local key = config({}, secrets)["api-key"]
    assert.same({ value = cjson.null, set = true, source = "environment WEIR_API_KEY_FILE" }, key)
  end)

  it("tells in its help which options it takes", function()
    local help = weir({ "config", "--help" }).out
    has(help, "every option of `weir serve`", "--dev-anywhere")
    for name in pairs(config {}) do has(help, "--" .. name .. " ") end
  end)

  it("says which file it cannot take, and where in it", function()
    local dir = folder { ["bad.lua"] = "return {\n  workers = = 1 }", ["odd.lua"] = "return { wrokers = 1 }" }
    local result = weir { "config", "--config", dir .. "/bad.lua" }
    assert.equal(2, result.code)
    has(result.err, dir .. "/bad.lua", "2")
    has(weir({ "config", "--config", dir .. "/odd.lua" }).err, "odd.lua", "did you mean workers?")
    has(weir({ "config", "--config", dir .. "/gone.lua" }).err, "gone.lua")
  end)
end)

describe("weir check", function()
  local GOOD = 'channel("news:{topic}", { subscribe = "anyone" })\n'

  with_scripts("says on stderr that all is well, and nothing on stdout", function()
    local dir = folder { ["news.lua"] = GOOD }
    local result = weir { "check", dir }
    assert.equal(0, result.code, result.err)
    assert.equal("", result.out)
    has(result.err, dir, "1 script,", "1 channel pattern\n")
    assert.equal(0, weir({ "check", "--scripts", dir }).code)
    assert.equal(0, weir({ "check" }, { "WEIR_SCRIPTS=" .. dir }).code)
    assert.equal(0, weir({ "check", "--", dir }).code)
  end)

  with_scripts("tells every error with file, line, reason and the line itself", function()
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

  with_scripts("is JSON for programs, good or bad", function()
    local good = weir { "check", "--json", folder { ["news.lua"] = GOOD } }
    assert.equal('{"ok":true,"problems":[]}\n', good.out)
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

  with_scripts("fails on a folder that is not there", function()
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

  with_tokens("signs who it is for, the roles and the end", function()
    local claims = token { "--user", "ann", "--roles", "a,b", "--expires", "2h" }
    assert.equal("ann", claims.sub)
    assert.same({ "a", "b" }, claims.roles)
    assert.equal(7200, claims.exp - claims.iat)
    assert.is_true(math.abs(claims.iat - os.time()) < 60)
  end)

  with_tokens("lasts an hour if nothing is said, and for ever if that is said", function()
    local claims = token { '--user=a"\\n' }
    assert.equal('a"\\n', claims.sub)
    assert.is_nil(claims.roles)
    assert.equal(3600, claims.exp - claims.iat)
    assert.is_nil(token({ "--user", "ann", "--expires", "never" }).exp)
  end)

  with_tokens("takes more claims and the info, so that rules on them can be tried", function()
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

  with_tokens("refuses to make a token that the server would refuse", function()
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

describe("weir reload", function()
  -- One connection is answered with these bytes; then the request is told, and all is over.
  local ANSWER_ONCE = [[
    const server = require("net").createServer(socket => {
      let request = "";
      socket.on("error", () => {});
      socket.on("data", bytes => {
        request += bytes;
        if (!request.endsWith("\r\n\r\n{}")) return;
        socket.end(process.argv[1]);
        process.stdout.write(request);
        server.close();
      });
    });
    server.listen(0, "127.0.0.1", () => console.log(server.address().port));
    setTimeout(() => process.exit(), 20000).unref();
  ]]

  local function reload_against(answer, arguments, environment)
    local server = io.popen(("node -e %s %s"):format(quote(ANSWER_ONCE), quote(answer)))
    local port = server:read "l"
    local result = weir({ "reload", "--listen", "127.0.0.1:" .. port, table.unpack(arguments or {}) },
      environment or { "WEIR_API_KEY=hunter2" })
    result.request = server:read "a"
    server:close()
    return result
  end

  local function http(status, body)
    return ("HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"):format(status, #body, body)
  end

  local DONE = http("200 OK", '{"result":{"generation":2,"files":["chat.lua","lib/words.lua"]}}')
  local REFUSED = http("200 OK", [[{"error":{"code":4,"message":"chat.lua:3: no","problems":[
    {"file":"chat.lua","line":3,"source":"  local x = = 1","reason":"unexpected symbol"}]}}]])

  it("asks with the key, prints generation and files", function()
    local result = reload_against(DONE)
    assert.equal(0, result.code, result.err)
    assert.equal("generation 2: chat.lua, lib/words.lua\n", result.out)
    assert.equal("", result.err)
    has(result.request, "POST /api/reload HTTP/1.1\r\n", "\r\nX-API-Key: hunter2\r\n", "\r\nContent-Length: 2\r\n",
      "\r\nHost: 127.0.0.1:")
  end)

  it("tells what the server refused, with file and line", function()
    local result = reload_against(REFUSED)
    assert.equal(1, result.code)
    assert.equal("", result.out)
    has(result.err, "chat.lua:3: unexpected symbol", "local x = = 1", "goes on as it was")
    result = reload_against(http("200 OK", '{"error":{"code":4,"message":"chat.lua:3: no"}}'))
    assert.equal(1, result.code)
    has(result.err, "chat.lua:3: no")
  end)

  it("is JSON for programs, done or refused", function()
    local done = cjson.decode(reload_against(DONE, { "--json" }).out)
    assert.same({ ok = true, generation = 2, files = { "chat.lua", "lib/words.lua" } }, done)
    local result = reload_against(REFUSED, { "--json" })
    assert.equal(1, result.code)
    assert.equal("", result.err)
    local refused = cjson.decode(result.out)
    assert.is_false(refused.ok)
    assert.equal("chat.lua:3: no", refused.reason)
    assert.equal("unexpected symbol", refused.problems[1].reason)
  end)

  it("keeps the terminal safe from what a server says", function()
    local result = reload_against(http("200 OK", '{"error":{"code":4,"message":"\\u001b[2J\\nx"}}'))
    has(result.err, "?[2J?x")
    result = reload_against(http("200 OK", '{"error":{"message":"x","problems":[{"reason":"\\u001b[2J"},null,{}]}}'))
    has(result.err, "?[2J")
    has_not(result.err, "\27")
  end)

  it("understands refusals without JSON and answers that are none", function()
    for answer, why in pairs {
      [http("401 Unauthorized", "")] = "another API key",
      [http("503 Service Unavailable", "busy")] = "answered 503",
      [http("200 OK", "[]")] = "answered 200",
      [http("200 OK", '{"result":{"generation":-1}}')] = "answered 200",
      ["HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}"] = "middle of its answer",
      ["SSH-2.0-x\r\n\r\n"] = "does not speak HTTP",
      ["HTTP/1.1 200 OK\r\n"] = "does not speak HTTP",
      [""] = "does not speak HTTP",
    } do
      local result = reload_against(answer)
      assert.equal(1, result.code, answer)
      assert.equal("", result.out)
      has(result.err, why)
      has_not(result.err, "hunter2")
    end
  end)

  it("tries without a key, and says how to give it when one is wanted", function()
    local result = reload_against(DONE, {}, {})
    assert.equal(0, result.code, result.err)
    has_not(result.request, "X-API-Key")
    local refused = reload_against(http("401 Unauthorized", "401 Unauthorized: no"), {}, {})
    assert.equal(1, refused.code)
    has(refused.err, "key of the server API", "WEIR_API_KEY", "WEIR_API_KEY_FILE", "--api-key", "kill -HUP PID")
    refused = reload_against(http("401 Unauthorized", '{"error":{"code":101,"message":"unauthorized: no"}}'), { "--json" }, {})
    has(cjson.decode(refused.out).reason, "WEIR_API_KEY_FILE")
  end)

  it("says that nobody listens there", function()
    local result = weir({ "reload", "--listen", "127.0.0.1:1" }, { "WEIR_API_KEY=k" })
    assert.equal(1, result.code)
    has(result.err, "127.0.0.1:1", "Connection refused")
    result = weir({ "reload", "--json", "--listen", "127.0.0.1:1" }, { "WEIR_API_KEY=k" })
    assert.equal(1, result.code)
    has(cjson.decode(result.out).reason, "Connection refused")
  end)

  it("says what it needs to know, and what else helps", function()
    has(weir({ "reload", "--listen", "127.0.0.1:0" }, { "WEIR_API_KEY=k" }).err, "which port")
    has(weir({ "reload", "--tls-cert", "x" }, { "WEIR_API_KEY=k" }).err, "TLS needs --tls-key as well")
  end)

  with_server("changes the rules of a running server, and not to ones that do not load", function()
    local dir = folder { ["news.lua"] = 'channel("news", { subscribe = "anyone" })\n' }
    local line = command_line({ "serve", "--scripts", dir, "--listen", "127.0.0.1:0", "--workers", "1" },
      { "WEIR_API_KEY=k" })
    local server = io.popen(("echo $$; exec %s 2>%s"):format(line, quote(dir .. "/log")))
    local pid = server:read "l"
    local port = (server:read "l" or ""):match "^listening on http://127%.0%.0%.1:(%d+)$"
    finally(function()
      os.execute(("kill %s 2>/dev/null"):format(pid))
      server:close()
    end)
    local function reload()
      return weir({ "reload", "--listen", "127.0.0.1:" .. port }, { "WEIR_API_KEY=k" })
    end
    assert.truthy(port, read_file(dir .. "/log"))
    write_file(dir .. "/news.lua", 'channel("news", { subscribe = "nobody" })\n')
    local result = reload()
    assert.equal(0, result.code, result.err)
    has(result.out, "generation 2", "news.lua")
    write_file(dir .. "/news.lua", "local y = = 2\n")
    result = reload()
    assert.equal(1, result.code)
    has(result.err, "news.lua:1:")
    has(weir({ "reload", "--listen", "127.0.0.1:" .. port }, { "WEIR_API_KEY=wrong" }).err, "key")
  end)
end)

describe("weir dev", function()
  -- Runs it on that folder while `talk(port, lines)` goes on; lines are what it printed at its start.
  local function while_serving(dir, talk)
    local line = command_line { "dev", "--listen", "127.0.0.1:0", "--workers", "1", dir }
    local server = io.popen(("echo $$; exec %s 2>%s"):format(line, quote(dir .. "/log")))
    local pid, first, second = server:read "l", server:read "l", server:read "l"
    finally(function()
      os.execute(("kill %s 2>/dev/null"):format(pid))
      server:close()
    end)
    talk((first or ""):match ":(%d+)$" or error(read_file(dir .. "/log")), second)
  end

  with_server("is reloaded without a key from this machine", function()
    local dir = folder { ["news.lua"] = 'channel("news", { subscribe = "anyone" })\n' }
    while_serving(dir, function(port)
      local result = weir { "reload", "--listen", "127.0.0.1:" .. port }
      assert.equal(0, result.code, result.err)
      has(result.out, "generation 1: nothing changed")
    end)
  end)

  with_server("says what to open where there is a page", function()
    while_serving(folder { ["index.html"] = "<p>" }, function(port, said)
      has(said, ("open http://127.0.0.1:%s/ in"):format(port))
    end)
  end)

  with_server("says how to connect where there is no page", function()
    while_serving(folder { ["a.lua"] = "" }, function(port, said)
      has(said, ("ws://127.0.0.1:%s/connection/websocket?as=NAME"):format(port), "no index.html")
      has_not(said, "open http")
    end)
  end)

  it("does not open itself to other machines without being told", function()
    refuses_usage({ "dev", "--listen", "0.0.0.0:0", "/nonexistent" }, "0.0.0.0:0", "--dev-anywhere")
  end)

  it("has certificates it can read, or none", function()
    refuses_usage({ "dev", "--tls-cert", "/nonexistent/c.pem", "--tls-key", "/nonexistent/k.pem" }, "--tls-cert",
      "/nonexistent/c.pem", "No such file")
  end)

  with_server("fails with a reason on a folder that is not there", function()
    local result = weir { "dev", "--listen", "127.0.0.1:0", "/nonexistent" }
    assert.equal(1, result.code)
    has(result.err, "\nthe scripts folder /nonexistent cannot be read")
  end)
end)

describe("weir serve", function()
  with_server("fails with a reason on scripts that do not load", function()
    local result = weir { "serve", "--listen", "127.0.0.1:0", "--scripts", folder { ["bad.lua"] = "local y = = 2" } }
    assert.equal(1, result.code)
    has(result.err, "bad.lua:1:")
  end)
end)
