-- weir reload, as a person or a shell script meets it.
local cjson = require "cjson"
local cli = require "cli"

local quote, read_file, write_file, command_line, weir, folder, has, has_not =
  cli.quote, cli.read_file, cli.write_file, cli.command_line, cli.weir, cli.folder, cli.has, cli.has_not

after_each(cli.clean)

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

  it("changes the rules of a running server, and not to ones that do not load", function()
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
