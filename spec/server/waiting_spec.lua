-- Hooks that wait (sleep) and timers, in the running server.
local http = require "http"
local server = require "server"
local socket = require "room.socket"
local talk = require "talk"

local function rules(version)
  return ([[
local VERSION = %d
local room = channel("room:{n}", { subscribe = "anyone", publish = "anyone", call = "anyone", presence = true, history = 10 })

function room:on_subscribe(client, data)
  if data and data.nap then sleep(data.nap) end
  return { v = VERSION }
end

function room:on_publish(msg)
  self.state.n = (self.state.n or 0) + 1
  local n = self.state.n
  if msg.nap then sleep(msg.nap) end
  if msg.no then reject(msg.no) end
  self.state.last = n
  return { v = VERSION, n = n }
end

function room:rpc_nap(args)
  local ok, why = pcall(sleep, args.d)
  return { ok = ok, why = why, v = VERSION }
end

function room:rpc_sorted()
  local list = { 3, 1, 2 }
  table.sort(list, function(a, b) sleep("20ms") return a < b end)
end

function room:rpc_ticks() return self.state.ticks end
function room:rpc_last() return self.state.last end

function room:rpc_every(args) return self:every(args.ms, args.name or "tick", args.with) end
function room:rpc_after(args) return self:after(args.ms, args.name or "tick", args.with) end
function room:rpc_cancel(args) self:cancel(args.id) return true end
function room:tick(with)
  self.state.ticks = (self.state.ticks or 0) + 1
  self:publish { tick = self.state.ticks, v = VERSION, with = with }
end
function room:nap() sleep("150ms") self:publish { napped = true } end
function room:bad() error("the timer's own") end
function room:rpc_bad() self:bad() end

local slow = channel("slow:{n}", { publish = "anyone", timeout = "100ms" })
function slow:on_publish() sleep("10s") return true end

local rated = channel("rated:{n}", { publish = "anyone", rate = "1/100ms per user" })
function rated:on_publish() return true end
function rated:on_close() sleep("1s") end

local shop = channel("shop:{n}", { once = "id", timeout = "400ms" })
function shop:rpc_buy(order)
  self.state.n = (self.state.n or 0) + 1
  local n = self.state.n
  sleep(n == 1 and order.first or order.nap)
  return { number = n }
end

function server.on_connect(req)
  if req.data and req.data.nap then sleep(req.data.nap) end
  if req.data and req.data.no then reject(403, req.data.no) end
  return true
end

function server.rpc_nap(d) sleep(d) return "slept" end
]]):format(version)
end

for _, workers in ipairs { 1, 3 } do
  describe("with " .. workers .. " worker(s), waiting", function()
    local it_runs

    lazy_setup(function()
      it_runs = server.start { command = "dev", scripts = { ["a.lua"] = rules(1) },
        args = { "--workers", tostring(workers), "--api-key", "key", "--hook-queue", "20", "--linger-ms", "200" } }
    end)
    lazy_teardown(function() it_runs:stop() end)
    after_each(function()
      talk.close_all()
      assert.is_nil(it_runs:exit_status())
    end)

    local function comes(name) return talk.to(it_runs, { as = name }):connect() end

    it("does once what is asked for again while it is being done", function()
      local one, other = talk.to(it_runs, { as = "ann" }):connect(), talk.to(it_runs, { as = "ann" }):connect()
      one:say { id = 7, rpc = { method = "shop:a/buy", data = { id = "x", nap = "150ms" } } }
      socket.sleep(50)
      other:say { id = 7, rpc = { method = "shop:a/buy", data = { id = "x", nap = "150ms" } } }
      assert.same({ number = 1 }, one:reply(7).rpc.data)
      assert.same({ number = 1 }, other:reply(7).rpc.data)
    end)

    it("does again what took too long, for whoever asks next", function()
      local one, other = talk.to(it_runs, { as = "ann" }):connect(), talk.to(it_runs, { as = "ann" }):connect()
      local order = { id = "y", first = "9s", nap = "10ms" }
      one:say { id = 7, rpc = { method = "shop:b/buy", data = order } }
      socket.sleep(50)
      other:say { id = 7, rpc = { method = "shop:b/buy", data = order } }
      assert.equal(504, one:reply(7).error.code)
      assert.same({ number = 2 }, other:reply(7).rpc.data)
      assert.same({ number = 2 }, one:ask { rpc = { method = "shop:b/buy", data = order } }.rpc.data)
    end)

    it("is stopped in its own generation, too, when it takes too long", function()
      local ann = talk.to(it_runs, { as = "ann" }):connect()
      ann:say { id = 7, rpc = { method = "shop:gone/buy", data = { id = "z", first = "9s" } } }
      socket.sleep(50)
      it_runs:write("a.lua", rules(1) .. "-- " .. workers .. " changed\n")
      assert.equal(504, ann:reply(7).error.code)
      it_runs:wait_log "event=reload "
    end)

    it("counts for its rate once what had to wait for the end of its channel", function()
      local ann = comes "ann":says("rated:a", 1)
      socket.sleep(400) -- it has lingered, and its on_close waits
      for id = 61, 63 do
        ann:say { id = id, publish = { channel = "rated:a", data = id } }
        socket.sleep(150)
      end
      for id = 61, 63 do assert.is_nil(ann:reply(id).error) end
    end)

    it("keeps the order of its channel, and leaves others alone", function()
      local ann, ben = comes "ann":join "room:order", comes "ben":join "room:other"
      ann:say { id = 50, publish = { channel = "room:order", data = { nap = "300ms" } } }
      ann:say { id = 51, publish = { channel = "room:order", data = {} } }
      ann:say { id = 52, rpc = { method = "room:order/last", data = {} } }
      ben:says("room:other", {}):hears("room:other", { v = 1, n = 1 })
      ann:hears("room:order", { v = 1, n = 1 }):hears("room:order", { v = 1, n = 2 })
      assert.truthy(ann:reply(50).publish and ann:reply(51).publish)
      assert.equal(2, ann:reply(52).rpc.data)
    end)

    it("lets in late whoever's on_subscribe waits, and nobody who has gone", function()
      local ann, ben = comes "ann", comes "ben"
      ann:say { id = 60, subscribe = { channel = "room:late", data = { nap = "200ms" } } }
      ben:say { id = 60, subscribe = { channel = "room:late", data = { nap = "200ms" } } }
      ben:close()
      comes "cat":join "room:late":says("room:late", {})
      assert.same({ v = 1 }, ann:reply(60).subscribe.data)
      server.wait(5, function()
        return ann:ask { presence_stats = { channel = "room:late" } }.presence_stats.num_clients == 2
      end)
      assert.equal(2, ann:ask { presence_stats = { channel = "room:late" } }.presence_stats.num_clients)
    end)

    it("connects late, and hears what was said meanwhile afterwards, in order", function()
      local ann = talk.to(it_runs, { as = "ann" })
      ann:say({ id = 1, connect = { data = { nap = "150ms" } } }, { id = 2, subscribe = { channel = "room:c" } },
        { id = 3, rpc = { method = "nap", data = "20ms" } })
      ann:say { id = 4, publish = { channel = "room:c", data = {} } }
      assert.equal("ann", ann:reply(1).connect.client and "ann")
      assert.truthy(ann:reply(2).subscribe)
      assert.equal("slept", ann:reply(3).rpc.data)
      assert.truthy(ann:reply(4).publish)
      local mallory = talk.to(it_runs, { as = "mallory" })
      mallory:say { id = 1, connect = { data = { nap = "50ms", no = "not you" } } }
      assert.equal("not you", mallory:reply(1).error.message)
    end)

    it("is refused late, and waits in pcall, but not in a callback of sort", function()
      local ann = comes "ann"
      local code, text = ann:refused { publish = { channel = "room:r", data = { nap = "50ms", no = "later: no" } } }
      assert.same({ 400, "later: no" }, { code, text })
      assert.same({ ok = true, v = 1 }, (ann:call("room:r/nap", { d = "50ms" })))
      assert.same({ ok = false, v = 1,
        why = 'sleep: it takes a duration such as "200ms" or "1s" (got 5)' }, (ann:call("room:r/nap", { d = 5 })))
      local _, _, why = ann:call("room:r/sorted", {})
      assert.truthy(why:find("sleep: a callback of sort, gsub and the like cannot wait", 1, true), why)
    end)

    it("ends when its time is over, with the place where it waited", function()
      local ann = comes "ann"
      local code, text = ann:refused { publish = { channel = "slow:1", data = 1 } }
      assert.equal(504, code)
      assert.truthy(text:find "^a.lua:%d+: stopped after 100 ms: it waited too long$", text)
      assert.truthy(it_runs:wait_log 'event=script_failed[^\n]*stopped after 100 ms[^\n]*hook=on_publish')
    end)

    it("is overloaded when too much waits for it, and is not afterwards", function()
      local ann = comes "ann":join "room:full"
      ann:say { id = 100, publish = { channel = "room:full", data = { nap = "400ms" } } }
      for i = 1, 25 do ann:say { id = 100 + i, publish = { channel = "room:full", data = {} } } end
      local refused = 0
      for i = 0, 25 do
        local reply = ann:reply(100 + i)
        if reply.error then
          refused = refused + 1
          assert.same({ 429, true }, { reply.error.code, reply.error.temporary })
        end
      end
      assert.equal(5, refused)
      assert.truthy(http.metric(it_runs, 'weir_refused_total{reason="overloaded"}') >= 5)
      ann:ask { publish = { channel = "room:full", data = {} } }
    end)

    it("answers the server API when it has returned", function()
      local answer = http.api(it_runs, "rpc", { method = "nap", params = "100ms" })
      assert.equal("slept", answer.result.data)
      answer = http.api(it_runs, "rpc", { channel = "room:api", method = "nap", params = { d = "50ms" } })
      assert.is_true(answer.result.data.ok)
    end)

    describe("timers", function()
      it("come again and again until they are cancelled, with their arguments", function()
        local ann = comes "ann":join "room:t1"
        local id = ann:call("room:t1/every", { ms = "40ms", with = { a = 1 } })
        assert.equal(id, math.floor(id))
        ann:hears("room:t1", { tick = 1, v = 1, with = { a = 1 } }):hears("room:t1", { tick = 2, v = 1, with = { a = 1 } })
        ann:call("room:t1/cancel", { id = id })
        local ticks = ann:call("room:t1/ticks", {})
        assert.is_true((ann:call("room:t1/nap", { d = "200ms" })).ok)
        assert.equal(ticks, (ann:call("room:t1/ticks", {})))
      end)

      it("come once, and keep the channel until then", function()
        local ann = comes "ann":join "room:t2"
        ann:call("room:t2/after", { ms = "500ms" })
        ann:leaves "room:t2"
        ann:join "room:t2":hears("room:t2", { tick = 1, v = 1 })
      end)

      it("may wait, and wait for what waits", function()
        local ann = comes "ann":join "room:t3"
        ann:call("room:t3/after", { ms = "20ms", name = "nap" })
        ann:say { id = 70, publish = { channel = "room:t3", data = { nap = "150ms" } } }
        ann:hears("room:t3", { v = 1, n = 1 }):hears("room:t3", { napped = true })
      end)

      it("are refused where there is no such method, and their errors are in the log", function()
        local ann = comes "ann":join "room:t4"
        local _, code, why = ann:call("room:t4/every", { ms = "50ms", name = "tack" })
        assert.equal(500, code)
        assert.truthy(why:find("every: this channel has no method `tack` for a timer to call", 1, true), why)
        _, _, why = ann:call("room:t4/every", { ms = "1ms" })
        assert.truthy(why:find('every: at least "20ms"', 1, true), why)
        ann:call("room:t4/after", { ms = "20ms", name = "bad" })
        assert.truthy(it_runs:wait_log 'event=script_failed[^\n]*the timer\'s own[^\n]*hook=timer_bad[^\n]*channel=room:t4')
      end)

      it("are 64 in a channel at most", function()
        local ann = comes "ann":join "room:t5"
        for _ = 1, 65 do ann:call("room:t5/after", { ms = "300ms" }) end
        assert.truthy(it_runs:wait_log "event=timer_dropped[^\n]*channel=room:t5")
        for n = 1, 64 do ann:hears("room:t5", { tick = n, v = 1 }) end
      end)
    end)
  end)

  describe("with " .. workers .. " worker(s), a reload", function()
    local it_runs

    before_each(function()
      it_runs = server.start { command = "dev", scripts = { ["a.lua"] = rules(1) },
        args = { "--workers", tostring(workers), "--api-key", "key" } }
    end)
    after_each(function()
      talk.close_all()
      assert.is_nil(it_runs:exit_status())
      it_runs:stop()
    end)

    it("has hooks that wait end on the old code, with their state, and timers find the new", function()
      local ann = talk.to(it_runs, { as = "ann" }):connect():join "room:a"
      ann:call("room:a/every", { ms = "100ms" })
      ann:say { id = 50, publish = { channel = "room:a", data = { nap = "1500ms" } } }
      ann:say { id = 51, rpc = { method = "nap", data = "1s" } }
      it_runs:write("a.lua", rules(2))
      it_runs:wait_log "event=reload generation=2"
      ann:say { id = 52, publish = { channel = "room:a", data = {} } }
      assert.equal("slept", ann:reply(51).rpc.data)
      ann:hears("room:a", { v = 1, n = 1 })
      ann:wait(function(m)
        local push = m.push
        return push and push.pub and push.pub.data.n == 2 and push.pub.data.v == 2
      end, "the message behind it")
      ann:reply(52)
      assert.equal(2, (ann:call("room:a/last", {})))
      ann:wait(function(m)
        local push = m.push
        return push and push.pub and push.pub.data.tick and push.pub.data.v == 2
      end, "a tick of the new rules")
      it_runs:write("a.lua", rules(3))
      it_runs:wait_log "event=reload generation=3"
    end)

    it("of another file leaves a script what it is: its hooks wait, fail and are counted as before", function()
      local ann = talk.to(it_runs, { as = "ann" }):connect():join "room:a"
      it_runs:write("b.lua", 'channel "other"')
      it_runs:wait_log "event=reload generation=2"
      for _ = 1, 2 do
        assert.is_true((ann:call("room:a/nap", { d = "20ms" })).ok)
        assert.equal(500, ann:ask({ rpc = { method = "room:a/bad" } }).error.code)
      end
      assert.is_true(http.metric(it_runs, 'weir_script_memory_bytes{script="a.lua"}') > 10000)
    end)

    it("is refused where it would take away what timers call", function()
      local ann = talk.to(it_runs, { as = "ann" }):connect():join "room:a"
      local id = ann:call("room:a/every", { ms = "100ms" })
      it_runs:write("a.lua", (rules(2):gsub("function room:tick", "function room:tock")))
      local why = it_runs:wait_log "event=reload_refused[^\n]*"
      assert.truthy(why:find("a.lua:2: a timer of room:a calls `tick`, which is no function of the channel any more: keep it, or "
        .. "define on_upgrade()", 1, true), why)
      ann:wait(function(m) return m.push and m.push.pub and m.push.pub.data.v == 1 end, "a tick of the old rules")
      ann:call("room:a/cancel", { id = id })
      it_runs:write("a.lua", (rules(3):gsub("function room:tick", "function room:tock")))
      assert.truthy(it_runs:wait_log "event=reload generation=2")
    end)

    it("takes a timer away whose method is gone where on_upgrade has its say", function()
      local ann = talk.to(it_runs, { as = "ann" }):connect():join "room:a"
      ann:call("room:a/every", { ms = "100ms" })
      it_runs:write("a.lua", (rules(2):gsub("function room:tick", "function room:on_upgrade() end function room:tock")))
      assert.truthy(it_runs:wait_log "event=timer_dropped channel=room:a method=tick")
    end)

    it("is not held up by timers when it goes back", function()
      local ann = talk.to(it_runs, { as = "ann" }):connect():join "room:a"
      it_runs:write("a.lua", rules(2) .. "function room:tack() end")
      it_runs:wait_log "event=reload generation=2"
      ann:call("room:a/every", { ms = "100ms", name = "tack" })
      assert.equal(3, http.api(it_runs, "rollback").result.generation)
      assert.truthy(it_runs:wait_log "event=timer_dropped channel=room:a method=tack")
    end)

    it("is not held up by the end of the server", function()
      local ann = talk.to(it_runs, { as = "ann" }):connect():join "room:a"
      ann:call("room:a/after", { ms = "60s" })
      ann:say { id = 50, publish = { channel = "room:a", data = { nap = "2s" } } }
      ann:say { id = 51, rpc = { method = "nap", data = "2s" } }
      ann:say { id = 52, publish = { channel = "room:a", data = {} } }
    end)
  end)
end
