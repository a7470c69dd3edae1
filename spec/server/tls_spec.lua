-- TLS: pages, the API and the chat over it, judged by openssl, curl and Node.
local cjson = require "cjson"
local http = require "http"
local lfs = require "lfs"
local server = require "server"
local socket = require "room.socket"
local talk = require "talk"
local tls = require "tls"

local RULES = [[
channel("room:{name}", { subscribe = "anyone", publish = "anyone", max_size = 900000 })
function server.rpc_echo(args) return args end
]]

local function run(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read "a"
  local fine = pipe:close()
  return text, fine
end

-- Two clients of the npm package `ws`: one says what it is told, both count what they hear.
local CLIENTS = [==[
const WebSocket = require(process.argv[3] + "/node_modules/ws");
const url = process.argv[2].replace("https", "wss") + "/connection/websocket";
const ca = require("fs").readFileSync(process.argv[4]);
const sizes = [1, 1000, 16384, 16385, 60000, 400000];
const heard = { ann: 0, ben: 0, bytes: 0 };
let joined = 0;
setTimeout(() => { console.log("too late", JSON.stringify(heard)); process.exit(1); }, 9000);
for (const name of ["ann", "ben"]) {
  const socket = new WebSocket(url + "?as=" + name, { ca });
  socket.on("error", (error) => { console.log(String(error)); process.exit(1); });
  socket.on("open", () => socket.send('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"room:a"}}'));
  socket.on("message", (frame) => {
    for (const line of String(frame).split("\n")) {
      const message = JSON.parse(line);
      if (message.id === 2 && ++joined === 2)
        sizes.forEach((size, i) => socket.send(JSON.stringify(
          { id: 10 + i, publish: { channel: "room:a", data: "x".repeat(size) } })));
      if (message.push) {
        if (message.push.pub.data.length !== sizes[heard[name]]) { console.log("wrong order"); process.exit(1); }
        heard[name]++;
        heard.bytes += message.push.pub.data.length;
      }
      if (heard.ann === sizes.length && heard.ben === sizes.length) {
        console.log(JSON.stringify(heard));
        process.exit(0);
      }
    }
  });
}
]==]

describe("TLS", function()
  local it_runs, folder, silent

  lazy_setup(function()
    folder = server.folder()
    tls.certificate(folder, "one")
    tls.certificate(folder, "two")
    it_runs = server.start {
      command = "dev",
      scripts = { ["a.lua"] = RULES, ["index.html"] = "<p>hello", ["big.txt"] = ("0123456789abcdef"):rep(512 * 1024) },
      args = { "--workers", "2", "--api-key", "key", "--max-message", "1000000", "--tls-cert", folder .. "/one.crt",
        "--tls-key", folder .. "/one.key" },
    }
    silent = assert(socket.connect(it_runs.port))
  end)
  lazy_teardown(function()
    if it_runs then it_runs:stop() end
    server.remove(folder)
  end)
  after_each(function() assert.is_nil(it_runs:exit_status()) end)

  local function curl(arguments)
    return run(("curl -sS --max-time 9 --cacert %s/one.crt %s"):format(folder, arguments))
  end

  it("is said in the address", function()
    assert.equal("https", it_runs.scheme)
  end)

  it("carries pages and the API", function()
    assert.equal("<p>hello", (curl(it_runs.url .. "/")))
    assert.equal('{"ready":true}', (curl(it_runs.url .. "/readyz")))
    local answer = curl(("-H 'X-API-Key: key' -d '{\"method\":\"echo\",\"params\":1.0}' %s/api/rpc"):format(it_runs.url))
    assert.equal('{"result":{"data":1.0}}', answer)
  end)

  it("keeps one connection for several requests", function()
    local text = curl(("-v %s/healthz %s/readyz"):format(it_runs.url, it_runs.url))
    assert.truthy(text:find "Re%-using existing connection", text)
  end)

  it("carries 8 MiB whole", function()
    assert.equal(0, tonumber((run(("curl -sS --max-time 9 --cacert %s/one.crt %s/big.txt | cmp - %s/big.txt; echo $?"):format(
      folder, it_runs.url, it_runs.scripts))):match "%d+"))
  end)

  it("carries 8 MiB to a reader that is slow, whole", function()
    local text = run(("curl -sS --max-time 9 --limit-rate 12M --cacert %s/one.crt %s/big.txt | wc -c"):format(folder, it_runs.url))
    assert.equal(8 * 1024 * 1024, tonumber(text))
  end)

  it("carries a body of nearly a megabyte", function()
    local file = assert(io.open(folder .. "/body", "w"))
    file:write(cjson.encode { method = "echo", params = ("x"):rep(900000) })
    file:close()
    local answer = curl(("-H 'X-API-Key: key' --data-binary @%s/body %s/api/rpc"):format(folder, it_runs.url))
    assert.equal('{"result":{"data":"' .. ("x"):rep(900000) .. '"}}', answer)
  end)

  it("is trusted by those who know its certificate only", function()
    local text, fine = run(("curl -sS --max-time 9 --cacert %s/two.crt %s/healthz"):format(folder, it_runs.url))
    assert.falsy(fine)
    assert.truthy(text:find "certificate", text)
  end)

  describe("weir reload", function()
    local function reload(name, listen)
      return run(("{ %s reload --listen %s --api-key key --tls-cert %s/%s.crt --tls-key %s/one.key; echo $?; }"):format(
        server.quote(server.binary()), listen or "127.0.0.1:" .. it_runs.port, folder, name, folder))
    end

    it("speaks it too, with the server that shows the certificate it knows", function()
      assert.truthy(reload "one":find "^generation %d+: nothing changed\n0\n$")
      it_runs:write("more.lua", 'channel("more", { subscribe = "blub" })')
      local text = reload "one"
      assert.truthy(text:find "more.lua:1: option `subscribe`", text)
      assert.truthy(text:find "\n1\n$", text)
      assert(os.remove(it_runs.scripts .. "/more.lua"))
    end)

    it("and with no other", function()
      local text = reload "two"
      assert.truthy(text:find("the server shows another certificate than the first of " .. folder .. "/two.crt", 1, true), text)
      assert.truthy(text:find "\n1\n$", text)
    end)

    it("and says so where there is no TLS, or no certificate", function()
      local plain <close> = server.start { scripts = { ["a.lua"] = RULES }, args = { "--workers", "1", "--api-key", "key" } }
      local text = reload("one", "127.0.0.1:" .. plain.port)
      assert.truthy(text:find("weir: the server does not speak TLS: leave out --tls-cert", 1, true), text)
      local file = assert(io.open(folder .. "/none.crt", "w"))
      file:write("hello")
      file:close()
      text = reload "none"
      assert.truthy(text:find("/none.crt holds no certificate in PEM", 1, true), text)
    end)
  end)

  it("offers HTTP/1.1 by ALPN and nothing older than TLS 1.2", function()
    local function client(arguments)
      return run(("echo | timeout 9 openssl s_client -connect 127.0.0.1:%d -CAfile %s/one.crt -verify_return_error %s"):format(
        it_runs.port, folder, arguments))
    end
    assert.truthy(client "-alpn h2,http/1.1":find "ALPN protocol: http/1.1")
    assert.truthy(client "-tls1_3":find "TLSv1.3")
    assert.truthy(client "-tls1_2":find "TLSv1.2")
    assert.falsy(client "-tls1_1 -cipher DEFAULT@SECLEVEL=0":find "Cipher is [A-Z]+%-")
    assert.falsy(client "-tls1 -cipher DEFAULT@SECLEVEL=0":find "Cipher is [A-Z]+%-")
  end)

  it("does not answer plain HTTP, and is not disturbed by it", function()
    local tcp = assert(socket.connect(it_runs.port))
    tcp:send "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    local text = tcp:read_all(7000)
    assert.is_nil(text:find("200 OK", 1, true))
    tcp:close()
    for i = 1, 20 do
      local other = assert(socket.connect(it_runs.port))
      other:send(("\x16\x03\x01"):sub(1, i % 4) .. ("x"):rep(i))
      if i % 2 == 0 then other:reset() end
    end
    assert.equal("{}", (curl(it_runs.url .. "/healthz")))
  end)

  it("carries the chat: messages of all sizes between two clients, in order", function()
    local here = lfs.currentdir() .. "/spec/clients"
    assert(server.read(here .. "/node_modules/ws/package.json"), "the clients are not installed: npm ci --prefix spec/clients")
    local file = assert(io.open(folder .. "/clients.js", "w"))
    file:write(CLIENTS)
    file:close()
    local text = run(("timeout 15 node %s/clients.js %s %s %s/one.crt"):format(folder, it_runs.url:gsub("127.0.0.1", "localhost"),
      here, folder))
    local fine, heard = pcall(cjson.decode, text)
    assert.truthy(fine, text)
    local bytes = 2 * (1 + 1000 + 16384 + 16385 + 60000 + 400000)
    assert.same({ ann = 6, ben = 6, bytes = bytes }, heard)
  end)

  it("ends for a peer that never begins its handshake", function()
    local _, how = silent:read_all(8000)
    assert.truthy(how == nil or how == "reset", how)
  end)
end)

describe("over TLS", function()
  local it_runs, bridge, folder

  local function start(...)
    it_runs = server.start {
      scripts = { ["a.lua"] = RULES },
      args = { "--workers", "1", "--ping-ms", "60000", "--tls-cert", folder .. "/one.crt", "--tls-key", folder .. "/one.key", ... },
    }
    bridge = tls.bridge(it_runs)
  end

  lazy_setup(function()
    folder = server.folder()
    tls.certificate(folder, "one")
  end)
  lazy_teardown(function() server.remove(folder) end)
  after_each(function()
    talk.close_all()
    bridge:close()
    it_runs:stop()
  end)

  it("a WebSocket lives longer than its handshake may take, busy or idle", function()
    start()
    local idle, busy = talk.to(bridge):connect():join "room:a", talk.to(bridge):connect():join "room:b"
    local last = socket.now_ms() + 6500
    while socket.now_ms() < last do
      busy:says("room:b", 1):hears("room:b", 1)
      socket.sleep(250)
    end
    busy:says("room:a", "still here?")
    idle:hears("room:a", "still here?"):says("room:b", "yes")
    busy:hears("room:b", "yes")
  end)

  for what, bytes in pairs {
    ["plain text"] = "GET / HTTP/1.1\r\n\r\n",
    ["nothing"] = "",
    ["half a greeting"] = "\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" .. ("r"):rep(20),
  } do
    it("strangers take no place for ever of --max-connections: " .. what, function()
      start("--max-connections", "4")
      -- One at a time and more than there are places: speaking at once, then only after being let in.
      for i = 1, 12 do
        local stranger = assert(socket.connect(it_runs.port))
        if i % 2 == 0 then socket.sleep(50) end
        stranger:send(bytes)
        stranger:read_all(100) -- some are shown the door, some leave
        stranger:close()
        socket.sleep(100)
      end
      local came, answer = pcall(http.get, bridge, "/healthz")
      assert.truthy(came and answer.status == 200, "nobody gets in: " .. tostring(answer))
      assert.truthy(server.wait(9, function() return http.metric(bridge, "weir_connections") == 1 end), "ghosts are counted")
    end)
  end

  it("a reader that stops gets close 3008, as a plain one does", function()
    start("--queue-bytes", "262144")
    local ann = talk.to(bridge):connect()
    local slow = talk.to(bridge, { receive_buffer = 4096 }):connect():join "room:a":stop_reading()
    local function is_cut() return http.metric(bridge, 'weir_cut_total{reason="slow"}') > 0 end
    for round = 1, 100 do
      assert.truthy(round < 100, "it was never cut")
      for _ = 1, 20 do ann:says("room:a", ("x"):rep(30000)) end
      if is_cut() then break end
    end
    slow.tcp:deafen(false)
    assert.same({ 3008, "slow" }, { slow:closed() })
  end)
end)

describe("TLS that cannot be", function()
  local folder
  before_each(function()
    folder = server.folder()
    for _, name in ipairs { "one", "two" } do tls.certificate(folder, name) end
    os.execute("echo nonsense >" .. folder .. "/nonsense")
  end)
  after_each(function() server.remove(folder) end)

  for name, files in pairs {
    ["a key of another certificate"] = { "one.crt", "two.key" },
    ["a certificate that is none"] = { "nonsense", "one.key" },
    ["a key that is none"] = { "one.crt", "nonsense" },
    ["a file that is not there"] = { "nothing.crt", "one.key" },
  } do
    it("is told at start, with the file's name: " .. name, function()
      local it_runs = server.try {
        scripts = { ["a.lua"] = RULES },
        args = { "--workers", "2", "--tls-cert", folder .. "/" .. files[1], "--tls-key", folder .. "/" .. files[2] },
      }
      assert.is_nil(it_runs.port)
      assert.truthy(it_runs.status == 1 or it_runs.status == 2, it_runs.status)
      assert.truthy(it_runs.log():find(folder, 1, true), it_runs.log())
    end)
  end
end)
