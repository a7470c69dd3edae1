-- Views with a hook: each is asked once a message, whoever hears it, and whenever.
local halls = require "hall"

for _, workers in ipairs { 1, 3 } do
  describe("a view with a hook, with " .. workers .. " worker(s)", function()
    local hall, asked

    after_each(function() hall:finish() end)

    -- The answer is a function of the message: what is shown, nil or an error.
    local function open(answer, more)
      asked = {}
      local type = { pattern = "c", hooks = { "view" }, views = {
        { name = "ops", when = "role.ops" },
        { name = "named", when = "user", hook = true, drop = { "cost" } },
        { name = "rest", hook = true },
      } }
      for name, value in pairs(more or {}) do type[name] = value end
      hall = halls.open { workers = workers, types = { type }, on = {
        view = function(event)
          asked[#asked + 1] = event.method .. " " .. event.data
          return answer(event)
        end,
      } }
    end

    local function replace(event)
      return { verdict = "replace", out = ('{"%s":%s,"cost":1}'):format(event.method, event.data) }
    end

    local function say(...)
      for _, data in ipairs { ... } do
        hall:wish(0, { kind = "publish", channel = "c", data = data })
      end
      hall:turn()
    end

    local function heard(talk)
      local list = {}
      for _, line in ipairs(talk:takes()) do list[#list + 1] = line:match '"pub":{"data":(.-)}}}$' end
      return list
    end

    local function given(talk)
      local list = {}
      local reply = talk:says '{"id":9,"subscribe":{"channel":"c"}}'
      for data in (reply[#reply]:match '"publications":%[(.*)%]' or ""):gmatch '{"data":(%b{})' do list[#list + 1] = data end
      return list
    end

    it("makes no more of what was said last than the channel keeps", function()
      local pad = ("x"):rep(100000)
      open(function(event) return { verdict = "replace", out = ('{"m":%s,"pad":"%s"}'):format(event.data, pad) } end,
        { latest = 60000, latest_key = "k" })
      for k = 1, 20 do say(('{"k":%d}'):format(k)) end
      local list = given(hall:join "ann")
      assert.equal(2, #list)
      assert.truthy(list[2]:find '"k":20')
      assert.equal(3, #asked)
      assert.equal(18, hall:stat "LATEST_FORGOTTEN")
    end)

    it("shows what it returns, through its mask, and is asked once for all who have it", function()
      open(replace)
      local crowd = {}
      for i = 1, 10 do crowd[i] = hall:join("ann" .. i, i % workers):joins "c" end
      local ops = hall:join("olga", 0, { roles = "ops" }):joins "c"
      say("1", "2")
      for _, talk in ipairs(crowd) do assert.same({ '{"named":1}', '{"named":2}' }, heard(talk)) end
      assert.same({ "1", "2" }, heard(ops))
      assert.same({ "named 1", "named 2" }, asked)
    end)

    it("shows the message as it is, through its mask, where it says so", function()
      open(function() return { verdict = "accept" } end)
      local ann = hall:join("ann"):joins "c"
      say '{"n":1,"cost":2}'
      assert.same({ '{"n":1}' }, heard(ann))
    end)

    it("does not show what it does not want, nor where it fails", function()
      open(function(event)
        return event.data == "1" and { verdict = "drop" } or event.data == "2" and { verdict = "refuse", code = 500 } or replace(event)
      end)
      local ann, ops = hall:join("ann"):joins "c", hall:join("olga", 0, { roles = "ops" }):joins "c"
      say("1", "2", "3")
      assert.same({ '{"named":3}' }, heard(ann))
      assert.same({ "1", "2", "3" }, heard(ops))
    end)

    it("is not asked where nobody has it", function()
      open(replace)
      local ops = hall:join("olga", 0, { roles = "ops" }):joins "c"
      say "1"
      assert.same({ "1" }, heard(ops))
      assert.same({}, asked)
    end)

    it("is asked once also for what is given to all who come later", function()
      open(replace, { latest = 60000 })
      say "1"
      assert.same({}, asked)
      assert.same({ '{"named":1}' }, given(hall:join "ann"))
      assert.same({ '{"named":1}' }, given(hall:join("ben", workers - 1)))
      assert.same({ '{"rest":1,"cost":1}' }, given(hall:join ""))
      assert.same({ "named 1", "rest 1" }, asked)
      say "2"
      assert.same({ '{"named":2}' }, given(hall:join "carl"))
      assert.same({ "named 1", "rest 1", "named 2", "rest 2" }, asked)
    end)

    it("is asked when it is said, not when what is held goes out: nothing takes the place of what it shows", function()
      open(function(event) return event.data == "2" and { verdict = "drop" } or replace(event) end, { conflate = 100 })
      local ann = hall:join("ann"):joins "c"
      say "0"
      say("1", "2")
      assert.same({ '{"named":0}' }, heard(ann))
      hall:wait(150)
      assert.same({ '{"named":1}' }, heard(ann))
      assert.same({ "named 0", "named 1", "named 2" }, asked)
    end)

    it("shows after a reload what was said before it as it was said, and asks anew for who comes", function()
      open(replace, { batch = 10, batch_ms = 1000, latest = 60000 })
      local ann = hall:join("ann"):joins "c"
      say "1"
      hall:switch { { pattern = "c", hooks = { "view" }, latest = 60000, views = { { name = "all", hook = true } } } }
      hall:turn()
      assert.same({ '{"named":1}' }, heard(ann))
      assert.same({ '{"all":1,"cost":1}' }, given(hall:join "ben"))
      assert.same({ "named 1", "all 1" }, asked)
    end)

    it("is what filters see", function()
      open(replace, { filter = { "named" } })
      local ann = hall:join "ann"
      ann:says '{"id":9,"subscribe":{"channel":"c","filter":{"named":["1","3"]}}}'
      say("1", "2", "3")
      assert.same({ '{"named":1}', '{"named":3}' }, heard(ann))
    end)
  end)
end
