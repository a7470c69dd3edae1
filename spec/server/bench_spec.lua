-- `weir bench` against the server it is made for, against servers that lie, and against nobody.
local cjson = require "cjson"
local server = require "server"
local tls = require "tls"
local token = require "token"

local RULES = [[
channel("bench:{n}", { subscribe = "anyone", publish = "anyone" })
channel("users:{n}", { subscribe = "user", publish = "user" })
channel("silent:{n}", { subscribe = "anyone" })
]]

-- A server without words, over WebSocket and event streams, that does with each message what its first argument says.
local PEER = [==[
const { WebSocketServer } = require(process.argv[3] + "/node_modules/ws");
const http = require("http"), https = require("https");
const trick = process.argv[2], rooms = new Map();
let count = 0, kept = null, last = null;
const room = (name) => rooms.get(name) ?? rooms.set(name, new Set()).get(name);
function pass(name, text) {
  count++;
  const all = (message) => { for (const send of room(name)) send(message); };
  if (trick === "loses" && count % 5 === 0) return;
  if (trick === "swaps" && kept === null && count % 5 === 0) { kept = text; return; }
  if (trick === "damages" && count % 5 === 0) text = text.slice(0, -1) + "?";
  if (trick === "misroutes" && count % 5 === 0 && last) { all(last.replace(/@@(.{8})000000/, "@@$1000001")); }
  if (trick === "leaves" && count === 50) process.exit(0);
  if (trick === "dawdles") { setTimeout(all, 300, text); return; }
  all(text);
  if (trick === "doubles" && count % 5 === 0) all(text);
  if (kept !== null) { all(kept); kept = null; }
  last = text;
}
// Our own protocol as an event stream, that ends when a ping is not answered.
const unanswered = new Map();
let pongs = 0;
function stream(url, response) {
  const session = "s" + unanswered.size, say = (json) => response.write("data: " + JSON.stringify(json) + "\n\n");
  unanswered.set(session, 0);
  const { channel } = JSON.parse(new URL(url, "http://x").searchParams.get("cf_connect").split("\n")[1]).subscribe;
  say({ id: 1, connect: { client: "c", session, node: "n" } });
  say({ id: 2, subscribe: {} });
  room(channel).add((data) => say({ push: { channel, pub: { data } } }));
  setInterval(() => {
    if (unanswered.get(session) > 5) response.end();
    unanswered.set(session, unanswered.get(session) + 1);
    say({});
  }, 150);
}
function posted(name, body, response) {
  if (trick === "sleeps") return;
  if (name === "emulation") {
    pongs++;
    if (trick === "forgets" && pongs % 4 === 1) return response.writeHead(404).end();
    if (trick === "hangs-up") response.shouldKeepAlive = false;
    const { session, node, data } = JSON.parse(body);
    if (node === "n" && data === "{}") unanswered.set(session, 0);
    response.writeHead(204).end();
  } else if (name === "api/publish") {
    const { channel, data } = JSON.parse(body);
    pass(channel, data);
    response.end('{"result":{}}');
  } else {
    pass(name, body);
    if (trick === "chunks") { // and a trailer behind the chunks
      response.setHeader("Trailer", "X-Took");
      response.write("o");
      response.addTrailers({ "X-Took": "1" });
      return response.end("k");
    }
    if (trick === "holds") return setTimeout(() => response.end("ok"), 40);
    response.end("ok");
  }
}
const listener = (request, response) => {
  const name = request.url.slice(1);
  if (request.method === "POST") {
    let body = "";
    request.on("data", (piece) => { body += piece; });
    request.on("end", () => posted(name, body, response));
    return;
  }
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  if (name.startsWith("connection/sse?")) return stream(request.url, response);
  response.write(": hello\n\n");
  room(name).add((text) => response.write("data: " + text + "\n\n"));
  if (trick === "ends") setTimeout(() => response.end(), 500);
};
// With a certificate it writes down what name it is asked for.
const cert = process.argv[4], read = (path) => require("fs").readFileSync(path);
const web = cert
  ? https.createServer({ key: read(cert + ".key"), cert: read(cert + ".crt"),
      SNICallback: (name, answer) => { console.log("asked for " + name); answer(null); } }, listener)
  : http.createServer(listener);
new WebSocketServer({ server: web }).on("connection", (socket, request) => {
  if (request.url !== "/say") room(request.url.slice(1)).add((text) => socket.send(text));
  socket.once("message", () => console.log("a publisher"));
  socket.on("message", (text) => {
    const [, name, message] = /^(\S+) ([^]*)$/.exec(String(text));
    pass(name, message);
    if (trick === "dawdles" && count === 2) socket.terminate();
  });
});
web.keepAliveTimeout = 60000;
web.listen(0, "127.0.0.1", () => console.log(web.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
]==]

-- Runs it: what it printed, what it said, its exit code, and the JSON if it printed some.
local function bench(arguments, environment)
  local folder = server.folder()
  local _, how, code = os.execute(("env %s %s bench %s >%s/out 2>%s/err </dev/null"):format(environment or "",
    server.binary(), arguments, folder, folder))
  local out, err = server.read(folder .. "/out"), server.read(folder .. "/err")
  server.remove(folder)
  return { out = out, err = err, code = how == "exit" and code or how, json = out:match "^{" and cjson.decode(out) }
end

local function is_good(run)
  assert.equal("", run.err)
  assert.equal(0, run.code)
  assert.is_true(run.json.deliveries > 0, run.out)
  for _, fault in ipairs { "missing", "out_of_order", "doubled", "misrouted", "damaged", "refused", "lost_connections" } do
    assert.equal(0, run.json[fault], fault)
  end
  return run.json
end

local SHORT = " --seconds 0.5 --warm-up 0.1 --json "

describe("weir bench", function()
  local it_runs, folder

  lazy_setup(function()
    folder = server.folder()
    it_runs = server.start { scripts = { ["a.lua"] = RULES },
      args = { "--api-key", "key", "--token-secret", "a-secret-for-the-bench", "--workers", "2" } }
  end)
  lazy_teardown(function()
    it_runs:stop()
    server.remove(folder)
  end)

  local function url() return ("ws://127.0.0.1:%d"):format(it_runs.port) end

  it("publishes as fast as the window lets it, and every copy comes", function()
    local told = is_good(bench(url() .. " --subscribers 20 --channels 3 --window 8" .. SHORT))
    assert.same({ "weir", "websocket", "window", 20, 3, 1, 8, 4, 128 }, { told.protocol, told.transport, told.pace,
      told.subscribers, told.channels, told.publishers, told.window, told.burst, told.bytes })
    local latency = told.latency_us
    assert.is_true(0 < latency.p50 and latency.p50 <= latency.p90 and latency.p90 <= latency.p99
      and latency.p99 <= latency.p999 and latency.p999 <= latency.max)
  end)

  it("lets many publish in one channel, each message in its publisher's order", function()
    local told = is_good(bench(url() .. " --subscribers 5 --channels 2 --publishers 7 --window 32" .. SHORT))
    assert.same({ 2, 7 }, { told.channels, told.publishers })
  end)

  it("publishes where a URL without a path says, as that server does by default", function()
    local there = (" --publish-url ws://127.0.0.1:%d"):format(it_runs.port)
    is_good(bench(url() .. there .. SHORT))
    is_good(bench(url() .. there:gsub("ws:", "http:") .. SHORT, "WEIR_API_KEY=key"))
  end)

  it("keeps a rate, whatever the server does", function()
    local told = is_good(bench(url() .. " --subscribers 5 --rate 200 --seconds 1 --warm-up 0 --json"))
    assert.equal("rate", told.pace)
    assert.is_true(told.publishes >= 150 and told.publishes <= 250, told.publishes)
  end)

  it("lets each connection publish and wait for its own", function()
    local told = is_good(bench(url() .. " --ping-pong --subscribers 7" .. SHORT))
    assert.same({ "ping_pong", 7, 7, 0 }, { told.pace, told.subscribers, told.channels, told.publishers })
    local run = bench(url() .. " --ping-pong --subscribers 7 --seconds 0.2 --warm-up 0")
    assert.matches("\n  connecting   7 in ", run.out)
  end)

  it("holds idle connections and tells what the server needs for them", function()
    local run = bench(url() .. " --hold 0.3 --subscribers 300 --channels 10 --json --pid " .. it_runs.pid)
    assert.equal(0, run.code, run.err)
    assert.equal(0, run.json.deliveries)
    assert.is_true(run.json.server.memory_before > 1000000)
    assert.is_number(run.json.server.bytes_per_connection)
  end)

  it("publishes by POST with the API's key", function()
    is_good(bench(url() .. " --post --publishers 3 --window 6" .. SHORT, "WEIR_API_KEY=key"))
    local run = bench(url() .. " --post" .. SHORT, "WEIR_API_KEY=wrong")
    assert.equal(1, run.code)
    assert.matches("401", run.json.why)
    assert.is_true(run.json.refused > 0)
    assert.equal(0, run.json.lost_connections)
  end)

  it("listens on event streams, publishing beside them or by POST", function()
    local streams = url() .. " --sse --subscribers 20 --channels 2 --window 8"
    assert.equal("sse", is_good(bench(streams .. SHORT)).transport)
    is_good(bench(streams .. " --post" .. SHORT, "WEIR_API_KEY=key"))
  end)

  it("measures the server's CPU and memory, given its pid", function()
    local told = is_good(bench(url() .. " --subscribers 20 --pid " .. it_runs.pid .. SHORT)).server
    assert.is_true(told.cpu_s > 0 and told.cpu_s_per_million > 0 and told.memory_end > 1000000)
    local run = bench(url() .. " --pid 999999999" .. SHORT)
    assert.equal(1, run.code)
    assert.equal("weir: there is no process 999999999 (any more)\n", run.err)
  end)

  it("shows tokens: one, one a connection, or those it signs itself", function()
    local channel = url() .. " --channel users:{n} --subscribers 4" .. SHORT
    local refused = bench(channel)
    assert.equal(1, refused.code)
    assert.matches('the server answered subscribe with {"id":2,"error":{"code":103', refused.err, 1, true)
    local ann = token({ sub = "ann", exp = os.time() + 60 }, "a-secret-for-the-bench")
    local ben = token({ sub = "ben", exp = os.time() + 60 }, "a-secret-for-the-bench")
    is_good(bench(channel .. "--token " .. ann))
    local file = assert(io.open(folder .. "/tokens", "w"))
    file:write(ann, "\n", ben, "\n")
    file:close()
    is_good(bench(channel .. "--token-file " .. folder .. "/tokens"))
    is_good(bench(channel, "WEIR_TOKEN_SECRET=a-secret-for-the-bench"))
    assert.equal(1, bench(channel, "WEIR_TOKEN_SECRET=another").code)
  end)

  it("sends a file, with the stamp where the file wants it or in front", function()
    local path = folder .. "/payload.json"
    for text, bytes in pairs { ['{"text":"{stamp}","n":[1,2]}\n'] = 64, ['{"n":1}'] = 73 } do
      local file = assert(io.open(path, "w"))
      file:write(text)
      file:close()
      local told = is_good(bench(url() .. " --payload " .. path .. SHORT))
      assert.equal(bytes, told.bytes)
    end
    local file = assert(io.open(path, "w"))
    file:write "no json"
    file:close()
    local run = bench(url() .. " --payload " .. path)
    assert.equal(2, run.code)
    assert.matches("is no JSON", run.err)
  end)

  it("tells people the same in words", function()
    local run = bench(url() .. " --subscribers 1000 --channels 2 --seconds 0.3 --warm-up 0 --pid " .. it_runs.pid)
    assert.equal(0, run.code, run.err)
    assert.matches("^1,000 subscribers in 2 channels, window 64 in bursts of 32, 128 bytes, 0%.%d s\n", run.out)
    for _, pattern in ipairs { "\n  deliveries   [%d,]+ /s %([%d,]+%)\n", "\n  publishes    [%d,]+ /s",
      "\n  latency      p50 .*, p90 .*, p99 .*, p99%.9 .*, max .*\n", "\n  faults       missing 0, out of order 0, doubled 0\n",
      "\n  server       %d%.%d%d cores, .* s per million deliveries, .* MB, .* bytes a connection\n",
      "\n  this program %d%.%d%d cores" } do
      assert.matches(pattern, run.out)
    end
  end)

  it("counts publishes that the server refuses, and what is missing for that", function()
    local run = bench(url() .. " --channel silent:{n} --window 1 --subscribers 3" .. SHORT)
    assert.equal(1, run.code)
    assert.is_true(run.json.refused > 0 and run.json.missing > 0)
    assert.matches("^publisher 0: the server answered a publish with .*permission denied", run.json.why)
  end)

  it("says at once that a server has gone", function()
    local victim = server.start { scripts = { ["a.lua"] = RULES } }
    local ended = folder .. "/ended"
    os.execute(("(sleep 0.7; kill -KILL %d; touch %s) &"):format(victim.pid, ended))
    local run = bench(("127.0.0.1:%d --subscribers 10 --seconds 30 --json"):format(victim.port))
    victim:stop "KILL"
    assert.equal(1, run.code)
    assert.is_true(run.json.lost_connections >= 1)
    assert.matches("^%a+ %d+: ", run.json.why)
    assert.is_true(run.json.seconds < 20)
  end)

  it("says that nobody listens, or nobody who speaks its language", function()
    local run = bench "127.0.0.1:1"
    assert.equal(1, run.code)
    assert.equal("weir: publisher 0: cannot connect to 127.0.0.1:1: Connection refused\n", run.err)
    run = bench(url() .. "/nowhere")
    assert.equal(1, run.code)
    assert.matches("the server answered HTTP/1.1 404 Not Found", run.err, 1, true)
  end)

  it("ends early at SIGINT and tells what it has", function()
    local out = folder .. "/early"
    os.execute(("timeout -s INT 1 %s bench %s --subscribers 3 --warm-up 0 --seconds 30 --json >%s"):format(server.binary(),
      url(), out))
    local told = cjson.decode(server.read(out))
    assert.is_true(told.interrupted)
    assert.is_true(told.deliveries > 0 and told.seconds < 20)
    assert.equal(0, told.missing)
  end)

  it("loads no other machine unless it is told that it may", function()
    local run = bench "ws://192.0.2.1:8000"
    assert.equal(2, run.code)
    assert.matches("192.0.2.1 is another machine; --anywhere", run.err, 1, true)
  end)

  it("refuses a wrong command line with a reason", function()
    for arguments, reason in pairs {
      ["--subscribers 0"] = '--subscribers: "0" is no number from 1 to',
      ["--subscribers 1.5"] = "no whole number",
      ["--seconds x"] = '--seconds: "x" is no number',
      ["--rate 5 --window 3"] = "--window and --rate are both given",
      ["--from-sent"] = "--from-sent: only with --rate",
      ["--rate 5 --burst 3"] = "--burst and --rate are both given",
      ["--hold 5 --seconds 3"] = "--seconds and --hold are both given",
      ["--window 4 --burst 5"] = "5 do not fit into a window of 4",
      ["--channels 5 --subscribers 3"] = "3 subscribers listen in at most 3 channels",
      ["--channels 2 --channel a"] = "need a {n} in their name",
      ["--protocol wier"] = "did you mean weir?",
      ["--protocol nats --sse"] = "has no event streams",
      ["--protocol nats --post"] = "--publish-url URL",
      ["--post --publish-url ws://127.0.0.1:1/"] = "needs an http://",
      ["--publish-url tcp://127.0.0.1:1"] = "not for weir",
      ["--publishers 10000 --subscribers 200000"] = "is more than can be checked",
      ["--ping-pong --channels 3"] = "--ping-pong and --channels are both given",
      ["tcp://127.0.0.1:1"] = "not for weir",
      ["ftp://127.0.0.1:1"] = "there is no scheme ftp://",
      ["--size 3"] = "--size",
      ["--token a --token-file b"] = "--token and --token-file are both given",
      ["--token-file /nowhere"] = "No such file",
      ["--as 'a b'"] = "--as: a name is of letters",
      ["--ca /nowhere wss://127.0.0.1:1"] = "holds no certificate in PEM",
      ["--subscriber 3"] = "did you mean --subscribers?",
    } do
      local run = bench(arguments)
      assert.equal(2, run.code, arguments)
      assert.truthy(run.err:find(reason, 1, true), arguments .. ": " .. run.err)
      assert.equal("", run.out)
    end
  end)
end)

describe("weir bench over TLS", function()
  it("trusts the certificate it is given, or none", function()
    local folder = server.folder()
    tls.certificate(folder, "one")
    local it_runs <close> = server.start { command = "dev", scripts = { ["a.lua"] = RULES },
      args = { "--tls-cert", folder .. "/one.crt", "--tls-key", folder .. "/one.key" } }
    local url = ("wss://127.0.0.1:%d --channel users:{n} --as ann --size 40000 --window 4"):format(it_runs.port) .. SHORT
    is_good(bench(url .. "--ca " .. folder .. "/one.crt"))
    is_good(bench(url .. "--insecure"))
    local run = bench(url)
    server.remove(folder)
    assert.equal(1, run.code)
    assert.matches("its certificate is not trusted: self%-signed certificate", run.err)
  end)
end)

describe("weir bench on a server that", function()
  local RAW = " --protocol raw --publish-text '{channel} {message}' --subscribers 3 --window 40 "

  -- What the load tool says, and what the peer said.
  local function with(trick, arguments, has_tls)
    local folder = server.folder()
    if has_tls then tls.certificate(folder, "one") end
    local file = assert(io.open(folder .. "/peer.cjs", "w"))
    file:write(PEER)
    file:close()
    -- The peer ends with the shell's input, which is ours.
    local command = ("node %s/peer.cjs %s $PWD/spec/clients %s >%s/port"):format(folder, trick,
      has_tls and folder .. "/one" or "", folder)
    local peer = assert(io.popen(command, "w"))
    local port = assert(server.wait(10, function() return tonumber(server.read(folder .. "/port") or "") end))
    local run = bench((arguments:gsub("PORT", port)))
    peer:close()
    local said = server.read(folder .. "/port")
    server.remove(folder)
    return run, said
  end

  local function run_on(trick)
    local run = with(trick, "ws://127.0.0.1:PORT --publish-url ws://127.0.0.1:PORT/say" .. RAW
      .. "--seconds 1.5 --warm-up 0 --json")
    return run.json, run
  end

  it("is honest finds no fault", function()
    is_good(select(2, run_on "honest"))
  end)

  it("has many publishers in each channel hears them all", function()
    for channels, publishers in pairs { [1] = 5, [2] = 7, [3] = 2 } do
      local run, said = with("honest", "ws://127.0.0.1:PORT --publish-url ws://127.0.0.1:PORT/say" .. RAW:gsub("%-%-sub.*", "")
        .. ("--subscribers 4 --channels %d --publishers %d --window 40"):format(channels, publishers) .. SHORT)
      assert.equal(publishers, is_good(run).publishers)
      assert.equal(publishers, select(2, said:gsub("a publisher", "")))
    end
  end)

  it("loses messages tells how many copies are missing", function()
    local told, run = run_on "loses"
    assert.equal(1, run.code)
    assert.matches("not all came through", run.err)
    assert.is_true(told.missing > 0 and told.missing % 3 == 0, run.out)
    assert.equal(0, told.doubled + told.out_of_order + told.damaged)
  end)

  it("swaps messages tells how many came late", function()
    local told, run = run_on "swaps"
    assert.equal(1, run.code)
    assert.is_true(told.out_of_order > 0, run.out)
    assert.equal(0, told.doubled + told.damaged)
  end)

  it("doubles messages tells how many", function()
    local told, run = run_on "doubles"
    assert.equal(1, run.code)
    assert.is_true(told.doubled > 0, run.out)
    assert.equal(0, told.missing + told.out_of_order + told.damaged)
  end)

  it("damages messages tells how many", function()
    local told, run = run_on "damages"
    assert.equal(1, run.code)
    assert.is_true(told.damaged > 0 and told.damaged == told.missing, run.out)
  end)

  it("sends messages of another channel tells how many", function()
    local told, run = run_on "misroutes"
    assert.equal(1, run.code)
    assert.is_true(told.misrouted > 0, run.out)
    assert.equal(0, told.missing + told.doubled)
  end)

  it("leaves in the middle tells which connection noticed first", function()
    local told, run = run_on "leaves"
    assert.equal(1, run.code)
    assert.is_true(told.lost_connections >= 1)
    assert.matches("the server closed the connection", told.why)
  end)

  local STREAMS = "http://127.0.0.1:PORT --sse --post --subscribers 5 --window 2 --seconds 2 --warm-up 0 --json"

  it("pings its event streams gets its pongs by POST", function()
    assert.equal("sse", is_good((with("honest", STREAMS))).transport)
  end)

  it("has forgotten a stream that pongs still pongs to the others", function()
    is_good((with("forgets", STREAMS)))
  end)

  it("hangs up after each pong gets them all", function()
    is_good((with("hangs-up", (STREAMS:gsub("subscribers 5", "subscribers 40")))))
  end)

  local POSTS = "http://127.0.0.1:PORT --sse --protocol raw --publish-url http://127.0.0.1:PORT/{channel} "
    .. "--subscribers 6 --channels 2 "

  it("has event streams and takes POSTs is measured as well", function()
    assert.equal("sse", is_good((with("honest", POSTS .. "--publishers 2 --window 4" .. SHORT))).transport)
  end)

  it("holds its publishers makes messages late, but not from when they were sent", function()
    local flags = POSTS .. "--rate 100 --warm-up 0 --seconds 1 --json"
    local due, sent = is_good((with("holds", flags))), is_good((with("holds", flags .. " --from-sent")))
    assert.is_true(due.latency_us.p50 > 3 * sent.latency_us.p50, due.latency_us.p50 .. " and " .. sent.latency_us.p50)
  end)

  it("answers in chunks with a trailer is understood", function()
    is_good((with("chunks", POSTS .. "--publishers 2 --window 4" .. SHORT)))
  end)

  it("ends its event streams has lost connections", function()
    local run = with("ends", POSTS .. "--publishers 2 --window 4 --warm-up 0 --seconds 20 --json")
    assert.equal(6, run.json.lost_connections)
    assert.is_true(run.json.seconds < 15)
  end)

  it("answers no POST costs no CPU while the rate waits for it", function()
    local run = with("sleeps", POSTS .. "--rate 1000 --warm-up 0 --seconds 2 --json")
    assert.is_true(run.json.generator_cores < 0.5, run.out)
  end)

  it("throws a publisher out still has the time to deliver what others said", function()
    local run = with("dawdles", "ws://127.0.0.1:PORT --publish-url ws://127.0.0.1:PORT/say --protocol raw "
      .. "--publish-text '{channel} {message}' --subscribers 1 --publishers 2 --rate 10 --seconds 1 --warm-up 0 --json")
    assert.same({ 1, 0 }, { run.json.lost_connections, run.json.missing }, run.out)
  end)

  it("passes on messages of megabytes is measured with them", function()
    local run = with("honest", "ws://127.0.0.1:PORT --publish-url ws://127.0.0.1:PORT/say --protocol raw "
      .. "--publish-text '{channel} {message}' --subscribers 2 --size 3000000 --window 2" .. SHORT)
    assert.equal(3000000, is_good(run).bytes)
  end)

  it("has many names is asked for the one in the URL, trusted or not", function()
    local run, said = with("honest", "wss://localhost:PORT --publish-url wss://localhost:PORT/say --insecure "
      .. "--protocol raw --publish-text '{channel} {message}'" .. SHORT, true)
    is_good(run)
    assert.matches("\nasked for localhost\n", said)
  end)

  it("leaves without a word in the middle of TLS is told of, too", function()
    local run = with("leaves", "wss://127.0.0.1:PORT --publish-url wss://127.0.0.1:PORT/say --insecure "
      .. "--protocol raw --publish-text '{channel} {message}' --publishers 20 --rate 20000 --size 60000 --seconds 5 "
      .. "--warm-up 0 --json", true)
    assert.equal(1, run.code)
    assert.is_true(run.json.lost_connections > 0)
  end)
end)
