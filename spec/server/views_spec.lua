-- Views: who gets which messages of a channel, and what of them, on every way out.
local http = require "http"
local server = require "server"
local stream = require "stream"
local talk = require "talk"

local VIEWS = [[views = {
  { "ops", when = "role.ops" },
  { "customer", when = "user", where = "msg.public", drop = { "cost", "items.cost" } },
} })
]]
local KINDS = {
  live = "", batch = [[batch = { size = 4, delay = "40ms" },]], conflate = [[conflate = { every = "40ms", key = "n" },]],
  slow = [[slow = "conflate", conflate = { key = "n" },]], drop = [[slow = "drop_oldest",]], history = "history = 10,",
}
local rules = {}
for name, option in pairs(KINDS) do
  rules[#rules + 1] = ([[channel("%s:{n}", { subscribe = "anyone", publish = "anyone", %s ]]):format(name, option) .. VIEWS
end
local RULES = table.concat(rules)

local DIALECTS = {
  plain = { to = talk.to },
  deflated = { to = talk.to, options = { deflate = "permessage-deflate" } },
  events = { to = stream.to },
}

-- What is said: a secret in every place and spelling, and what a customer has of it.
local SAID = {
  { '{"n":1,"public":true,"cost":"SECRET","items":[{"id":1,"cost":"SECRET"}],"pad":"%s"}', '{"n":1,"public":true,"items":[{"id":1}]}' },
  { '{"n":2,"cost":"SECRET"}' },
  { [[{"n":3,"public":1,"\u0063ost":"SECRET","cos\u0074":{"x":["SECRET"]},"cost":1,"pad":"%s"}]], '{"n":3,"public":1}' },
  { [[{"n":4,"pub\u006cic":"yes","i\u0074ems":[ [{"c\u006Fst":"SECRET","id":2}],"x"],"pad":"%s"}]],
    [[{"n":4,"pub\u006cic":"yes","i\u0074ems":]] .. '[[{"id":2}],"x"]}' },
  { '"SECRET"' },
  { '["SECRET"]' },
  { '{"n":5,"public":true,"last":true}', '{"n":5,"public":true,"last":true}' },
}
local PAD = ("pad "):rep(50)

local function is_last(message)
  return message.push and message.push.pub and type(message.push.pub.data) == "table" and message.push.pub.data.last
end

for _, workers in ipairs { "1", "3" } do
  describe("views with " .. workers .. " workers", function()
    local it_runs

    lazy_setup(function()
      it_runs = server.start { command = "dev", scripts = { ["a.lua"] = RULES },
        args = { "--workers", workers, "--ping-ms", "60000", "--deflate", "--deflate-min", "64" } }
    end)
    lazy_teardown(function() it_runs:stop() end)
    after_each(function()
      talk.close_all()
      stream.close_all()
      assert.is_nil(it_runs:exit_status())
    end)

    for kind in pairs(KINDS) do
      for name, dialect in pairs(DIALECTS) do
        it(("hold for what goes out %s, %s: no byte that is hidden is sent"):format(kind, name), function()
          local channel = ("%s:%s"):format(kind, name)
          local function join(as, roles)
            local options = { as = as, roles = roles }
            for key, value in pairs(dialect.options or {}) do options[key] = value end
            return dialect.to(it_runs, options):connect():join(channel)
          end
          local ops, customer = join("olga", "ops"), join "carl"
          local hooks = http.metric(it_runs, "weir_hooks_run_total")
          local house = talk.to(it_runs, { as = "house" }):connect()
          for _, said in ipairs(SAID) do house:says_raw(channel, (said[1]:gsub("%%s", PAD))) end
          assert(customer:wait(is_last, "the last one"))
          assert(ops:wait(is_last, "the last one"))
          local got = {}
          for _, heard in ipairs(customer.heard) do
            assert.is_nil(heard.text:find("SECRET", 1, true), heard.text)
            got[#got + 1] = heard.text:match '"data":(.*),"info"'
          end
          local expected = {}
          for _, said in ipairs(SAID) do expected[#expected + 1] = said[2] end
          for i, one in ipairs(expected) do
            assert.equal(one, (got[i]:gsub(',"pad":"[pad ]*"', "")))
          end
          assert.equal(#expected, #got)
          local secrets = 0
          for _, heard in ipairs(ops.heard) do
            if heard.text:find("SECRET", 1, true) then secrets = secrets + 1 end
          end
          assert.truthy(secrets >= 4, "the others have it all")
          assert.equal(hooks, http.metric(it_runs, "weir_hooks_run_total"), "Lua was not entered")
        end)
      end
    end

    it("refuse who has none, with every rule's outcome in dev mode", function()
      local nobody = talk.to(it_runs):connect()
      local code, why = nobody:refused { subscribe = { channel = "live:x" } }
      assert.equal(103, code)
      assert.matches("permission denied, no view is for you: ops: role.ops -> false; customer: user -> false (a.lua:", why, 1, true)
    end)
  end)
end

describe("views after a reload", function()
  local it_runs, generation

  local function rule(views)
    return ([[channel("c:{n}", { subscribe = "anyone", publish = "anyone", views = { %s } })]]):format(views)
  end

  local function save(views)
    generation = generation + 1
    it_runs:write("a.lua", rule(views))
    it_runs:wait_log("event=reload generation=" .. generation)
  end

  before_each(function()
    generation = 1
    it_runs = server.start { command = "dev", args = { "--workers", "2", "--ping-ms", "60000" },
      scripts = { ["a.lua"] = rule [[{ "ops", when = "role.ops" }, { "all", when = "user", drop = { "a" } }]] } }
  end)
  after_each(function()
    talk.close_all()
    it_runs:stop()
  end)

  it("hide what they hide now, for those who are in the channel already", function()
    local ops = talk.to(it_runs, { as = "o", roles = "ops" }):connect():join "c:1"
    local ann = talk.to(it_runs, { as = "ann" }):connect():join "c:1"
    ann:says("c:1", { a = 1, b = 2 }):hears("c:1", { b = 2 })
    ops:hears("c:1", { a = 1, b = 2 })
    save [[{ "ops", when = "role.ops", keep = { "a" } }, { "all", when = "user", drop = { "b" } }]]
    ann:says("c:1", { a = 1, b = 2 }):hears("c:1", { a = 1 })
    ops:hears("c:1", { a = 1 })
    save [[{ "ann", when = "user.id == 'ann'" }]]
    ann:says("c:1", { a = 1, b = 2 }):hears("c:1", { a = 1, b = 2 })
    local code, why = ops:thrown_out "c:1"
    assert.equal(2500, code)
    assert.matches("no view", why)
    assert.equal(103, (ops:refused { subscribe = { channel = "c:1" } }))
  end)
end)
