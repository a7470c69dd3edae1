local room = require "room.runtime"
local folder = require "folder"
local stage = require "stage"

local as_ann, publish = stage.as_ann, stage.publish

describe("script/runtime", function()
  local files, r

  local function load(set) stage.load(r, files, set) end
  local function start(set, options) r = stage.start(files, set, options) end

  before_each(function() files = folder() end)
  after_each(function() files:delete() r = nil collectgarbage() collectgarbage() end)

  it("keeps one script's death from the others", function()
    start({
      ["bad.lua"] = [[
        local bad = channel("bad")
        local keep = {}
        function bad:on_publish()
          while true do keep[#keep + 1] = ("x"):rep(10000) .. #keep end
        end]],
      ["good.lua"] = 'local good = channel("good") function good:on_publish() return true end',
    }, { memory = 1 << 20 })
    local bad, good = r:channel "bad", r:channel "good"
    for _ = 1, 5 do
      assert.equal(504, publish(bad, "1").code)
      assert.equal("accept", publish(good, "1").verdict)
    end
  end)

  it("keeps what C shares with scripts out of their hands", function()
    start([[
      local c = channel("c")
      local tries = {
        function() return getmetatable(json.decode("[1]")) == nil and getmetatable(json.array()) == nil end,
        function(self, from) return getmetatable(self) == false and getmetatable(c) == false and getmetatable(from) == false end,
        function() return getmetatable(json) == false and getmetatable(log) == false and getmetatable("") == false end,
        function() local t = setmetatable(json.decode("[1]"), { __index = { x = 5 } }) return t.x == 5 end,
        function() local m = {} return getmetatable(setmetatable({}, m)) == m end,
        function() return getmetatable(setmetatable({}, { __metatable = "mine" })) == "mine" end,
        function(self) return not pcall(setmetatable, self, {}) and not pcall(setmetatable, c, {}) end,
        function(_, from) return not pcall(rawset, from, "user", "root") and from.user == "ann" end,
        function() return not pcall(rawset, json, "encode", 1) and not pcall(rawset, log, "warn", 1) end,
        function(self) self.name = "other" self:publish(1) return true end,
      }
      function c:on_publish(n, from) return assert(tries[n](self, from)) end]], { explains = true })
    local c = r:channel "c"
    for n = 1, 10 do
      local answer = publish(c, tostring(n))
      assert.equal("accept", answer.verdict, n .. ": " .. tostring(answer.text))
      if n == 10 then assert.equal("c", answer.effects[1].channel) end
    end
  end)

  it("ends recursion through C as an error, not as a crash", function()
    start [[
      local c = channel("c")
      local tries = {
        function() local function f(s) return (s:gsub("x", f)) end f("x") end,
        function() local function f() table.sort({ 3, 2, 1 }, function() f() return false end) end f() end,
        function() local m = {} m.__tostring = function(x) return tostring(x) end tostring(setmetatable({}, m)) end,
        function() local m = {} m.__concat = function(a, b) return a .. b end return setmetatable({}, m) .. "x" end,
        function() local m = {} m.__index = function(t, k) return t[k] end return setmetatable({}, m).x end,
        function() local f f = function() return pcall(f) end f() error("through") end,
        function() local f f = function() return (xpcall(f, f)) end f() error("through") end,
        function() local t = {} for _ = 1, 1000 do t = { t } end json.encode(t) end,
        function() local t = {} for _ = 1, 1000 do t = { t } end return t end,
      }
      function c:on_publish(n) return tries[n]() end]]
    local c = r:channel "c"
    for n = 1, 9 do assert.equal("refuse", publish(c, tostring(n)).verdict, n) end
  end)

  it("answers wherever memory runs out in a hook", function()
    files:write("chat.lua", [[
      local c = channel("c")
      function c:on_publish(msg, from, meta)
        self.state.seen = { msg.list, from.claims.name, meta.size }
        publish("c", { copy = msg })
        from:send(json.decode(json.encode(msg)))
        log("x", { n = 1 })
        local ok, e = pcall(function() return (msg.text:gsub("%w", string.upper)) end)
        return { text = ok and e or "no", by = from.user, list = msg.list, more = (" "):rep(2000):trim() }
      end]])
    local good, refused = 0, 0
    for memory = 30000, 180000, 1001 do
      r = room.new { memory = memory }
      if r:load(files.path) then
        r:switch()
        local c = r:channel "c"
        for _ = 1, 10 do
          local answer = publish(c, '{"text":"hello there","list":[' .. ("{},"):rep(400) .. '[]]}')
          if answer.verdict == "replace" then
            good = good + 1
            assert.equal(2, #answer.effects)
          else
            refused = refused + 1
            assert.same({ "refuse", 504, 0 }, { answer.verdict, answer.code, #answer.effects })
          end
        end
      end
    end
    assert.is_true(good > 100 and refused > 100, good .. " " .. refused)
  end)

  it("gives a script a fresh start that has filled its memory with its own variables, not with its state", function()
    start([[
      local c = channel("c:{x}")
      local keep = {}
      function c:on_publish(msg)
        self.state.n = (self.state.n or 0) + 1
        if msg == 1 then for i = 1, 1e9 do keep[i] = { i } end end
        return { n = self.state.n, kept = #keep }
      end]], { memory = 1 << 20, cpu_ms = 1000 })
    local a, b = r:channel "c:a", r:channel "c:b"
    publish(a, "0")
    publish(b, "0")
    assert.equal(504, publish(a, "1").code)
    assert.equal('{"kept":0,"n":3}', publish(a, "0").out)
    assert.equal('{"kept":0,"n":2}', publish(b, "0").out)
    assert.truthy(r:log():find('event=script_restarted script=chat.lua reason="its memory was full', 1, true))
    -- and not again at once
    assert.equal(504, publish(a, "1").code)
    assert.is_nil(r:log():find("script_restarted", 1, true))
    load { ["chat.lua"] = 'local c = channel("c:{x}") function c:on_publish() return { n = self.state.n } end' }
    assert.equal('{"n":4}', publish(a, "0").out)
  end)

  it("lets a state that has filled its VM be moved and made smaller", function()
    start([[
      local c = channel("c")
      function c:on_publish(msg) self.state.all = {} for i = 1, 1e9 do self.state.all[i] = { i } end end]],
      { memory = 1 << 20, cpu_ms = 1000 })
    local c = r:channel "c"
    for _ = 1, 3 do assert.equal(504, publish(c, "1").code) end
    load { ["chat.lua"] = [[
      local c = channel("c")
      function c:on_publish()
        local n = #(self.state.all or {})
        self.state.all = nil
        return { big = n > 5000 }
      end]] }
    assert.equal('{"big":true}', publish(c, "1").out)
    assert.equal('{"big":false}', publish(c, "1").out)
  end)

  it("counts calls, errors, seconds and bytes", function()
    start 'local c = channel("c") function c:on_publish(m) return m.a.b end function c:rpc_x() return 1 end'
    local c = r:channel "c"
    publish(c, "{}")
    publish(c, '{"a":{"b":true}}')
    c:call("call", as_ann { method = "x" })
    local metrics = r:metrics()
    assert.truthy(metrics:find('weir_script_calls_total{script="chat.lua",hook="on_publish"} 2\n', 1, true))
    assert.truthy(metrics:find('weir_script_errors_total{script="chat.lua",hook="on_publish"} 1\n', 1, true))
    assert.truthy(metrics:find('weir_script_calls_total{script="chat.lua",hook="rpc_x"} 1\n', 1, true))
    assert.truthy(metrics:find('weir_script_seconds_total{script="chat.lua",hook="rpc_x"} 0%.0%d+\n'))
    assert.truthy(metrics:find('weir_script_memory_bytes{script="chat.lua"} %d%d%d%d+\n'))
    assert.is_nil(metrics:find("ann", 1, true))
  end)

  it("counts a call by the method that a script declares, never by what a client asks for", function()
    start {
      ["chat.lua"] = [[
        local c, d = channel("c"), channel("d")
        function c:rpc_x() return 1 end
        function c:rpc_no() reject(1404) end
        function d:rpc_x() error "no" end
        function server.rpc_y() return {} end]],
    }
    local function calls(method) return r:metrics():match('calls_total{script="chat.lua",hook="' .. method .. '"} (%d+)\n') end
    local c, d = r:channel "c", r:channel "d"
    for _ = 1, 2 do c:call("call", as_ann { method = "x" }) end
    d:call("call", as_ann { method = "x" })
    c:call("call", as_ann { method = "no" })
    c:call("call", as_ann { method = "made-up" })
    r:server("call", as_ann { method = "y" })
    r:server("call", as_ann { method = "made-up" })
    assert.same({ "3", "1", "1" }, { calls "rpc_x", calls "rpc_no", calls "rpc_y" })
    assert.truthy(r:metrics():find('errors_total{script="chat.lua",hook="rpc_x"} 1\n', 1, true))
    assert.is_nil(r:metrics():find("made-up", 1, true))
    load 'local c = channel("c") function c:rpc_other() end'
    c:call("call", as_ann { method = "x" })
    assert.equal("3", calls "rpc_x") -- it was one, and is none any more
  end)

  it("tells no bytes of a script that is gone, and still what it cost", function()
    start { ["chat.lua"] = 'local c = channel("c") function c:on_publish() return true end', ["old.lua"] = "" }
    publish(r:channel "c", "{}")
    assert.truthy(r:metrics():find('weir_script_memory_bytes{script="old.lua"}', 1, true))
    files:remove("chat.lua")
    load { ["new.lua"] = 'channel("c")' }
    local metrics = r:metrics()
    assert.is_nil(metrics:find('weir_script_memory_bytes{script="chat.lua"}', 1, true))
    assert.truthy(metrics:find('weir_script_memory_bytes{script="old.lua"} %d%d%d%d+\n'))
    assert.truthy(metrics:find('weir_script_memory_bytes{script="new.lua"} %d%d%d%d+\n'))
    assert.truthy(metrics:find('weir_script_calls_total{script="chat.lua",hook="on_publish"} 1\n', 1, true))
  end)

  it("refuses nothing for a line of its log", function()
    start [[
      local c = channel("c")
      function c:on_publish()
        log("one", { bad = "\xff!", n = 1, [2] = true, f = error })
        log("two", "text")
        log("three", 1, nil, { x = true })
        log("four", error)
        log()
        log(nil, { 1, 2 })
        log("\xff")
        log(setmetatable({}, { __tostring = function() error "no" end }))
        log("five", { big = ("x"):rep(10000) })
        local me = {} me.me = me
        log("six", me)
        log.warn("seven", { [true] = 1, [1.5] = 2 })
        return true
      end]]
    assert.equal("accept", publish(r:channel "c", "{}").verdict)
    local log = r:log()
    for _, part in ipairs { 'text=one data="{', [[\"bad\":\"�!\"]], [[\"n\":1]], [[\"2\":true]], [[\"f\":\"function\"]],
      [[text=two data="\"text\""]], [[text=three data="{]], [[\"1\":1]], [[\"3\":{\"x\":true}]],
      [[text=four data="\"function\""]], "text=nil\n", 'text=nil data=[1,2]', "text=\xef\xbf\xbd\n",
      'text="(a table whose __tostring fails)"', [[text=six data="{\"me\":\"table\"}"]], [[\"true\":1]], [[\"1.5\":2]] } do
      assert.truthy(log:find(part, 1, true), part .. " in " .. log)
    end
    assert.truthy(log:find('text=five data="{\\"big\\":\\"xxxx'), log)
    assert.equal(11, select(2, log:gsub("\n", "")))
  end)

  it("knows what log has", function()
    start({ ["chat.lua"] = [[
      local c = channel("c")
      function c:on_publish() log.infoo("x") end
      function c:rpc_x() log.blub("x") end]] }, { explains = true })
    local c = r:channel "c"
    assert.equal("chat.lua:2: `log.infoo` is not defined: did you mean `log.info`?", publish(c, "1").text)
    assert.equal("chat.lua:3: `log.blub` is not defined: there are debug, info, warn and error",
      c:call("call", as_ann { method = "x" }).text)
  end)

  it("says where a hook is defined that returned something wrong", function()
    start({
      ["chat.lua"] = [[
        local c = channel("c")
        function c:on_publish() return error end
        function c:rpc_nan() return 0/0 end
        c.rpc_lib = require("words").give
        function server.rpc_f() return error end]],
      ["lib/words.lua"] = "return {\n  give = function() return error end,\n}",
    }, { explains = true })
    local c = r:channel "c"
    assert.truthy(publish(c, "1").text:find("^chat.lua:2: on_publish returns"))
    assert.truthy(c:call("call", as_ann { method = "nan" }).text:find("^chat.lua:3: what it returned"))
    assert.truthy(r:log():find('trace="chat.lua:3 in rpc_nan"', 1, true))
    assert.truthy(c:call("call", as_ann { method = "lib" }).text:find("^lib/words.lua:2: what it returned"))
    assert.truthy(r:server("call", as_ann { method = "f" }).text:find("^chat.lua:5: what it returned"))
  end)

  it("tells the content of an error that is a table", function()
    start({ ["chat.lua"] = [[
      local c = channel("c")
      function c:on_publish() error { code = 7 } end
      function c:rpc_x() error() end]] }, { explains = true })
    local c = r:channel "c"
    assert.equal('chat.lua:2: error({"code":7})', publish(c, "1").text)
    assert.equal("chat.lua:3: error() with no message", c:call("call", as_ann { method = "x" }).text)
  end)

  it("writes what scripts log, with its level and fields, and not too much of it", function()
    start [[
      local c = channel("c")
      function c:on_publish(msg)
        log("plain") log.warn("careful", { n = msg.n }) log.error("bad") log.debug(12)
        for i = 1, 1000 do log(i) end
        return true
      end]]
    publish(r:channel "c", '{"n":5}')
    local log = r:log()
    assert.truthy(log:find("level=info event=script_log script=chat.lua channel=c text=plain", 1, true))
    assert.truthy(log:find([[level=warn event=script_log script=chat.lua channel=c text=careful data="{\"n\":5}"]], 1, true))
    assert.truthy(log:find("level=error", 1, true))
    assert.truthy(log:find("level=debug event=script_log script=chat.lua channel=c text=12", 1, true))
    assert.equal(100, select(2, log:gsub("\n", "")))
    load 'log("loading") channel("c")'
    assert.equal(1, select(2, r:log():gsub("text=loading", ""))) -- not once more for each worker
  end)

  it("runs the hostile scripts of a bad day without losing a channel", function()
    start([[
      local c = channel("c")
      local tries = {
        function() local x <close> = setmetatable({}, { __close = function() while true do end end }) error("x") end,
        function() error(setmetatable({}, { __tostring = function() while true do end end })) end,
        function(self) setmetatable(self.state, { __index = function() while true do end end }) return self.state.x end,
        function(self) self.state = setmetatable({}, { __pairs = function() while true do end end }) end,
        function() local function f() return (f()) end f() end,
        function(_, msg) setmetatable(msg, { __index = error, __len = error, __pairs = error }) return msg end,
        function() table.sort({ 3, 2, 1 }, function() reject "in sort" end) end,
        function() string.rep("x", 1 << 40) end,
        function() return { ("x"):rep(3 << 20) } end,
      }
      function c:on_publish(msg) return tries[msg.n](self, msg) end]], { memory = 8 << 20, cpu_ms = 20 })
    local c = r:channel "c"
    for n = 1, 9 do publish(c, ('{"n":%d}'):format(n)) end
    files:write("chat.lua", 'local c = channel("c") function c:on_publish() return true end')
    load {}
    assert.equal("accept", publish(c, "1").verdict)
  end)
end)
