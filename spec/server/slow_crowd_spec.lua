-- Readers of 1 KB/s, readers that never read, peers that have vanished, small buffers: in one channel with others, who
-- do not notice.
local crowd = require "crowd"
local http = require "http"
local server = require "server"
local socket = require "room.socket"

local SMALL = 4096 -- a receive buffer that is full soon

local options = {
  scripts = { ["a.lua"] = [[
channel("room:{name}", { subscribe = "anyone", publish = "anyone", presence = true, max_size = 65536 })
]] },
  args = { "--workers", "2", "--ping-ms", "60000", "--api-key", "key" },
}

local is_sanitized = (os.getenv "FLAVOR" or ""):find "san"

-- Message n of a channel, of a size by chance; and what a reader has to hear of it.
local function message(n, size)
  return ('"%d:%s"'):format(n, string.char(97 + n % 26):rep(size))
end

-- Hears messages in order, unharmed, or raises.
local function listener(sent)
  local heard = {}
  return heard, function(who, line)
    local n = (heard[who] or 0) + 1
    heard[who] = n
    local at = line:find('"data":', 1, true)
    if sent[n] ~= line:sub(at + 7, at + 6 + #(sent[n] or "")) then
      error(("client %d: message %d is not what was sent: %s"):format(who, n, line:sub(1, 120)))
    end
  end
end

local function publish(them, who, sent, size)
  local n = #sent + 1
  sent[n] = message(n, size)
  local done
  them:ask(who, ('"publish":{"channel":"room:a","data":%s}'):format(sent[n]), function() done = true end)
  them:until_("answer " .. n, function() return done end)
end

-- Over TLS the plain clients of http.lua have no way in; curl has.
local function metric(it_runs, name)
  if it_runs.scheme == "http" then return http.metric(it_runs, name) end
  local pipe = assert(io.popen(("curl -sk %s/metrics"):format(it_runs.url)))
  local text = "\n" .. pipe:read "a"
  pipe:close()
  local _, stop = text:find("\n" .. name .. " ", 1, true)
  return tonumber(text:match("^[^\n]+", stop + 1))
end

local function resident(it_runs)
  return tonumber(server.read(("/proc/%d/status"):format(it_runs.pid)):match "VmRSS:%s+(%d+)")
end

for _, way in ipairs(crowd.ways(options)) do
  describe("in a channel with others, " .. way.name .. ",", function()
    local it_runs, them

    local function start(...)
      it_runs = way.start { ... }
      them = crowd.of(it_runs)
    end
    after_each(function()
      them:close()
      it_runs:stop()
    end)

    it("readers of 1 KB/s and readers that never read are cut with 3008; the others hear all, in order", function()
      start("--queue-bytes", "262144")
      local fast, slow, deaf = them:gather(8, "room:a"), them:gather(8, "room:a", SMALL), them:gather(8, "room:a", SMALL)
      for _, who in ipairs(slow) do them.all:pace(who, 1000) end
      for _, who in ipairs(deaf) do them.all:pace(who, 0) end
      local sent = {}
      local heard, hear = listener(sent)
      them:on_push(hear)
      local speaker = them:come()
      while metric(it_runs, 'weir_cut_total{reason="slow"}') < 16 do
        assert.truthy(#sent < 1000, "they were never cut")
        for _ = 1, 10 do publish(them, speaker, sent, 30000) end
      end
      them:until_("the others", function()
        for _, who in ipairs(fast) do
          if heard[who] ~= #sent then return false end
        end
        return true
      end)
      for _, list in ipairs { slow, deaf } do
        for _, who in ipairs(list) do them.all:pace(who) end
      end
      them:until_("their end", function() return them.all:counts().gone == 16 end)
      for _, list in ipairs { slow, deaf } do
        for _, who in ipairs(list) do
          local _, _, code = them.all:look(who)
          assert.truthy(code == 3008 or code == 0, code)
          assert.truthy(heard[who] == nil or heard[who] < #sent)
        end
      end
      for _, who in ipairs(fast) do assert.equal("open", (them.all:look(who))) end
    end)

    it("a reader of 1 KB/s to whom less is said hears it all and stays", function()
      start("--queue-bytes", "262144", "--queue-ms", "3000")
      local slow = them:gather(8, "room:a", SMALL)
      local sent = {}
      local heard, hear = listener(sent)
      them:on_push(hear)
      for _, who in ipairs(slow) do them.all:pace(who, 1000) end
      local speaker = them:come()
      for _ = 1, 20 do publish(them, speaker, sent, 30) end
      them:until_("all of it", function()
        for _, who in ipairs(slow) do
          if heard[who] ~= #sent then return false end
        end
        return true
      end)
      assert.equal(0, metric(it_runs, 'weir_cut_total{reason="slow"}'))
    end)

    it("who reads through a tiny window gets every byte, whatever sizes are written in parts", function()
      start("--queue-bytes", "33554432", "--queue-ms", "60000")
      local slow = them:gather(6, "room:a", SMALL)
      local fast = them:gather(2, "room:a")
      local sent = {}
      local heard, hear = listener(sent)
      them:on_push(hear)
      for n, who in ipairs(slow) do them.all:pace(who, n % 2 == 0 and 4000000 or 9000000) end
      local speaker = them:come()
      math.randomseed(3)
      local sizes = { 1, 125, 126, 1000, 16383, 16384, 16385, 40000, 60000 }
      for _ = 1, 360 do publish(them, speaker, sent, sizes[math.random(#sizes)]) end
      for n = 1, 200 do publish(them, speaker, sent, n) end
      them:until_("every byte", function()
        for _, list in ipairs { fast, slow } do
          for _, who in ipairs(list) do
            if heard[who] ~= #sent then return false end
          end
        end
        return true
      end)
      assert.equal(0, metric(it_runs, 'weir_cut_total{reason="slow"}'))
      assert.equal(0, them.all:counts().gone)
    end)

    it("peers that have vanished end with 3012, with full windows and with empty ones; the others notice nothing", function()
      start("--queue-bytes", "8388608", "--queue-ms", "60000", "--ping-ms", "1000", "--pong-ms", "700")
      local full, quiet = them:gather(10, "room:a", SMALL), them:gather(10, "room:b", SMALL)
      local fast = them:gather(8, "room:a")
      for _, list in ipairs { full, quiet } do
        for _, who in ipairs(list) do
          them.all:pace(who, 0)
          them.all:silence(who)
        end
      end
      local sent = {}
      local heard, hear = listener(sent)
      them:on_push(hear)
      local speaker = them:come()
      for _ = 1, 150 do publish(them, speaker, sent, 30000) end
      them:until_("20 ends by 3012", function()
        publish(them, speaker, sent, 100)
        return metric(it_runs, 'weir_cut_total{reason="no_pong"}') == 20
      end, 20)
      assert.equal(0, metric(it_runs, 'weir_cut_total{reason="slow"}'))
      local stats
      them:ask(speaker, '"presence_stats":{"channel":"room:a"}', function(line) stats = line:match '"num_clients":(%d+)' end)
      them:until_("the presence", function() return stats end)
      assert.equal("8", stats)
      them:until_("the others", function()
        for _, who in ipairs(fast) do
          if heard[who] ~= #sent then return false end
        end
        return true
      end)
      local scraper = it_runs.scheme == "https" and 1 or 0
      them:until_("their sockets' end", function()
        return metric(it_runs, "weir_connections") <= 8 + 1 + 1 + scraper
      end, 20)
      for _, who in ipairs(fast) do assert.equal("open", (them.all:look(who))) end
    end)

    it("hundreds that never read cost no more than their queues, and nothing once they are cut", function()
      start("--queue-bytes", "65536", "--queue-ms", "60000")
      local many = 200
      local deaf = them:gather(many, "room:a", SMALL)
      for _, who in ipairs(deaf) do them.all:pace(who, 0) end
      local speaker = them:come()
      local sent = {}
      local before, most = resident(it_runs), 0
      while metric(it_runs, 'weir_cut_total{reason="slow"}') < many do
        assert.truthy(#sent < 2000, "they were never cut")
        for _ = 1, 10 do publish(them, speaker, sent, 30000) end
        most = math.max(most, resident(it_runs) - before)
      end
      if not is_sanitized then assert.truthy(most < many * (64 + 16) + 8192, most .. " KB") end
      local last = socket.now_ms() + 20000
      repeat
        them:turn(50)
        assert.truthy(socket.now_ms() < last, "they are kept for ever")
      until metric(it_runs, "weir_connections") <= 3
    end)
  end)
end
