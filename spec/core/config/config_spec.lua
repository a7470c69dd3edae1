local config = require "room.config"
local cjson = require "cjson"

local function read(flags, environment, serving)
  return config.read { flags = flags or {}, environment = environment or {}, serving = serving }
end

local files = {}
after_each(function()
  while #files > 0 do
    os.remove(table.remove(files))
  end
end)

-- A file with that content, gone after the test.
local function file(content)
  local path = os.tmpname()
  local out = assert(io.open(path, "w"))
  out:write(content)
  out:close()
  files[#files + 1] = path
  return path
end

local function refused(code, words, flags, environment, serving)
  local result, reason, name = read(flags, environment, serving)
  assert.is_nil(result)
  for _, word in ipairs(type(words) == "table" and words or { words }) do
    assert.truthy(reason:find(word, 1, true), ("%q is not in: %s"):format(word, reason))
  end
  assert.equal(code, name)
  return reason
end

local function source(result, name)
  return cjson.decode(result.json)[name].source
end

describe("config/config: where a value comes from", function()
  it("is the default when nobody says anything", function()
    local c = read()
    assert.equal("127.0.0.1:8000", c.listen)
    assert.equal(0, c.workers)
    assert.is_false(c.dev_anywhere)
    for name, row in pairs(cjson.decode(c.json)) do
      assert.equal("default", row.source, name)
    end
  end)

  it("lets a flag beat the environment, that the file, that the default", function()
    local path = file 'return { listen = "127.0.0.1:1", workers = 1, ping_ms = 11111, log = "json" }'
    local c = read({ { "config", path }, { "listen", "127.0.0.1:3" } },
      { "WEIR_LISTEN=127.0.0.1:2", "WEIR_WORKERS=2", "HOME=/" })
    assert.equal("127.0.0.1:3", c.listen)
    assert.equal("flag", source(c, "listen"))
    assert.equal(2, c.workers)
    assert.equal("environment WEIR_WORKERS", source(c, "workers"))
    assert.equal(11111, cjson.decode(c.json)["ping-ms"].value)
    assert.equal("file " .. path, source(c, "ping-ms"))
    assert.equal("default", source(c, "pong-ms"))
  end)

  it("takes the last of two flags", function()
    assert.equal(4, read({ { "workers", "3" }, { "workers", "4" } }).workers)
  end)

  it("finds its file by WEIR_CONFIG, and by --config first", function()
    local one, two = file "return { workers = 1 }", file "return { workers = 2 }"
    assert.equal(1, read({}, { "WEIR_CONFIG=" .. one }).workers)
    assert.equal(2, read({ { "config", two } }, { "WEIR_CONFIG=" .. one }).workers)
  end)

  it("takes a list in the file for a comma-separated option", function()
    local path = file 'return { origins = { "https://a.example", "http://b.example:81" } }'
    local c = assert(read({ { "config", path } }))
    assert.equal("https://a.example,http://b.example:81", cjson.decode(c.json).origins.value)
  end)

  it("reads a secret from the file that WEIR_API_KEY_FILE names, without its last newline", function()
    local c = read({}, { "WEIR_API_KEY_FILE=" .. file "s3cret\n" })
    assert.equal("s3cret", c.api_key)
    assert.equal("environment WEIR_API_KEY_FILE", source(c, "api-key"))
    assert.equal("s3cret", read({}, { "WEIR_API_KEY_FILE=" .. file "s3cret\r\n" }).api_key)
    assert.equal("s3cret", read({}, { "WEIR_API_KEY_FILE=" .. file "s3cret" }).api_key)
  end)

  it("counts an empty variable as not set", function()
    local c = read({}, { "WEIR_API_KEY=", "WEIR_WORKERS=", "WEIR_API_KEY_FILE=" .. file "k" })
    assert.equal("k", c.api_key)
    assert.equal("default", source(c, "workers"))
  end)

  it("turns a flag on without a value, and off with one", function()
    assert.is_true(read({ { "dev-anywhere" } }).dev_anywhere)
    assert.is_true(read({}, { "WEIR_DEV_ANYWHERE=1" }).dev_anywhere)
    assert.is_false(read({ { "dev-anywhere", "false" } }, { "WEIR_DEV_ANYWHERE=true" }).dev_anywhere)
  end)
end)

describe("config/config: what it refuses", function()
  it("names an unknown option, where it is, and what was meant", function()
    local path = file "return { worker = 1 }"
    refused("CONFIG", { path, "worker", "did you mean workers?" }, { { "config", path } })
    refused("CONFIG", { "WEIR_LISTN", "did you mean WEIR_LISTEN?" }, {}, { "WEIR_LISTN=x:1" })
    refused("USAGE", { "--lisen", "did you mean --listen?" }, { { "lisen", "x:1" } })
    path = file "return { colour = 1 }"
    local reason = refused("CONFIG", { path, "colour" }, { { "config", path } })
    assert.is_nil(reason:find("did you mean", 1, true))
  end)

  it("does not overlook a secret whose file is under a misspelt name", function()
    refused("CONFIG", { "WEIR_API_KY_FILE", "did you mean WEIR_API_KEY_FILE?" }, {}, { "WEIR_API_KY_FILE=/x" })
    refused("CONFIG", { "WEIR_LISTEN_FILE", "only secrets", "set WEIR_LISTEN" }, {}, { "WEIR_LISTEN_FILE=/x" })
    refused("CONFIG", { "WEIR_CONFIG_FILE", "did you mean WEIR_CONFIG?" }, {}, { "WEIR_CONFIG_FILE=/x" })
    refused("CONFIG", { "WEIR_CONFG", "did you mean WEIR_CONFIG?" }, {}, { "WEIR_CONFG=/x" })
  end)

  it("lets a machine have variables of its own", function()
    assert.truthy(read({}, { "WEIR_SERVICE_HOST=10.0.0.1", "WEIR_PORT=tcp://10.0.0.1:80", "WEIR_BIN=/x",
      "WEIR_=", "WEIR", "WEIR_PORT_8000_TCP_PROTO=tcp" }))
  end)

  it("does not take one spelling in place of another", function()
    refused("CONFIG", "tls-cert", { { "config", file 'return { ["tls-cert"] = "x" }' } })
    refused("USAGE", "tls_cert", { { "tls_cert", "x" } })
    assert.equal("127.0.0.1:8000", read({}, { "WEIR_listen=127.0.0.1:9", "weir_listen=x" }).listen)
  end)

  it("blames the place where a wrong value was written", function()
    local path = file 'return { workers = "many" }'
    refused("USAGE", { "--workers", '"many"', "0 to 256" }, { { "workers", "many" } })
    refused("CONFIG", { "WEIR_WORKERS", "0 to 256" }, {}, { "WEIR_WORKERS=-1" })
    refused("CONFIG", { path, "workers" }, { { "config", path } })
  end)

  it("wants of the file what fits the option, and says where", function()
    for text, words in pairs {
      ["return {\n scripts = true }"] = { ":2: scripts", "has to be a string; it is true or false" },
      ["return { listen = 8000 }"] = { ":1: listen", "has to be a string; it is a number" },
      ["return { api_key = 12345 }"] = { ":1: api_key", "a string" },
      ['return { workers = "4" }'] = { ":1: workers", "has to be a number; it is a string" },
      ["return { workers = true }"] = { ":1: workers", "has to be a number" },
      ['return { dev_anywhere = "true" }'] = { ":1: dev_anywhere", "has to be true or false; it is a string" },
      ["return { dev_anywhere = 1 }"] = { ":1: dev_anywhere", "true or false" },
      ['return { scripts = { "a", "b" } }'] = { ":1: scripts", "has to be a string; it is a list" },
      ["return { origins = 1 }"] = { ":1: origins", "has to be a string or a list of strings; it is a number" },
    } do
      local path = file(text)
      words[1] = path .. words[1]
      assert.is_nil(refused("CONFIG", words, { { "config", path } }):find("12345", 1, true))
    end
    assert.is_true(read({ { "config", file "return { dev_anywhere = true, workers = 2.0 }" } }).dev_anywhere)
  end)

  it("says in which line of the file a key or a value is wrong", function()
    for text, words in pairs {
      ["return {\n\n  worker = 1 }"] = { ":3: ", "did you mean workers?" },
      ["return {\n  workers = 999 }"] = { ":2: workers: ", "0 to 256" },
      ["return {\n  ping_ms = 1000 }"] = { ":2: ping_ms: ", "pong" },
      ["local t = {} t['lis' .. 'ten'] = 'x' return t"] = { ": listen: ", "no port" },
    } do
      local path = file(text)
      words[1] = path .. words[1]
      refused("CONFIG", words, { { "config", path } })
    end
    refused("USAGE", "--workers: ", { { "config", file "return { workers = 1 }" }, { "workers", "999" } })
  end)

  it("wants whole numbers within the range of each option", function()
    for _, row in ipairs(config.options()) do
      if row[2] == "number" then
        for _, wrong in ipairs { "", "x", "1.5", "-1", "+1", " 1", "1e3", "0x10", "99999999999999999999" } do
          refused("USAGE", { "--" .. row[1], "no whole number from" }, { { row[1], wrong } })
        end
      end
    end
  end)

  it("wants true or false of a flag", function()
    refused("USAGE", "neither true nor false", { { "dev-anywhere", "yes" } })
  end)

  it("wants a value for what is no flag", function()
    refused("USAGE", "--listen=HOST:PORT", { { "listen" } })
  end)

  it("knows the formats and levels of the log", function()
    refused("USAGE", { "--log", "logfmt or json" }, { { "log", "xml" } })
    refused("USAGE", { "--log-level", "debug, info, warn or error" }, { { "log-level", "loud" } })
  end)

  it("wants pings further apart than the wait for a pong", function()
    refused("USAGE", { "--ping-ms", "larger than pong-ms (8000)" }, { { "ping-ms", "8000" } })
    refused("USAGE", { "--pong-ms", "25000" }, { { "pong-ms", "25000" } })
    assert.truthy(read({ { "ping-ms", "8001" } }))
  end)

  it("takes origins as browsers send them and nothing else", function()
    for _, right in ipairs { "https://a.example", "http://localhost:5173", "https://a.example,http://[::1]:8000",
      "app://host", "" } do
      assert.truthy(read({ { "origins", right } }), right)
    end
    for wrong, why in pairs {
      ["a.example"] = "no scheme", ["*"] = "no scheme", ["https://*.a.example"] = "wildcard",
      ["https://a.example/"] = "path", ["https://a.example/x"] = "path", ["https://A.example"] = "upper-case",
      ["HTTPS://a.example"] = "lower-case scheme", ["https://"] = "no host", ["https://a:0"] = "port 0",
      ["https://a:99999"] = "wrong port", ["https://a.example,"] = "comma", [",https://a.example"] = "no scheme",
      ["https://u@a.example"] = "no host", ["https://a.example:443"] = "leave out", ["https://a?b"] = "no host",
      ["http://a:80"] = "leave out",
    } do
      refused("USAGE", { "--origins", why }, { { "origins", wrong } })
    end
  end)

  it("wants certificate and key together, and readable when it serves", function()
    local pem, gone = file "PEM", "/nonexistent/weir.pem"
    refused("USAGE", { "--tls-cert", "--tls-key as well" }, { { "tls-cert", pem } })
    refused("CONFIG", { "WEIR_TLS_KEY", "--tls-cert as well" }, {}, { "WEIR_TLS_KEY=" .. pem })
    assert.truthy(read({ { "tls-cert", pem }, { "tls-key", gone } }))
    assert.truthy(read({ { "tls-cert", pem }, { "tls-key", pem } }, {}, "serve"))
    refused("USAGE", { "--tls-key", gone, "No such file" }, { { "tls-cert", pem }, { "tls-key", gone } }, {}, "serve")
    refused("USAGE", { "--tls-cert", "/tmp", "directory" }, { { "tls-cert", "/tmp" }, { "tls-key", pem } }, {}, "serve")
    refused("USAGE", { "--tls-cert", "empty" }, { { "tls-cert", "/dev/null" }, { "tls-key", pem } }, {}, "serve")
  end)

  it("keeps weir dev on this machine, says why and what to do", function()
    for _, address in ipairs { "0.0.0.0:8000", "[::]:8000", "192.168.1.2:0", "weir.example:80" } do
      refused("USAGE", { address, "--dev-anywhere", "whoever they say" }, { { "listen", address } }, {}, "dev")
      assert.truthy(read({ { "listen", address } }, {}, "serve"))
      assert.truthy(read({ { "listen", address }, { "dev-anywhere" } }, {}, "dev"))
    end
    for _, address in ipairs { "127.0.0.1:0", "127.9.9.9:1", "localhost:1", "[::1]:1" } do
      assert.truthy(read({ { "listen", address } }, {}, "dev"), address)
    end
  end)

  it("refuses a secret that is given twice", function()
    refused("CONFIG", { "WEIR_TOKEN_SECRET", "WEIR_TOKEN_SECRET_FILE", "both set" }, {},
      { "WEIR_TOKEN_SECRET=a", "WEIR_TOKEN_SECRET_FILE=" .. file "a" })
  end)

  it("says which secret file cannot be read, and why", function()
    refused("CONFIG", { "WEIR_API_KEY_FILE", "/nonexistent/key", "No such file" }, {},
      { "WEIR_API_KEY_FILE=/nonexistent/key" })
    refused("CONFIG", { "WEIR_API_KEY_FILE", "/tmp", "directory" }, {}, { "WEIR_API_KEY_FILE=/tmp" })
    refused("CONFIG", "empty", {}, { "WEIR_API_KEY_FILE=/dev/null" })
    refused("CONFIG", "64 KiB", {}, { "WEIR_API_KEY_FILE=/dev/zero" })
    refused("CONFIG", "zero byte", {}, { "WEIR_API_KEY_FILE=" .. file "a\0b" })
  end)

  it("refuses an API key that no request can carry, without repeating it", function()
    local reason = refused("USAGE", "visible ASCII", { { "api-key", "two words" } })
    assert.is_nil(reason:find("two words", 1, true))
  end)

  it("refuses control characters and broken UTF-8 in a text", function()
    refused("USAGE", "control characters", { { "scripts", "a\nb" } })
    refused("USAGE", "not UTF-8", { { "scripts", "a\255" } })
    refused("USAGE", "the folder", { { "scripts", "" } })
    refused("USAGE", "/echo", { { "test-echo", "echo" } })
  end)

  it("says which file does not parse, and where", function()
    local path = file "return {\n  workers = = 1 }"
    refused("CONFIG", { path, "2" }, { { "config", path } })
    refused("CONFIG", "/nonexistent/weir.lua", { { "config", "/nonexistent/weir.lua" } })
  end)
end)

describe("config/config: what weir config prints", function()
  local secrets = { "WEIR_API_KEY=hunter2", "WEIR_TOKEN_SECRET=hunter3" }

  it("has one line an option: name, value, source", function()
    local lines = {}
    for line in read({ { "workers", "3" } }, secrets).text:gmatch "[^\n]+" do
      local name, value, from = line:match "^(%S+)%s%s+(.-)%s%s+(.+)$"
      lines[name] = { value, from }
    end
    assert.same({ "3", "flag" }, lines.workers)
    assert.same({ "127.0.0.1:8000", "default" }, lines.listen)
    assert.same({ "(not set)", "default" }, lines["tls-cert"])
    assert.same({ "(set)", "environment WEIR_API_KEY" }, lines["api-key"])
    for _, row in ipairs(config.options()) do
      assert.truthy(lines[row[1]], row[1])
    end
  end)

  it("is JSON for programs, with numbers and booleans as such", function()
    local all = cjson.decode(read({ { "workers", "3" } }, secrets).json)
    assert.same({ value = 3, source = "flag" }, all.workers)
    assert.same({ value = false, source = "default" }, all["dev-anywhere"])
    assert.same({ value = "https://a.example", source = "flag" },
      cjson.decode(read({ { "origins", "https://a.example" } }).json).origins)
  end)

  it("tells programs what is not set, and of a secret whether it is", function()
    local set, unset = cjson.decode(read({}, secrets).json), cjson.decode(read().json)
    assert.same({ value = cjson.null, set = true, source = "environment WEIR_API_KEY" }, set["api-key"])
    assert.same({ value = cjson.null, set = false, source = "default" }, unset["api-key"])
    assert.same({ value = cjson.null, source = "default" }, unset["tls-cert"])
  end)

  it("never shows a secret", function()
    local c = read({}, secrets)
    assert.is_nil((c.text .. c.json):find("hunter", 1, true))
  end)
end)
