-- The end of the server: announced, orderly, in time.
local http = require "http"
local server = require "server"
local socket = require "room.socket"
local talk = require "talk"

local RULES = [[
local room = channel("room:{name}", { subscribe = "anyone", publish = "anyone" })
function room:on_unsubscribe(client) log("left " .. client.user) end
function server.on_disconnect(client, why) log("gone " .. client.user) end
]]

describe("SIGTERM", function()
  local it_runs

  local function start(...)
    it_runs = server.start { command = "dev", scripts = { ["a.lua"] = RULES }, args = { ... } }
  end
  after_each(function()
    talk.close_all()
    if it_runs then it_runs:stop() end
  end)

  local function ends_well()
    assert.truthy(server.wait(10, function() return it_runs:exit_status() end), "it runs on")
    assert.equal(0, it_runs:exit_status())
    assert.truthy(it_runs.log():find("event=stopped", 1, true))
  end

  -- Under the address sanitizer it also leaves nothing behind.
  it("does not wait for hooks that wait, nor for what waits for them", function()
    it_runs = server.start {
      command = "dev",
      scripts = { ["a.lua"] = [[
        local nap = channel("nap:{n}", { timeout = "60s", publish = "anyone" })
        function nap:on_publish() sleep "60s" return true end
        function nap:rpc_nap() sleep "60s" return true end
        local slow = channel("slow:{n}", { timeout = "60s" })
        function slow:on_open() sleep "60s" end
      ]] },
      args = { "--workers", "3", "--api-key", "key", "--drain-ms", "500" },
    }
    local function asks(method, body)
      return http.open(it_runs):ask("POST", "/api/" .. method, { ["X-API-Key"] = "key" }, body)
    end
    for i = 1, 8 do
      asks("publish", ('{"channel":"slow:%d","data":1}'):format(i))
      asks("rpc", ('{"channel":"nap:c%d","method":"nap"}'):format(i))
      talk.to(it_runs, { as = "ann" }):connect():say { id = 7, publish = { channel = "nap:" .. i, data = 1 } }
      asks("publish", ('{"channel":"nap:%d","data":1}'):format(i))
    end
    socket.sleep(300)
    it_runs:signal "TERM"
    ends_well()
    it_runs:stop()
    it_runs = nil
  end)

  for _, workers in ipairs { "1", "4" } do
    it("tells every client to come back and ends with 0, with workers: " .. workers, function()
      start("--workers", workers, "--drain-ms", "4000")
      local clients = {}
      for i = 1, 30 do clients[i] = talk.to(it_runs, { as = "u" .. i }):connect():join "room:a" end
      it_runs:signal "TERM"
      for i = 1, 30 do
        assert.same({ 3001, "shutdown" }, { clients[i]:closed() })
        clients[i]:close()
      end
      ends_well()
      for i = 1, 30 do
        assert.truthy(it_runs.log():find("left u" .. i, 1, true), "no farewell for u" .. i)
        assert.truthy(it_runs.log():find("gone u" .. i, 1, true), "no on_disconnect for u" .. i)
      end
    end)

    it("does not wait for idle keep-alive connections, with workers: " .. workers, function()
      start("--workers", workers)
      local lines = {}
      for i = 1, 10 do
        lines[i] = http.open(it_runs):ask("GET", "/healthz")
        assert.equal(200, assert(lines[i]:answer()).status)
      end
      local silent = http.open(it_runs)
      it_runs:signal "TERM"
      for i = 1, 10 do assert.equal("", (lines[i]:rest(6000))) end
      assert.equal("", (silent:rest(6000)))
      ends_well()
      assert.is_nil(it_runs.log():find("drain_over", 1, true), "it took as long as it may")
    end)
  end

  it("without any client ends at once", function()
    start("--workers", "4")
    it_runs:signal "TERM"
    ends_well()
    assert.is_nil(it_runs.log():find("drain_over", 1, true))
  end)

  it("is not held up by clients that do not close their side", function()
    start("--workers", "2", "--drain-ms", "1000")
    local one = talk.to(it_runs, { as = "deaf" }):connect():stop_reading()
    local body = http.open(it_runs):send "POST /api/rpc HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"
    it_runs:signal "TERM"
    ends_well()
    body:close()
    one:close()
  end)

  it("takes readiness away and new connections are refused", function()
    start("--workers", "2", "--drain-ms", "5000")
    local line = http.open(it_runs):ask("GET", "/readyz")
    assert.equal('{"ready":true}', assert(line:answer()).body)
    -- enough clients that draining takes a moment, all of which keep their side open
    for i = 1, 60 do talk.to(it_runs, { as = "u" .. i }):connect() end
    it_runs:signal "TERM"
    it_runs:wait_log "event=draining"
    local refused = server.wait(3, function()
      local tcp = socket.connect(it_runs.port)
      if not tcp then return true end
      tcp:send "GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
      local said = tcp:read_all(2000)
      assert.is_nil(said:find("200 OK", 1, true), "it says it is ready while it ends")
      tcp:close()
      return said:find(" 503 ", 1, true)
    end)
    assert.truthy(refused)
  end)

  it("lets an answer on its way arrive", function()
    start("--workers", "1")
    local line = http.open(it_runs)
    line:send "POST /api/info HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{"
    socket.sleep(50)
    it_runs:signal "TERM"
    it_runs:wait_log "event=draining"
    line:send "}"
    local answer = assert(line:answer())
    assert.same({ 200, "close" }, { answer.status, answer.headers.connection })
    line:close()
    ends_well()
  end)

  it("twice is at once, with clients or without", function()
    start("--workers", "4", "--drain-ms", "60000")
    for i = 1, 10 do talk.to(it_runs, { as = "u" .. i }):connect():join "room:a":stop_reading() end
    it_runs:signal "TERM"
    it_runs:wait_log "event=draining"
    it_runs:signal "TERM"
    ends_well()
  end)

  it("and SIGINT are the same", function()
    start("--workers", "1")
    local ann = talk.to(it_runs, { as = "ann" }):connect()
    it_runs:signal "INT"
    assert.equal(3001, (ann:closed()))
    ann:close()
    ends_well()
  end)

  it("is heard in the middle of a reload and of traffic", function()
    start("--workers", "4", "--drain-ms", "3000")
    local clients = {}
    for i = 1, 8 do clients[i] = talk.to(it_runs, { as = "u" .. i }):connect():join "room:a" end
    for round = 1, 20 do
      for i = 1, 8 do clients[i]:say { id = clients[i]:next_id(), publish = { channel = "room:a", data = round } } end
      if round % 5 == 0 then it_runs:write("a.lua", RULES .. "-- " .. round) end
    end
    it_runs:signal "TERM"
    for i = 1, 8 do clients[i]:closed() clients[i]:close() end
    ends_well()
  end)

  it("lets a large page arrive whole that a reader has begun", function()
    it_runs = server.start {
      command = "dev",
      scripts = { ["a.lua"] = RULES, ["big.txt"] = ("0123456789abcdef"):rep(768 * 1024) },
      args = { "--workers", "1" },
    }
    local line <close> = http.open(it_runs)
    line:ask("GET", "/big.txt")
    socket.sleep(200)
    it_runs:signal "TERM"
    it_runs:wait_log "event=draining"
    socket.sleep(200)
    assert.equal(("0123456789abcdef"):rep(768 * 1024), assert(line:answer()).body)
    line:close()
    ends_well()
  end)

  it("refuses a reload that is asked for while it ends", function()
    start("--workers", "1", "--api-key", "key", "--drain-ms", "4000")
    local line <close> = http.open(it_runs)
    line:send "POST /api/reload HTTP/1.1\r\nHost: a\r\nX-API-Key: key\r\nContent-Length: 2\r\n\r\n{"
    socket.sleep(50)
    it_runs:signal "TERM"
    it_runs:wait_log "event=draining"
    line:send "}"
    local answer = assert(line:answer())
    assert.truthy(answer.body:find('"error"', 1, true), answer.body)
    assert.truthy(answer.body:find("shutting down", 1, true), answer.body)
    line:close()
    ends_well()
    assert.is_nil(it_runs.log():find("drain_over", 1, true))
  end)

  describe("right behind a reload", function()
    local function signals(names)
      local kills = {}
      for name in names:gmatch "%a+" do kills[#kills + 1] = ("kill -%s %d"):format(name, it_runs.pid) end
      -- a moment between two, or they are taken together; the last ones may come too late
      os.execute(table.concat(kills, "; sleep 0.002; ") .. " 2>/dev/null")
    end

    for _, names in ipairs { "HUP HUP TERM", "HUP TERM", "HUP TERM TERM" } do
      it("ends well: " .. names, function()
        for _ = 1, 2 do
          start("--workers", "2")
          signals(names)
          ends_well()
          it_runs:stop()
        end
      end)
    end

    for _, case in ipairs { { "waits", false }, { "has left", true } } do
      it("ends well, asked for by one who " .. case[1], function()
        for _, names in ipairs { "TERM", "TERM TERM" } do
          start("--workers", "2", "--api-key", "key")
          local line <close> = http.open(it_runs)
          line:ask("POST", "/api/reload", { ["X-API-Key"] = "key" }, "{}")
          socket.sleep(3)
          if case[2] then line:close() end
          signals(names)
          ends_well()
          it_runs:stop()
        end
      end)
    end
  end)
end)
