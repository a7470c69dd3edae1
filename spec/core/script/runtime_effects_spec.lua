local room = require "room.runtime"
local folder = require "folder"
local stage = require "stage"

local publish = stage.publish

describe("script/runtime", function()
  local files, r

  local function start(set, options) r = stage.start(files, set, options) end

  before_each(function() files = folder() end)
  after_each(function() files:delete() r = nil collectgarbage() collectgarbage() end)

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
        "every: this channel has no method `x` for a timer to call", "channel() works while the file loads, not in a hook",
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
end)
