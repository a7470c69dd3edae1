-- What strangers do on purpose: each takes what it may take, and nobody else notices.
local http = require "http"
local server = require "server"
local socket = require "room.socket"
local talk = require "talk"

local RULES = [[
channel("room:{name}", { subscribe = "anyone", publish = "anyone", presence = true, max_size = 60000 })
local slow = channel("slow:{name}", { subscribe = "anyone", publish = "anyone", max_size = 60000 })
function slow:on_publish(client, data)
  for _ = 1, 200000 do end
  return true
end
]]

local SMALL = 4096 -- a receive buffer that is full soon
local KEY = { ["X-API-Key"] = "key" }
local MB = 1024
local keeps_memory = (os.getenv "FLAVOR" or ""):find "san" -- sanitizers keep what was freed

describe("a stranger", function()
  local it_runs

  local function start(...)
    it_runs = server.start {
      scripts = { ["a.lua"] = RULES },
      args = { "--api-key", "key", "--ping-ms", "60000", "--hook-ms", "1000", ... },
    }
  end
  after_each(function()
    talk.close_all()
    assert.is_nil(it_runs:exit_status())
    assert.equal(200, http.get(it_runs, "/healthz").status)
    it_runs:stop()
  end)

  local function comes(options)
    return talk.to(it_runs, options):connect()
  end

  local function resident_kb()
    return tonumber(server.read(("/proc/%d/status"):format(it_runs.pid)):match "VmRSS:%s+(%d+)")
  end

  -- In hundredths of a second, all threads together.
  local function cpu_time()
    local fields = {}
    for field in server.read(("/proc/%d/stat"):format(it_runs.pid)):match("%) (.*)"):gmatch "%S+" do fields[#fields + 1] = field end
    return tonumber(fields[12]) + tonumber(fields[13])
  end

  -- How far the memory grows at most while act() is called again and again: until it says false or the time is over.
  local function grows_below(kb, ms, act)
    local before, peak, last = resident_kb(), 0, socket.now_ms() + ms
    while act() ~= false and socket.now_ms() < last and peak < 4 * kb do peak = math.max(peak, resident_kb() - before) end
    peak = math.max(peak, resident_kb() - before)
    if not keeps_memory then assert.truthy(peak < kb, ("it grew by %d kB"):format(peak)) end
  end

  describe("that sends and never reads costs no more than its bound", function()
    it("with request after request", function()
      start("--workers", "1")
      local tcp <close> = assert(socket.connect(it_runs.port, SMALL))
      tcp:deafen(true)
      local requests = "GET /weir.js HTTP/1.1\r\nHost: a\r\n\r\n"
      requests = requests:rep(1000)
      grows_below(48 * MB, 4000, function() return tcp:send(requests, 500) or false end)
    end)

    it("with empty pings", function()
      start("--workers", "1")
      local pings = talk.frame("ping", ""):rep(20000)
      local pingers = {}
      for i = 1, 4 do pingers[i] = talk.to(it_runs, { receive_buffer = SMALL }):stop_reading() end
      grows_below(48 * MB, 6000, function()
        for i = #pingers, 1, -1 do
          if not pingers[i].tcp:send(pings, 300) then table.remove(pingers, i) end
        end
        return #pingers > 0
      end)
    end)
  end)

  it("that floods a channel of another worker waits in its own socket", function()
    start("--workers", "2")
    local publish = talk.frame("text", ('{"id":7,"publish":{"channel":"slow:1","data":"%s"}}'):format(("x"):rep(59000)))
    local clients, unsent = {}, {}
    for i = 1, 6 do clients[i], unsent[i] = comes(), "" end
    grows_below(256 * MB, keeps_memory and 1000 or 4000, function()
      for i, client in ipairs(clients) do
        if unsent[i] == "" then unsent[i] = publish:rep(20) end
        local sent, _, count = client.tcp:send(unsent[i], 5)
        unsent[i] = sent and "" or unsent[i]:sub(count + 1)
      end
    end)
  end)

  it("that asks for a large presence 1,500 times in one message gets frames of a sane size, and the server lives", function()
    start("--workers", "1")
    local members = {}
    for i = 1, 100 do members[i] = comes():join "room:a" end
    local greedy = comes()
    local last_id = greedy:next_id() + 1500
    local lines = {}
    for i = 1, 1500 do lines[i] = ('{"id":%d,"presence":{"channel":"room:a"}}'):format(last_id - 1500 + i) end
    greedy:say(table.concat(lines, "\n"))
    local answers, code = 0, nil
    while answers < 1500 and not code do
      local frame = assert(greedy:next_frame())
      assert.truthy(#frame.payload < 256 * 1024, #frame.payload)
      if frame.opcode == 8 then
        code = (">I2"):unpack(frame.payload)
      else
        for line in frame.payload:gmatch "[^\n]+" do
          assert.truthy(line:find('"presence":', 1, true), line:sub(1, 200))
          answers = answers + 1
        end
      end
    end
    assert.is_nil(code, ("it was closed with %s after %d answers"):format(code, answers))
    greedy:join "room:b":says("room:b", 1):hears("room:b", 1)
    members[1]:says("room:b", 2)
    greedy:hears("room:b", 2)
  end)

  it("that has a slow hook called 1,000 times in one message does not hold the others up", function()
    start("--workers", "1")
    local ann, flood = comes(), comes()
    flood:say((('{"id":7,"publish":{"channel":"slow:1","data":1}}\n'):rep(999)) .. '{"id":8,"publish":{"channel":"slow:1","data":1}}')
    flood:reply(7)
    ann:join "room:a":says("room:a", 1):hears("room:a", 1)
    for _, heard in ipairs(flood.heard) do assert.not_equal(8, heard.message.id, "the flood was heard to its end first") end
    for frame in function() return (flood:next_frame(0)) end do
      assert.is_nil(frame.payload:find('"id":8', 1, true), "the flood was heard to its end first")
    end
  end)

  it("that reads fast hears a large broadcast in all its 24 channels", function()
    start("--workers", "1")
    local ann, channels = comes(), {}
    for i = 1, 24 do
      channels[i] = '"room:' .. i .. '"'
      ann:join("room:" .. i)
    end
    local text = ("x"):rep(59000)
    local line <close> = http.open(it_runs)
    line:ask("POST", "/api/broadcast", KEY, ('{"channels":[%s],"data":"%s"}'):format(table.concat(channels, ","), text))
    for i = 1, 24 do ann:hears("room:" .. i, text) end
    assert.equal(200, assert(line:answer()).status)
    assert.equal(0, http.metric(it_runs, 'weir_drops_total{reason="slow_bytes"}'))
  end)

  it("that takes all descriptors does not keep the processor busy, and others get in when it goes", function()
    start("--workers", "1")
    local ann = comes()
    assert(os.execute(("prlimit --pid %d --nofile=64:64"):format(it_runs.pid)))
    local taken = {}
    for i = 1, 100 do taken[i] = assert(socket.connect(it_runs.port)) end
    socket.sleep(300)
    local before = cpu_time()
    socket.sleep(1000)
    assert.truthy(cpu_time() - before < 60, cpu_time() - before)
    ann:join "room:a":says("room:a", 1):hears("room:a", 1)
    for i = 1, 100 do taken[i]:close() end
    assert.equal(200, http.get(it_runs, "/healthz").status)
    assert.truthy(http.metric(it_runs, 'weir_refused_total{reason="descriptors"}') > 0)
  end)

  describe("with a large body", function()
    local HEAD = "POST %s HTTP/1.1\r\nHost: a\r\n%s\r\n"
    local LARGE = 64 * 1024 + 1

    for path, headers in pairs {
      ["/nowhere"] = "", ["/readyz"] = "", ["/connection/websocket"] = "", ["/api/info"] = "", ["/api/"] = "X-API-Key: wrong\r\n",
    } do
      it("is told 413 before it is sent: " .. path, function()
        start("--workers", "1")
        local line <close> = http.open(it_runs)
        line:send(HEAD:format(path, headers .. "Content-Length: " .. LARGE .. "\r\n"))
        assert.equal(413, assert(line:answer()).status)
        local chunked <close> = http.open(it_runs)
        chunked:send(HEAD:format(path, headers .. "Transfer-Encoding: chunked\r\n") .. ("%x\r\n"):format(LARGE))
        assert.equal(413, assert(chunked:answer()).status)
      end)
    end

    it("has to be known to the API", function()
      start("--workers", "1")
      assert.equal(200, http.post(it_runs, "/api/info", "{" .. (" "):rep(500000) .. "}", KEY).status)
      assert.equal(401, http.post(it_runs, "/api/info", "{" .. (" "):rep(60000) .. "}").status)
    end)
  end)

  it("that talks nonsense after a HEAD gets an answer with the body it announces", function()
    start("--workers", "1")
    local line <close> = http.open(it_runs)
    line:ask("HEAD", "/healthz")
    assert.equal(200, assert(line:answer(true)).status)
    line:send "BAD\r\n\r\n"
    local answer = assert(line:answer())
    assert.equal(400, answer.status)
    assert.truthy(#answer.body > 0)
    assert.same({ "", "closed" }, { line:rest() })
  end)
end)
