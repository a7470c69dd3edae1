-- Readers that stop reading.
local http = require "http"
local server = require "server"
local socket = require "room.socket"
local talk = require "talk"

local RULES = [[
local flood = channel("flood:{name}", { subscribe = "anyone", publish = "anyone", presence = true })
function flood:on_unsubscribe(client, why) publish("left", { user = client.user, why = why }) end
channel("left", { subscribe = "anyone" })
]]

local SMALL = 4096 -- a receive buffer that is full soon
local BIG = ("x"):rep(30000)

describe("a slow reader", function()
  local it_runs

  lazy_setup(function()
    it_runs = server.start {
      command = "dev",
      scripts = { ["a.lua"] = RULES },
      args = { "--workers", "2", "--queue-bytes", "262144", "--ping-ms", "60000" },
    }
  end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(function()
    talk.close_all()
    assert.is_nil(it_runs:exit_status())
  end)

  local function comes(name, more)
    local options = more or {}
    options.as = name
    return talk.to(it_runs, options):connect()
  end

  local function slow(channel)
    return comes("slow", { receive_buffer = SMALL }):join(channel):stop_reading()
  end

  local function drops()
    return http.metric(it_runs, 'weir_drops_total{reason="slow_bytes"}'), http.metric(it_runs, 'weir_cut_total{reason="slow"}')
  end

  -- Publishes until the server has cut somebody off, reading what it hears itself.
  local function flood(speaker, channel)
    local _, cut = drops()
    local sent = 0
    while select(2, drops()) == cut do
      sent = sent + 1
      assert(sent < 1000, "nobody was ever cut")
      speaker:says(channel, BIG)
    end
    return sent
  end

  it("is closed with 3008 over its bytes; everybody else hears everything", function()
    local fast, ann, left = comes "fast", comes "ann", comes "watch"
    left:join "left"
    fast:join "flood:a"
    local one = slow "flood:a"
    local dropped = drops()
    local sent = flood(ann, "flood:a")
    assert.same({ user = "slow", why = "slow" }, (left:listen "left"))
    for _ = 1, sent do fast:hears("flood:a", BIG) end
    assert.truthy(drops() > dropped)
    assert.same({ num_clients = 1, num_users = 1 }, ann:ask({ presence_stats = { channel = "flood:a" } }).presence_stats)
    one.tcp:deafen(false)
    local code, reason = one:closed()
    if code then
      assert.same({ 3008, "slow" }, { code, reason })
    else
      assert.truthy(reason == "closed" or reason == "reset", reason)
    end
  end)

  it("that wakes up in time gets all of what it was sent, whole messages, and 3008 at the end", function()
    local ann = comes "ann"
    local one = slow "flood:b"
    local sent = flood(ann, "flood:b")
    one.tcp:deafen(false)
    assert.same({ 3008, "slow" }, { one:closed() })
    assert.truthy(#one.inbox > 0 and #one.inbox < sent)
    for _, heard in ipairs(one.inbox) do assert.equal(BIG, heard.message.push.pub.data) end
  end)

  it("that never wakes up is cut all the same", function()
    local ann = comes "ann"
    local before = http.metric(it_runs, "weir_connections")
    slow "flood:c"
    flood(ann, "flood:c")
    assert.truthy(server.wait(9, function() return http.metric(it_runs, "weir_connections") <= before end))
  end)

  it("that is slow for a moment only is not cut", function()
    local ann = comes "ann"
    local one = slow "flood:d"
    local _, cut = drops()
    for i = 1, 6 do ann:says("flood:d", BIG .. i) end
    one.tcp:deafen(false)
    for i = 1, 6 do one:hears("flood:d", BIG .. i) end
    assert.equal(cut, select(2, drops()))
  end)

  it("costs no more memory than its bound, many of them too", function()
    local function resident()
      return tonumber(server.read(("/proc/%d/status"):format(it_runs.pid)):match "VmRSS:%s+(%d+)")
    end
    local ann = comes "ann"
    for i = 1, 20 do slow("flood:e" .. i) end
    local before = resident()
    for _ = 1, 40 do
      for i = 1, 20 do ann:says("flood:e" .. i, BIG) end
    end
    if not (os.getenv "FLAVOR" or ""):find "san" then -- sanitizers keep what was freed
      assert.truthy(resident() - before < 20 * (256 + 16) + 8192, resident() - before)
    end
  end)

  it("of answers is one as well: who asks and never listens is cut", function()
    local greedy = comes("greedy", { receive_buffer = SMALL }):join "flood:f"
    greedy:stop_reading()
    local _, cut = drops()
    local last = socket.now_ms() + 8000
    while select(2, drops()) == cut and socket.now_ms() < last do
      greedy:say { id = greedy:next_id(), publish = { channel = "flood:f", data = BIG } }
    end
    assert.equal(cut + 1, select(2, drops()))
  end)

  it("of WebSocket pings is one as well", function()
    local _, cut = drops()
    local pinger = comes("pinger", { receive_buffer = SMALL })
    pinger:stop_reading()
    local pings = talk.frame("ping", ("p"):rep(125)):rep(500)
    local last = socket.now_ms() + 8000
    while select(2, drops()) == cut and socket.now_ms() < last and not pinger.send_failure do
      if not pinger.tcp:send(pings, 200) then break end
    end
    local ann = comes "ann"
    ann:join "flood:g":says("flood:g", 1):hears("flood:g", 1)
  end)
end)

describe("a slow reader's age", function()
  it("is bounded too: 3008 when what waits has waited too long", function()
    local it_runs <close> = server.start {
      command = "dev",
      scripts = { ["a.lua"] = RULES },
      args = { "--workers", "1", "--queue-bytes", "100000000", "--queue-ms", "200", "--ping-ms", "60000" },
    }
    local ann = talk.to(it_runs, { as = "ann" }):connect()
    talk.to(it_runs, { as = "slow", receive_buffer = SMALL }):connect():join "flood:a":stop_reading()
    local last = socket.now_ms() + 8000
    while http.metric(it_runs, 'weir_drops_total{reason="slow_age"}') == 0 and socket.now_ms() < last do
      for _ = 1, 10 do ann:says("flood:a", BIG) end
    end
    assert.truthy(http.metric(it_runs, 'weir_drops_total{reason="slow_age"}') > 0)
    assert.equal(1, http.metric(it_runs, 'weir_cut_total{reason="slow"}'))
    talk.close_all()
  end)

  it("is looked at also where nobody says anything more", function()
    local it_runs <close> = server.start {
      command = "dev",
      scripts = { ["a.lua"] = RULES },
      args = { "--workers", "1", "--queue-bytes", "100000000", "--queue-ms", "200", "--ping-ms", "60000" },
    }
    local ann = talk.to(it_runs, { as = "ann" }):connect()
    talk.to(it_runs, { as = "slow", receive_buffer = SMALL }):connect():join "flood:a":stop_reading()
    for _ = 1, 200 do ann:say { id = ann:next_id(), publish = { channel = "flood:a", data = BIG } } end
    ann:reply(ann.last_id)
    assert.truthy(server.wait(5, function()
      return http.metric(it_runs, 'weir_cut_total{reason="slow"}') == 1
    end), "what waits for it is kept for ever")
    talk.close_all()
  end)
end)
