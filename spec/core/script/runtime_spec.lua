local folder = require "folder"
local stage = require "stage"

local as_ann, publish = stage.as_ann, stage.publish

describe("script/runtime", function()
  local files, r

  local function start(set, options) r = stage.start(files, set, options) end

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
end)
