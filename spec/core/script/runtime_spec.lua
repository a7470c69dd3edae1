local room = require "room.runtime"
local folder = require "folder"

local ANN = { id = "c1", user = "ann", roles = '["mod"]', claims = '{"name":"Ann","n":9007199254740993}', ip = "10.0.0.1" }

local function as_ann(more)
  local call = {}
  for k, v in pairs(ANN) do call[k] = v end
  for k, v in pairs(more or {}) do call[k] = v end
  return call
end

describe("script/runtime", function()
  local files, r

  local function load(set)
    if type(set) == "string" then set = { ["chat.lua"] = set } end
    for name, text in pairs(set) do files:write(name, text) end
    local ok, problems = r:load(files.path)
    assert(ok, problems and problems[1] and problems[1].json)
    r:switch()
  end

  local function start(set, options)
    r = room.new(options)
    load(set)
  end

  local function publish(channel, data, more)
    return channel:call("publish", as_ann(setmetatable({ data = data }, { __index = more })))
  end

  before_each(function() files = folder() end)
  after_each(function() files:delete() r = nil collectgarbage() collectgarbage() end)

  describe("on_publish", function()
    it("delivers the bytes as they came for true, a table instead, nothing for nothing", function()
      start [[
        local c = channel("c")
        function c:on_publish(msg)
          if msg.a == 1 then return true end
          if msg.a == 2 then return { b = msg.big, list = {}, none = json.null, f = 1.0 } end
          if msg.a == 3 then return false end
        end]]
      local c = r:channel "c"
      assert.same({ "accept", nil }, { publish(c, '{ "a" : 1 }').verdict, publish(c, '{"a":1}').out })
      local answer = publish(c, '{"a":2,"big":9007199254740993}')
      assert.equal("replace", answer.verdict)
      assert.equal('{"b":9007199254740993,"f":1.0,"list":{},"none":null}', answer.out)
      assert.equal("drop", publish(c, '{"a":3}').verdict)
      assert.equal("drop", publish(c, '{"a":4}').verdict)
    end)

    it("keeps empty arrays of a message that a table hands on", function()
      start 'local c = channel("c") function c:on_publish(msg) msg.x = 1 return msg end'
      assert.equal('{"l":[],"o":{},"x":1}', publish(r:channel "c", '{"l":[],"o":{}}').out)
    end)

    it("knows who it is from, which channel it is, and how large", function()
      start [[
        local c = channel("chat:{room}:{n}")
        function c:on_publish(msg, from, meta)
          return { from.user, from.id, from.ip, from.claims.name, from.claims.n, from.roles[1],
                   from.claims.none or "-", from.info or "-", self.name, self.params.room, self.params.n,
                   meta.size }
        end]]
      assert.equal('["ann","c1","10.0.0.1","Ann",9007199254740993,"mod","-","-","chat:a:b","a","b",2]',
        publish(r:channel "chat:a:b", "{}").out)
    end)

    it("refuses with what reject says, and keeps the effects before it", function()
      start [[
        local c = channel("c")
        channel("log:{x}")
        function c:on_publish(msg)
          publish("log:1", { seen = msg.n })
          if msg.n == 1 then reject "held for moderation" end
          if msg.n == 2 then reject(1234, "own code") end
          if msg.n == 3 then reject(404) end
          if msg.n == 4 then pcall(reject, "not to be caught") end
          if msg.n == 5 then xpcall(reject, function() return 1 end, "nor here") end
          if msg.n == 6 then table.sort({ 2, 1 }, function() reject "deep" end) end
          if msg.n == 7 then reject(12) end
          if msg.n == 8 then reject("x", { data = 1 }) end
          return true
        end]]
      local c = r:channel "c"
      for n, want in ipairs { { 400, "held for moderation" }, { 1234, "own code" }, { 404, "rejected" },
        { 400, "not to be caught" }, { 400, "nor here" }, { 400, "deep" } } do
        local answer = publish(c, ('{"n":%d}'):format(n))
        assert.same({ "refuse", want[1], want[2], "" },
          { answer.verdict, answer.code, answer.text, answer.incident })
        assert.same({ kind = "publish", channel = "log:1", data = ('{"seen":%d}'):format(n), code = 0 },
          answer.effects[1])
      end
      for n = 7, 8 do
        local answer = publish(c, ('{"n":%d}'):format(n))
        assert.same({ "refuse", 500, 0 }, { answer.verdict, answer.code, #answer.effects })
      end
    end)

    it("fails closed with an incident, tells the log all of it, and discards the effects", function()
      start [[
        local c = channel("c")
        local function help(msg) return msg.deep.er end
        function c:on_publish(msg)
          publish("c", { before = "the error" })
          local x = help(msg)
          return { x }
        end]]
      local answer = publish(r:channel "c", "{}")
      assert.equal("refuse", answer.verdict)
      assert.equal(500, answer.code)
      assert.same({}, answer.effects)
      assert.truthy(answer.incident:find("^%x%x%x%x%x%x%x%x%x%x%x%x$"))
      assert.equal("script failed (incident " .. answer.incident .. ")", answer.text)
      local log = r:log()
      for _, part in ipairs { "event=script_failed", "incident=" .. answer.incident, "at=chat.lua:2",
        "hook=on_publish", "channel=c", "script=chat.lua", "generation=1", "level=error",
        [[reason="attempt to index a nil value (field 'deep')"]],
        'trace="chat.lua:2 in help < chat.lua:5 in ' } do
        assert.truthy(log:find(part, 1, true), part .. " in " .. log)
      end
    end)

    it("explains itself in dev mode", function()
      start('local c = channel("c")\nfunction c:on_publish(msg)\n  return msg.a.b\nend', { explains = true })
      local answer = publish(r:channel "c", "{}")
      assert.equal("chat.lua:3: attempt to index a nil value (field 'a')", answer.text)
      assert.equal(12, #answer.incident)
    end)

    it("stops a hook over its budget, and the next message is well", function()
      start([[
        local c = channel("c")
        function c:on_publish(msg)
          if msg.loop then pcall(function() while true do end end) while true do end end
          if msg.bomb then local t = {} while true do t[#t + 1] = ("x"):rep(1000) .. #t end end
          return true
        end]], { cpu_ms = 20, memory = 1 << 20 })
      local c = r:channel "c"
      for _ = 1, 3 do
        local answer = publish(c, '{"loop":true}')
        assert.same({ "refuse", 504 }, { answer.verdict, answer.code })
        assert.truthy(answer.text:find "^script over budget %(incident %x+%)$")
        answer = publish(c, '{"bomb":true}')
        assert.same({ "refuse", 504 }, { answer.verdict, answer.code })
        assert.equal("accept", publish(c, "{}").verdict)
      end
      assert.truthy(r:log():find("stopped after 20 ms of CPU time", 1, true))
    end)

    it("says what is wrong with what a hook returned", function()
      start([[
        local c = channel("c")
        function c:on_publish(msg)
          if msg.n == 1 then return "text" end
          if msg.n == 2 then return { f = function() end } end
          if msg.n == 3 then return { x = 0 / 0 } end
          local t = {} t.t = t return t
        end]], { explains = true })
      local c = r:channel "c"
      assert.truthy(publish(c, '{"n":1}').text:find("chat.lua:2: on_publish returns true, a table or nothing (got string)", 1, true))
      assert.truthy(publish(c, '{"n":2}').text:find("what it returned.f", 1, true))
      assert.truthy(publish(c, '{"n":3}').text:find("what it returned.x", 1, true))
      assert.equal(500, publish(c, '{"n":4}').code)
    end)

    it("refuses a number that no Lua value can hold as the sender's mistake", function()
      start 'local c = channel("c") function c:on_publish() return true end'
      local answer = publish(r:channel "c", "[1e999]")
      assert.same({ "refuse", 107 }, { answer.verdict, answer.code })
    end)
  end)

  describe("the other hooks", function()
    it("decide who is in, with data or without", function()
      start [[
        local c = channel("c")
        function c:on_subscribe(client, data)
          if client.user == "ann" then return { hello = data and data.x or "nothing" } end
          return client.user == "bob"
        end]]
      local c = r:channel "c"
      local answer = c:call("subscribe", as_ann { data = '{"x":1}' })
      assert.same({ "replace", '{"hello":1}' }, { answer.verdict, answer.out })
      assert.equal('{"hello":"nothing"}', c:call("subscribe", as_ann()).out)
      assert.equal("accept", c:call("subscribe", { id = "2", user = "bob" }).verdict)
      answer = c:call("subscribe", { id = "3", user = "eve" })
      assert.same({ "refuse", 103, "permission denied" }, { answer.verdict, answer.code, answer.text })
    end)

    it("answer calls, and know which methods there are", function()
      start([[
        local c = channel("c")
        function c:rpc_add(args, from) return args.a + args.b end
        function c:rpc_nothing() end
        function c:rpc_who(_, from) return from.user .. "/" .. from.id end]], { explains = true })
      local c = r:channel "c"
      local function call(method, data, who)
        return c:call("call", (who or as_ann) { method = method, data = data })
      end
      assert.same({ "accept", "3" }, { call("add", '{"a":1,"b":2}').verdict, call("add", '{"a":1,"b":2}').out })
      assert.is_nil(call("nothing").out)
      assert.equal('"ann/c1"', call("who").out)
      assert.equal('"/"', call("who", nil, function(t) return t end).out)
      assert.same({ 104, "method not found: did you mean `add`?" }, { call("addd").code, call("addd").text })
      assert.equal(104, call("on_publish").code)
      assert.equal(104, call("__index").code)
    end)

    it("hear of what was published, of leavers, of birth and end", function()
      start [[
        local c = channel("c")
        function c:on_open() self.state.log = { "open" } end
        function c:on_close() log("closing", self.state.log) end
        local function note(self, ...) self.state.log[#self.state.log + 1] = table.concat({ ... }, " ") end
        function c:on_published(msg, meta) note(self, "published", msg.n, meta.offset, meta.size) end
        function c:on_unsubscribe(client, why, code) note(self, "left", client.user, why, code) end]]
      local c = r:channel "c"
      c:call("open", {})
      c:call("published", { data = '{"n":1}', offset = 7 })
      c:call("unsubscribe", as_ann { reason = "kicked: banned", code = 2000 })
      c:call("close", {})
      assert.truthy(r:log():find([[data="[\"open\",\"published 1 7 7\",\"left ann kicked: banned 2000\"]"]], 1, true))
    end)

    it("serve the server: calls from any script, disconnects, messages", function()
      start {
        ["a.lua"] = [[
          function server.rpc_sum(args) return args[1] + args[2] end
          function server.on_disconnect(client, why, code) log(client.user .. " " .. why .. " " .. code) end
          function server.on_message(data, from) log(from.user .. " says " .. data.x) end]],
        ["b.lua"] = "function server.rpc_who(_, from) return from.user end",
      }
      assert.equal("3", r:server("call", as_ann { method = "sum", data = "[1,2]" }).out)
      assert.equal('"ann"', r:server("call", as_ann { method = "who" }).out)
      local answer = r:server("call", as_ann { method = "whoo" })
      assert.same({ "refuse", 104, "method not found" }, { answer.verdict, answer.code, answer.text })
      r:server("disconnect", as_ann { reason = "bye", code = 1000 })
      r:server("message", as_ann { data = '{"x":"hi"}' })
      local log = r:log()
      assert.truthy(log:find('text="ann bye 1000"', 1, true))
      assert.truthy(log:find('text="ann says hi"', 1, true))
    end)
  end)

  describe("on_connect", function()
    local function connect(body, call, options)
      start({ ["auth.lua"] = "function server.on_connect(req)\n" .. body .. "\nend" }, options)
      local answer = r:connect(call or {})
      return answer, answer.who
    end

    it("sees the request", function()
      local _, who = connect([[return { user = table.concat({ req.token, req.user, req.ip, req.claims.a,
        req.roles[1], req.data.x, req.headers["user-agent"], req.headers.cookie }, "|") }]],
        { token = "t", user = "u", ip = "1.2.3.4", claims = '{"a":1}', roles = '["r"]', data = '{"x":2}' })
      assert.equal("t|u|1.2.3.4|1|r|2|spec|", who.user)
    end)

    it("says who it is", function()
      local answer, who = connect([[return { user = "ann", roles = { "a", "b" }, claims = { x = 1 },
        info = { name = "Ann" }, expires = 2000000000 }]], { ip = "1.2.3.4", id = "c1" })
      assert.equal("replace", answer.verdict)
      assert.same({ user = "ann", roles = '["a","b"]', claims = '{"x":1}', info = '{"name":"Ann"}',
        expires = 2000000000, ip = "1.2.3.4", id = "c1" }, who)
    end)

    it("takes what is missing from the token", function()
      local _, who = connect("return { info = 1, roles = {}, claims = {} }", { user = "ann", expires = 5 })
      assert.same({ user = "ann", roles = "[]", claims = "{}", info = "1", expires = 5 }, who)
    end)

    it("lets in as the token says with true, and refuses with nothing", function()
      assert.equal("accept", connect("return true").verdict)
      local answer = connect("return nil")
      assert.same({ "refuse", 103 }, { answer.verdict, answer.code })
      answer = connect('reject(1001, "no token")')
      assert.same({ "refuse", 1001, "no token" }, { answer.verdict, answer.code, answer.text })
    end)

    it("fails closed", function()
      local answer = connect("return req.nothing.here")
      assert.same({ "refuse", 500 }, { answer.verdict, answer.code })
      answer = connect("while true do end", nil, { cpu_ms = 10 })
      assert.same({ "refuse", 504 }, { answer.verdict, answer.code })
    end)

    it("checks the identity", function()
      for body, want in pairs {
        ["return { user = 5 }"] = "`user` is a string (got number): write tostring(...)",
        ["return { roles = 'x' }"] = "`roles` is a list of strings (got string)",
        ["return { roles = { 1 } }"] = "`roles` is a list of strings",
        ["return { claims = { 1 } }"] = "`claims` is a table with names, not a list",
        ["return { expires = 'soon' }"] = "`expires` is a time in Unix seconds",
        ["return { info = function() end }"] = "info",
        ["return { channels = {} }"] = "`channels` is not available in this version",
        ["return { usr = 'x' }"] = "an identity has no `usr`: did you mean `user`?",
        ["return 5"] = "on_connect returns an identity",
      } do
        local answer = connect(body, nil, { explains = true })
        assert.equal("refuse", answer.verdict)
        assert.truthy(answer.text:find(want, 1, true), answer.text)
      end
    end)
  end)

  describe("effects", function()
    it("are kept in order", function()
      start [[
        local c = channel("c:{x}")
        function c:on_publish(msg, from)
          self:publish({ n = 1 })
          publish("c:other", { 2 })
          from:send({ n = 3 })
          kick("c:other", { user = "bob", reason = "enough" })
          self:kick({ client = "c9" })
          from:close(4001, "go")
          from:close()
          return true
        end]]
      assert.same({
        { kind = "publish", channel = "c:1", data = '{"n":1}', code = 0 },
        { kind = "publish", channel = "c:other", data = "[2]", code = 0 },
        { kind = "send", client = "c1", data = '{"n":3}', code = 0 },
        { kind = "kick", channel = "c:other", user = "bob", reason = "enough", code = 0 },
        { kind = "kick", channel = "c:1", client = "c9", code = 0 },
        { kind = "close", client = "c1", code = 4001, reason = "go" },
        { kind = "close", client = "c1", code = 3503, reason = "force disconnect" },
      }, publish(r:channel "c:1", "{}").effects)
    end)

    it("are checked where they are written", function()
      start([[
        local c = channel("c")
        local tries = {
          function() publish("nowhere", 1) end,
          function() publish("c", { f = print_ }) end,
          function() publish("c") end,
          function() publish("", 1) end,
          function() kick("c", {}) end,
          function() kick("c", { usr = "x" }) end,
          function(self) self.publish({}) end,
          function(_, from) from.send({}) end,
          function(_, from) from:close(99) end,
          function(_, from) return from.usr end,
          function(_, from) from.user = "root" end,
          function(self) self.count = 1 end,
          function(self) return self.sate end,
          function(self) self:every("1s", "x") end,
          function() channel("d") end,
        }
        function c:on_publish(msg, from) tries[msg.n](self, from) return true end]], { explains = true })
      local c = r:channel "c"
      for n, want in ipairs {
        'publish: no script declares a channel for "nowhere"', "`print_` is not defined",
        "bad argument #2 to 'publish'", "a channel's name is 1 to 255 printable ASCII characters", "say whom, by user or client",
        "unknown `usr`", "write self:publish(...), with a colon", "write client:send(...), with a colon",
        "a code is from 3000 to 4999", "a client has no `usr`: did you mean `user`?", "a client is read-only",
        "`self.count` would be lost at a reload: write self.state.count", "did you mean `state`?",
        "`self.every` is not available in this version", "channel() works while the file loads, not in a hook",
      } do
        local answer = publish(c, ('{"n":%d}'):format(n))
        assert.equal(500, answer.code, want)
        assert.truthy(answer.text:find(want, 1, true), n .. ": " .. answer.text)
        assert.truthy(answer.text:find("^chat.lua:%d+: "), answer.text)
      end
    end)

    it("cannot fill the server's memory", function()
      start([[
        local c = channel("c")
        local big = ("x"):rep(60000)
        function c:on_publish() while true do self:publish(big) end end]], { memory = 2 << 20, cpu_ms = 1000 })
      local answer = publish(r:channel "c", "{}")
      assert.same({ 504, 0 }, { answer.code, #answer.effects })
    end)

    it("do not come from a message that came from too many hooks", function()
      start([[
        local c = channel("c")
        function c:on_published(msg) publish("c", msg) end]], { explains = true })
      local c = r:channel "c"
      assert.equal(1, #c:call("published", { data = "1", hops = 7 }).effects)
      local answer = c:call("published", { data = "1", hops = 8 })
      assert.equal("refuse", answer.verdict)
      assert.truthy(answer.text:find("more than 8 hooks", 1, true))
    end)

    it("from the server itself have no connection to send to", function()
      start([[
        local c = channel("c")
        function c:rpc_x(_, from) assert(from.user == "" and from.id == "" and #from.roles == 0) from:send(1) end]],
        { explains = true })
      assert.truthy(r:channel "c":call("call", { method = "x" }).text:find("there is no connection", 1, true))
    end)
  end)

  describe("require", function()
    it("finds lib/NAME.lua, once, and cjson", function()
      start {
        ["lib/words.lua"] = "log('loading words') return { mask = function(t) return (t:gsub('darn', '****')) end }",
        ["lib/deep/er.lua"] = "return require 'words'",
        ["chat.lua"] = [[
          local words, again, deeper = require "words", require "words", require "deep.er"
          assert(words == again and words == deeper)
          local cjson = require "cjson"
          local c = channel("c")
          function c:on_publish(msg)
            return { t = words.mask(msg.t), j = cjson.encode(cjson.decode('{"a":[1,2,null]}')), n = cjson.null == json.null }
          end]],
      }
      r:log()
      assert.equal([[{"j":"{\"a\":[1,2,null]}","n":true,"t":"**** it"}]], publish(r:channel "c", '{"t":"darn it"}').out)
    end)

    it("says what is missing and what goes in a circle", function()
      for source, want in pairs {
        ["require 'wrods'"] = "there is no lib/wrods.lua: did you mean `words`?",
        ["require 'a'"] = "lib/a.lua is required while it loads",
        ["require '../chat'"] = "there is no lib/../chat.lua in the scripts folder",
        ["require '/etc/passwd'"] = "there is no lib//etc/passwd.lua",
        ["require 'os'"] = "there is no lib/os.lua",
      } do
        r = room.new()
        files:write("lib/words.lua", ""):write("lib/a.lua", "require 'b'"):write("lib/b.lua", "require 'a'")
        files:write("chat.lua", source)
        local ok, problems = r:load(files.path)
        assert.is_nil(ok)
        assert.truthy(problems[1].reason:find(want, 1, true), problems[1].reason)
      end
    end)

    it("gives cjson nothing to hurt the server with", function()
      start([[
        local cjson = require "cjson"
        assert(cjson.new == nil and cjson.encode_sparse_array == nil and cjson.encode_keep_buffer == nil)
        local tries = {
          function() local s, t = ("x"):rep(1 << 20), {} for i = 1, 1000 do t[i] = s end cjson.encode(t) end,
          function() local t = { 1 } for _ = 1, 60 do t = { t, t } end cjson.encode(t) end,
          function() local t = {} t.t = t cjson.encode(t) end,
          function() cjson.decode(("[" ):rep(2 << 20)) end,
          function() cjson.decode(("[" ):rep(10000)) end,
          function() cjson.decode("[" .. ("[],"):rep(300000) .. "1]") end,
          function() local s = "[" .. ("0,"):rep(1000) .. "1]" while true do cjson.encode(cjson.decode(s)) end end,
          function() cjson.encode = nil end,
        }
        local c = channel("c")
        function c:on_publish(msg) tries[msg.n]() return true end]], { cpu_ms = 200, memory = 8 << 20 })
      local c = r:channel "c"
      for n = 1, 8 do
        assert.equal("refuse", publish(c, ('{"n":%d}'):format(n)).verdict, n)
      end
    end)
  end)

  describe("a reload", function()
    local COUNT = [[
      local c = channel("c:{x}")
      function c:on_publish()
        self.state.n = (self.state.n or 0) + 1
        return { n = self.state.n, v = VERSION }
      end]]
    local function version(v) return { ["chat.lua"] = (COUNT:gsub("VERSION", v)) } end

    it("carries on with the state, channel by channel, at the next event", function()
      start(version(1))
      local a, b = r:channel "c:a", r:channel "c:b"
      assert.equal('{"n":1,"v":1}', publish(a, "1").out)
      publish(b, "1")
      load(version(2))
      assert.equal('{"n":2,"v":2}', publish(a, "1").out)
      load(version(3))
      load(version(4))
      assert.equal('{"n":3,"v":4}', publish(a, "1").out)
      assert.equal('{"n":2,"v":4}', publish(b, "1").out)
    end)

    it("moves what is plain, shared and circular, and says what it left", function()
      start {
        ["chat.lua"] = [[
          local c = channel("c")
          function c:on_publish()
            local s = self.state
            s.int, s.float, s.text, s.yes, s.null = math.maxinteger, 0.1, "a\0b", true, json.null
            s.sparse = { [5] = "five", [true] = "yes", [1.5] = "x" }
            s.list = json.decode("[]")
            s.shared = { 1 }
            s.again = s.shared
            s.me = s
            s.users = { ann = { fn = error, ok = 1 } }
            s.thing = setmetatable({ 1 }, {})
            s.odd = { [{}] = 1 }
            local deep = s
            for _ = 1, 100 do deep.d = {} deep = deep.d end
            return true
          end]],
      }
      local c = r:channel "c"
      assert.equal("accept", publish(c, "1").verdict)
      r:log()
      load {
        ["chat.lua"] = [[
          local c = channel("c")
          function c:on_publish()
            local s = self.state
            assert(s.int == math.maxinteger and s.float == 0.1 and s.text == "a\0b" and s.yes == true)
            assert(s.null == json.null and s.sparse[5] == "five" and s.sparse[true] == "yes" and s.sparse[1.5] == "x")
            assert(s.shared == s.again and s.shared[1] == 1 and s.me == s)
            assert(s.users.ann.fn == nil and s.users.ann.ok == 1 and s.thing[1] == 1 and next(s.odd) == nil)
            return { list = s.list }
          end]],
      }
      assert.equal('{"list":[]}', publish(c, "1").out)
      local log = r:log()
      for _, part in ipairs { "event=state_dropped channel=c at=state.users.ann.fn reason=function",
        'at=state.thing reason="a metatable; the table itself is kept"', "at=state.odd[table]",
        'reason="nested too deep"' } do
        assert.truthy(log:find(part, 1, true), part .. " in " .. log)
      end
    end)

    it("keeps the VM of a file that is as it was", function()
      start {
        ["a.lua"] = [[
          local calls = 0
          local a = channel("a")
          function a:on_publish() calls = calls + 1 return { calls } end]],
        ["b.lua"] = 'channel("b")',
      }
      local a = r:channel "a"
      assert.equal("[1]", publish(a, "1").out)
      load { ["b.lua"] = 'channel("b", { history = 1 })' }
      assert.equal("[2]", publish(a, "1").out)
      load { ["lib/x.lua"] = "return 1" }
      assert.equal("[1]", publish(a, "1").out) -- a library is part of every script
    end)

    it("leaves everything as it was when the set does not load", function()
      start(version(1))
      local a = r:channel "c:a"
      publish(a, "1")
      files:write("chat.lua", "local = 1")
      local ok, problems = r:load(files.path)
      assert.is_nil(ok)
      assert.equal("chat.lua", problems[1].file)
      assert.equal('{"n":2,"v":1}', publish(a, "1").out)
    end)

    it("can be taken back before the switch", function()
      start(version(1))
      local a = r:channel "c:a"
      files:write("chat.lua", version(2)["chat.lua"])
      assert.is_true(r:load(files.path))
      r:discard()
      assert.equal('{"n":1,"v":1}', publish(a, "1").out)
    end)

    it("lets a channel go whose pattern is gone, and moves one to another file", function()
      start(version(1))
      local a = r:channel "c:a"
      publish(a, "1")
      files:remove "chat.lua"
      load { ["other.lua"] = version(7)["chat.lua"] }
      assert.equal('{"n":2,"v":7}', publish(a, "1").out)
      files:remove "other.lua"
      load { ["none.lua"] = 'channel("x")' }
      a:bind()
      assert.is_false(a:has_instance())
    end)

    it("may happen three hundred times, and memory stays flat", function()
      local function memory()
        collectgarbage()
        return room.allocated()
      end
      start(version(0))
      local channels = {}
      for i = 1, 20 do channels[i] = r:channel("c:" .. i) end
      local at_50
      for i = 1, 300 do
        files:write("chat.lua", version(i)["chat.lua"])
        assert(r:load(files.path, i))
        r:switch(true)
        for _, c in ipairs(channels) do
          assert.equal(('{"n":%d,"v":%d}'):format(i, i), publish(c, "1").out)
        end
        if i == 50 then at_50 = memory() end
      end
      assert.is_true(memory() < at_50 + (256 << 10))
    end)
  end)

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
