-- What a channel's type says of how its messages go out: `slow`, `conflate`, `batch`.
local http = require "http"
local server = require "server"
local socket = require "room.socket"
local stream = require "stream"
local talk = require "talk"

local RULES = [[
channel("keep:{n}", { subscribe = "anyone", publish = "anyone", slow = "drop_oldest" })
channel("tick:{n}", { subscribe = "anyone", publish = "anyone", slow = "conflate", conflate = { key = "symbol" } })
channel("calm:{n}", { subscribe = "anyone", publish = "anyone", conflate = { every = "300ms", key = "symbol" } })
channel("heap:{n}", { subscribe = "anyone", publish = "anyone", batch = { size = 5, delay = "300ms" } })
channel("plain:{n}", { subscribe = "anyone", publish = "anyone" })
]]

local PAD = ("x"):rep(30000)

describe("the marker of what is missing", function()
  it("is told in every way of saying: plain, compressed, as an event", function()
    local it_runs <close> = server.start { command = "dev", scripts = { ["a.lua"] = RULES },
      args = { "--queue-bytes", "65536", "--ping-ms", "60000", "--deflate", "--deflate-min", "64" } }
    finally(function()
      talk.close_all()
      stream.close_all()
    end)
    local ann = talk.to(it_runs, { as = "ann" }):connect()
    local sleepers = {
      talk.to(it_runs, { as = "plain", receive_buffer = 4096 }):connect():join "keep:m",
      talk.to(it_runs, { as = "small", receive_buffer = 4096, deflate = "permessage-deflate" }):connect():join "keep:m",
      stream.to(it_runs, { as = "event", receive_buffer = 4096 }):connect():join "keep:m",
    }
    for _, one in ipairs(sleepers) do one:stop_reading() end
    -- What does not compress: or the second one would not be slow for very long.
    local noise = {}
    for i = 1, 20000 do noise[i] = string.char(math.random(33, 126)) end
    local text = table.concat(noise):gsub('["\\\\]', "-")
    local function dropped() return http.metric(it_runs, 'weir_drops_total{reason="slow_oldest"}') end
    local deadline, sent = socket.now_ms() + 20000, 0
    repeat
      sent = sent + 1
      ann:says("keep:m", { n = sent, text = text })
    until dropped() >= 60 and sent >= 200 or socket.now_ms() > deadline
    for _, one in ipairs(sleepers) do
      one.tcp:deafen(false)
      local told = one:wait(function(message)
        return message.push and message.push.message and message.push.message.data.skipped
      end, "the marker").message.push.message.data.skipped
      assert.equal("keep:m", told.channel)
      assert.truthy(told.messages > 0)
    end
    assert.is_nil(it_runs:exit_status())
  end)
end)

describe("a channel without echo", function()
  it("keeps what somebody publishes from that connection, however it is connected", function()
    local it_runs <close> = server.start { command = "dev", args = { "--workers", "3", "--deflate", "--deflate-min", "16" },
      scripts = { ["a.lua"] = [[
        channel("pad:{n}", { subscribe = "anyone", publish = "anyone", echo = false })
        channel("heap:{n}", { subscribe = "anyone", publish = "anyone", echo = false, batch = { size = 4, delay = "9s" } })]] } }
    finally(function()
      talk.close_all()
      stream.close_all()
    end)
    for n = 1, 6 do
      for _, kind in ipairs { "pad:", "heap:" } do
        local channel = kind .. n
        local all = {
          talk.to(it_runs, { as = "ann" }):connect():join(channel),
          talk.to(it_runs, { as = "ann", deflate = "permessage-deflate" }):connect():join(channel),
          stream.to(it_runs, { as = "ann" }):connect():join(channel),
          talk.to(it_runs, { as = "ben" }):connect():join(channel),
        }
        for i, one in ipairs(all) do one:says(channel, { from = i, text = ("x"):rep(100) }) end
        for i, one in ipairs(all) do
          local from = {}
          for _ = 1, 3 do
            from[#from + 1] = one:wait(function(message) return message.push and message.push.pub end, "a message").message.push.pub.data.from
          end
          table.sort(from)
          local others = { 1, 2, 3, 4 }
          table.remove(others, i)
          assert.same(others, from)
          one:hears_nothing(channel)
        end
      end
    end
  end)
end)

for _, args in ipairs { { "--io", "send", "--workers", "1" }, { "--io", "auto", "--workers", "3" } } do
  describe("with " .. table.concat(args, " "), function()
    local it_runs, ann

    lazy_setup(function()
      local all = { "--queue-bytes", "131072", "--ping-ms", "60000" }
      for _, arg in ipairs(args) do all[#all + 1] = arg end
      it_runs = server.start { command = "dev", scripts = { ["a.lua"] = RULES }, args = all }
    end)
    lazy_teardown(function() it_runs:stop() end)
    before_each(function() ann = talk.to(it_runs, { as = "ann" }):connect() end)
    after_each(function()
      talk.close_all()
      assert.is_nil(it_runs:exit_status())
    end)

    local function dropped(reason) return http.metric(it_runs, ('weir_drops_total{reason="%s"}'):format(reason)) end

    local function sleepy(channel)
      return talk.to(it_runs, { as = "slow", receive_buffer = 4096 }):connect():join(channel):stop_reading()
    end

    -- The numbers heard of PAD messages, in order, until all of these; and what was told to be missing.
    local function drain(one, ...)
      one.tcp:deafen(false)
      local numbers, skipped, told = {}, 0, 0
      local missing = {}
      for _, number in ipairs { ... } do missing[number] = true end
      repeat
        local push = one:wait(function(message) return message.push end, "a push").message.push
        if push.message then
          skipped, told = skipped + push.message.data.skipped.messages, told + 1
        else
          numbers[#numbers + 1] = push.pub.data.n
          missing[push.pub.data.n] = nil
        end
      until next(missing) == nil
      return numbers, skipped, told
    end

    it("`slow = drop_oldest` keeps the reader, and the newest for it", function()
      local one = sleepy "keep:a"
      local quick = talk.to(it_runs, { as = "quick" }):connect():join "keep:a"
      local before, sent = dropped "slow_oldest", 0
      local deadline = socket.now_ms() + 20000
      while dropped "slow_oldest" < before + 20 and socket.now_ms() < deadline do
        sent = sent + 1
        ann:says("keep:a", { n = sent, pad = PAD })
        quick:hears("keep:a", { n = sent, pad = PAD })
      end
      local numbers, skipped = drain(one, sent)
      assert.equal(sent, #numbers + skipped)
      assert.equal(dropped "slow_oldest" - before, skipped)
      for i = 2, #numbers do assert.truthy(numbers[i] > numbers[i - 1]) end
      ann:says("keep:a", { n = sent + 1 })
      one:hears("keep:a", { n = sent + 1 })
      assert.equal(0, http.metric(it_runs, 'weir_cut_total{reason="slow"}'))
    end)

    it("`slow = conflate` keeps the newest of each key for it", function()
      local one = sleepy "tick:a"
      local before, sent = dropped "slow_conflated", 0
      local deadline = socket.now_ms() + 20000
      while dropped "slow_conflated" < before + 20 and socket.now_ms() < deadline do
        sent = sent + 1
        ann:says("tick:a", { n = sent, symbol = "S" .. sent % 2, pad = PAD })
      end
      local numbers, skipped = drain(one, sent, sent - 1) -- each in the place of the one before of its key
      assert.equal(0, skipped)
      assert.same({ sent - 1, sent }, { math.min(numbers[#numbers], numbers[#numbers - 1]), math.max(numbers[#numbers], numbers[#numbers - 1]) })
      assert.equal(sent, #numbers + dropped "slow_conflated" - before)
    end)

    it("`conflate` lets the first through, and then the newest of each key", function()
      local ben = talk.to(it_runs, { as = "ben" }):connect():join "calm:a"
      ann:says("calm:a", { symbol = "X", n = 1 })
      ben:hears("calm:a", { symbol = "X", n = 1 })
      local before = dropped "conflated"
      for n = 2, 9 do
        ann:says("calm:a", { symbol = "X", n = n })
        ann:says("calm:a", { symbol = "Y", n = n })
      end
      local heard = {}
      repeat
        local what = ben:listen "calm:a"
        heard[what.symbol] = what.n
      until heard.X == 9 and heard.Y == 9
      assert.truthy(dropped "conflated" > before)
    end)

    it("`batch` sends several in one frame, and none later than its delay", function()
      local ben = talk.to(it_runs, { as = "ben" }):connect():join "heap:a"
      for n = 1, 7 do ann:says("heap:a", n) end
      for n = 1, 7 do ben:hears("heap:a", n) end
    end)

    it("does what the rules of now say, connections staying", function()
      local ben = talk.to(it_runs, { as = "ben" }):connect():join "heap:b"
      ann:says("heap:b", "held")
      it_runs:write("a.lua", (RULES:gsub(", batch = %b{}", "")))
      ben:hears("heap:b", "held")
      assert.truthy(it_runs:wait_log "event=reload generation=2")
      it_runs:write("a.lua", RULES)
    end)
  end)
end
