local room = require "room.runtime"
local folder = require "folder"
local stage = require "stage"

local publish = stage.publish

describe("script/runtime", function()
  local files, r

  local function load(set) stage.load(r, files, set) end
  local function start(set, options) r = stage.start(files, set, options) end

  before_each(function() files = folder() end)
  after_each(function() files:delete() r = nil collectgarbage() collectgarbage() end)

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
end)
