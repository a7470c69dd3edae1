-- The program as a person or a shell script meets it: help, wrong words, options, and its servers.
local cjson = require "cjson"
local cli = require "cli"

local quote, read_file, command_line, weir, folder, has, has_not, refuses_usage, WEIR =
  cli.quote, cli.read_file, cli.command_line, cli.weir, cli.folder, cli.has, cli.has_not, cli.refuses_usage, cli.WEIR
local COMMANDS = { "dev", "serve", "check", "reload", "config", "token", "bench", "version", "help" }

after_each(cli.clean)

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
    refuses_usage({}, "Commands", "weir new chat my-chat")
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
    refuses_usage({ "token", "--listen=x" }, "it belongs to `weir dev`, `weir serve`, `weir reload`, `weir rollback`, `weir pub`, `weir sub` and `weir call`")
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
    local code = os.tmpname()
    os.execute(("{ sleep 0.2; %s version 2>/dev/null; echo $? >%s; } | true"):format(WEIR, code))
    local file = assert(io.open(code))
    assert.equal("1\n", file:read "a")
    file:close()
    os.remove(code)
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

  it("is reloaded without a key from this machine", function()
    local dir = folder { ["news.lua"] = 'channel("news", { subscribe = "anyone" })\n' }
    while_serving(dir, function(port)
      local result = weir { "reload", "--listen", "127.0.0.1:" .. port }
      assert.equal(0, result.code, result.err)
      has(result.out, "generation 1: nothing changed")
    end)
  end)

  it("says what to open where there is a page", function()
    while_serving(folder { ["index.html"] = "<p>" }, function(port, said)
      has(said, ("open http://127.0.0.1:%s/ in"):format(port))
    end)
  end)

  it("says how to connect where there is no page", function()
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

  it("fails with a reason on a folder that is not there", function()
    local result = weir { "dev", "--listen", "127.0.0.1:0", "/nonexistent" }
    assert.equal(1, result.code)
    has(result.err, "\nthe scripts folder /nonexistent cannot be read")
  end)
end)

describe("weir serve", function()
  it("fails with a reason on scripts that do not load", function()
    local result = weir { "serve", "--listen", "127.0.0.1:0", "--scripts", folder { ["bad.lua"] = "local y = = 2" } }
    assert.equal(1, result.code)
    has(result.err, "bad.lua:1:")
  end)
end)
