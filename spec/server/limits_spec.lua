-- Every limit refuses by its own code, and counts that it did.
local http = require "http"
local server = require "server"
local talk = require "talk"

local RULES = [[
channel("room:{name}", { subscribe = "anyone", publish = "anyone" })
channel("small:{name}", { subscribe = "anyone", publish = "anyone", max_size = 100 })
channel("big:{name}", { subscribe = "anyone", publish = "anyone", max_size = 1000000 })
local hook = channel("hook:{name}", { subscribe = "anyone", publish = "anyone" })
function hook:on_publish(msg)
  if msg == "circle" then publish("circle:a", 1) end
  return true
end
local circle = channel("circle:{name}", { subscribe = "anyone" })
function circle:on_published(msg) publish(self.name, msg + 1) end
]]

describe("a limit", function()
  local it_runs

  lazy_setup(function()
    it_runs = server.start {
      command = "dev",
      scripts = { ["a.lua"] = RULES },
      args = { "--workers", "1", "--api-key", "key", "--max-channels", "5", "--max-message", "2000" },
    }
  end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(function()
    talk.close_all()
    assert.is_nil(it_runs:exit_status())
  end)

  local function comes(name)
    return talk.to(it_runs, { as = name or "ann" }):connect()
  end

  local function counted(name, act)
    local before = http.metric(it_runs, name)
    act()
    assert.equal(before + 1, http.metric(it_runs, name), name)
  end

  it("of channels for one connection is 106", function()
    local ann = comes()
    for i = 1, 5 do ann:join("room:" .. i) end
    counted('weir_refused_total{reason="limit"}', function()
      assert.same({ 106, "limit exceeded" }, { ann:refused { subscribe = { channel = "room:6" } } })
    end)
    ann:leaves "room:1":join "room:6"
    comes "ben":join "room:7"
  end)

  it("of channels counts those that were refused and left no more", function()
    local ann = comes()
    for _ = 1, 10 do ann:refused { subscribe = { channel = "unknown" } } end
    for i = 1, 10 do ann:join("room:" .. i):leaves("room:" .. i) end
    for i = 1, 5 do ann:join("room:" .. i) end
  end)

  it("of a channel name's length is 107 beyond 255 bytes", function()
    local ann = comes()
    ann:join("room:" .. ("x"):rep(250))
    counted('weir_refused_total{reason="limit"}', function()
      assert.equal(107, (ann:refused { subscribe = { channel = "room:" .. ("x"):rep(251) } }))
    end)
  end)

  it("of a message's size in a channel is 413, the house excepted from nothing", function()
    local ann = comes():join "small:a"
    ann:says_raw("small:a", '"' .. ("x"):rep(98) .. '"')
    counted('weir_refused_total{reason="max_size"}', function()
      assert.equal(413, (ann:refused { publish = { channel = "small:a", data = ("x"):rep(99) } }))
    end)
    counted('weir_refused_total{reason="max_size"}', function()
      assert.equal(413, http.api(it_runs, "publish", { channel = "small:a", data = ("x"):rep(99) }).error.code)
    end)
  end)

  it("of a client's message is close 1009", function()
    counted('weir_cut_total{reason="bad_request"}', function()
      local ann = comes()
      ann:send_text(("x"):rep(2001))
      assert.equal(1009, (ann:closed()))
    end)
  end)

  it("of JSON's depth is 64", function()
    local function nested(depth)
      return ("["):rep(depth) .. ("]"):rep(depth)
    end
    local ann = comes():join "room:deep"
    ann:says_raw("room:deep", nested(62)):hears_raw("room:deep", nested(62))
    counted('weir_cut_total{reason="bad_request"}', function()
      ann:send_text('{"id":77,"publish":{"channel":"room:deep","data":' .. nested(63) .. "}}")
      assert.equal(3501, (ann:closed()))
    end)
    local answer = http.post(it_runs, "/api/publish", '{"channel":"room:deep","data":' .. nested(64) .. "}", { ["X-API-Key"] = "key" })
    assert.equal(400, answer.status)
  end)

  it("of JSON's depth costs nothing where a stranger goes far beyond it", function()
    local answer = http.post(it_runs, "/api/publish", ("["):rep(900000), { ["X-API-Key"] = "key" })
    assert.equal(400, answer.status)
  end)

  it("of keys in one object is 1,024", function()
    local function object(count)
      local members = {}
      for i = 1, count do members[i] = ('"%d":1'):format(i) end
      return "{" .. table.concat(members, ",") .. "}"
    end
    local function publish(count)
      return http.post(it_runs, "/api/publish", '{"channel":"big:keys","data":' .. object(count) .. "}", { ["X-API-Key"] = "key" })
    end
    assert.equal(200, publish(1024).status)
    assert.equal(400, publish(1025).status)
  end)

  it("of a head's bytes and fields is 431, counted as refused", function()
    for _, fields in ipairs { ("A: b\r\n"):rep(101), "A: " .. ("b"):rep(24576) .. "\r\n" } do
      counted("weir_http_refused_total", function()
        local line <close> = http.open(it_runs)
        line:send("GET /healthz HTTP/1.1\r\nHost: a\r\n" .. fields .. "\r\n")
        assert.equal(431, assert(line:answer()).status)
      end)
    end
  end)

  it("of hops ends a circle of scripts", function()
    local ann = comes():join "circle:a"
    ann:says("hook:a", "circle")
    for i = 1, 8 do ann:hears("circle:a", i) end
    assert.truthy(it_runs:wait_log("event=script_failed[^\n]*hook=on_published[^\n]*"):find("8", 1, true))
    ann:hears_nothing "circle:a"
    assert.equal(1, http.metric(it_runs, 'weir_script_errors_total{script="a.lua",hook="on_published"}'))
  end)

  it("stands before anything is known of a stranger: no megabyte without a connect", function()
    local stranger = talk.to(it_runs)
    stranger:send_bytes("\x81\xff" .. (">I8"):pack(1024 * 1024 * 1024) .. "abcd")
    assert.equal(1009, (stranger:closed()))
  end)
end)

describe("the limit of connections", function()
  local it_runs

  lazy_setup(function()
    it_runs = server.start {
      scripts = { ["a.lua"] = RULES },
      args = { "--workers", "4", "--max-connections", "10" },
    }
  end)
  lazy_teardown(function() it_runs:stop() end)

  it("is 503 with a word when to come back, for all workers together, and is counted", function()
    local kept = http.open(it_runs)
    local open = {}
    for i = 1, 9 do open[i] = http.open(it_runs):ask("GET", "/healthz") end
    for i = 1, 9 do assert.equal(200, assert(open[i]:answer()).status) end
    for _ = 1, 3 do
      local line <close> = http.open(it_runs)
      local answer = assert(line:answer())
      assert.equal(503, answer.status)
      assert.truthy(tonumber(answer.headers["retry-after"]))
      assert.same({ "", "closed" }, { line:rest() })
    end
    kept:ask("GET", "/metrics")
    local text = assert(kept:answer()).body
    assert.equal("3", text:match '\nweir_refused_total{reason="max_connections"} (%d+)')
    for i = 1, 9 do open[i]:close() end
    assert.truthy(server.wait(5, function()
      local line = http.open(it_runs)
      line.tcp:send(line:head("GET", "/healthz"))
      local answer = line:answer()
      line:close()
      return answer and answer.status == 200
    end), "nobody gets in any more")
    kept:close()
  end)

  it("answers 503 to a request that was there before it was accepted, without a reset that eats the answer", function()
    local open = {}
    assert.truthy(server.wait(5, function()
      while #open < 10 do
        local line = http.open(it_runs):ask("GET", "/healthz")
        local answer = line:answer()
        if not answer or answer.status ~= 200 then return false end
        open[#open + 1] = line
      end
      return true
    end))
    it_runs:signal "STOP"
    local late = {}
    for i = 1, 10 do late[i] = http.open(it_runs):ask("GET", "/healthz") end
    it_runs:signal "CONT"
    for i = 1, 10 do
      local answer, why = late[i]:answer()
      assert.equal(503, answer and answer.status, why)
    end
    for i = 1, 10 do open[i]:close() end
  end)
end)

describe("the limits of scripts", function()
  it("of size and of memory are told at start", function()
    local it_runs = server.try { scripts = { ["a.lua"] = "-- " .. ("x"):rep(300 * 1024) }, args = { "--workers", "1" } }
    assert.is_nil(it_runs.port)
    assert.equal(1, it_runs.status)
    assert.truthy(it_runs.log():find("a.lua", 1, true))
  end)

  it("of memory for one VM are --hook-bytes", function()
    local it_runs <close> = server.start {
      command = "dev",
      args = { "--workers", "1", "--hook-bytes", "1000000" },
      scripts = { ["a.lua"] = [[
        function server.rpc_eat(n) local t = {} for i = 1, n do t[i] = ("x"):rep(1000) .. i end return #t end]] },
    }
    local ann = talk.to(it_runs, { as = "ann" }):connect()
    assert.equal(10, (ann:call("eat", 10)))
    assert.equal(504, (ann:refused { rpc = { method = "eat", data = 100000 } }))
    assert.equal(10, (ann:call("eat", 10)))
    talk.close_all()
  end)

  describe("of time", function()
    local it_runs

    lazy_setup(function()
      it_runs = server.start {
        command = "dev",
        args = { "--workers", "1", "--hook-ms", "20" },
        scripts = { ["a.lua"] = [[
          function server.rpc_plain() while true do end end
          function server.rpc_pcall() while true do pcall(error, "x") end end
          function server.rpc_nested() while true do pcall(pcall, function() while true do end end) end end
          function server.rpc_sort() local t = {} for i = 1, 2e6 do t[i] = -i end table.sort(t) end
          function server.rpc_rep() return #(("x"):rep(1e9)) end
          function server.rpc_concat() local t = {} for i = 1, 1e7 do t[i] = "xxxxxxxxxx" end return #table.concat(t) end
          function server.rpc_find() return (("a"):rep(100)):find((".-"):rep(20) .. "b") end
          function server.rpc_gsub() return (("a"):rep(100)):gsub((".-"):rep(20) .. "b", "") end
          function server.rpc_gmatch() for _ in (("a"):rep(100)):gmatch((".-"):rep(20) .. "b") do end end
          function server.rpc_fine() return 1 end]] },
      }
    end)
    lazy_teardown(function() it_runs:stop "KILL" end)
    after_each(function() talk.close_all() end)

    local methods = { "plain", "nested", "sort", "rep", "concat", "find", "gsub", "gmatch" }
    -- An error is a longjmp out of C that the thread sanitizer was not told of: its own stack overflows after many.
    if os.getenv("FLAVOR") ~= "tsan" then methods[#methods + 1] = "pcall" end
    for _, method in ipairs(methods) do
      it("are --hook-ms, and the next is served: " .. method, function()
        local ann = talk.to(it_runs, { as = "ann" })
        ann:say('{"id":1,"connect":{}}', '{"id":2,"rpc":{"method":"' .. method .. '"}}', '{"id":3,"rpc":{"method":"fine"}}')
        local reply = ann:wait(function(m) return m.id == 2 end, "an end of " .. method, 4000).message
        assert.equal(504, reply.error.code)
        it_runs:wait_log(reply.error.incident)
        assert.equal(1, ann:reply(3).rpc.data)
      end)
    end
  end)
end)
