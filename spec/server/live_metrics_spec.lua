-- The live metrics of the scripting page, as they stand there: sums a second, a view for each role, filters, an alert on
-- the edge, and no Lua where agents speak.
local cjson = require "cjson"
local http = require "http"
local server = require "server"
local talk = require "talk"

local RULES = [[
channel("metrics:{host}", {
  publish = "role.agent", subscribe = "role.ops",
  schema  = shape { name = "string 1..64", value = "number", public = "boolean?", cost = "number?" },
  rollup  = { into = "dash:{host}", every = "1s", by = "name", of = "value",
              stats = { "count", "min", "max", "avg", "p95" }, keep = { "public", "cost" } },
})

local dash = channel("dash:{host}", {
  latest = "name", filter = { "name" },
  views  = { { "ops",      when = "role.ops" },
             { "customer", when = "user", where = "msg.public", drop = { "cost", "p95" } } },
})

function dash:on_published(msg)
  if msg.name ~= "cpu" then return end
  local high = msg.avg > 90
  if high ~= (self.state.high or false) then
    self.state.high = high
    publish("alerts", { host = self.params.host, metric = "cpu", firing = high, avg = msg.avg })
  end
end

channel("alerts", { subscribe = "role.ops", history = 100 })
]]

for _, workers in ipairs { "1", "3" } do
  describe("live metrics, with " .. workers .. " workers,", function()
    local it_runs

    lazy_setup(function()
      it_runs = server.start { command = "dev", scripts = { ["metrics.lua"] = RULES }, args = { "--workers", workers } }
    end)
    lazy_teardown(function() it_runs:stop() end)
    after_each(function()
      talk.close_all()
      assert.is_nil(it_runs:exit_status())
    end)

    local function comes(name, roles)
      return talk.to(it_runs, { as = name, roles = roles }):connect()
    end

    -- All in one message: they are of one second, however slow the machine.
    local function measure_all(agent, host, ...)
      local lines = {}
      for n, reading in ipairs { ... } do
        lines[n] = cjson.encode { id = agent:next_id(), publish = { channel = "metrics:" .. host, data = reading } }
      end
      agent:say(table.concat(lines, "\n"))
    end

    local function measures(agent, host, name, value, more)
      local reading = { name = name, value = value }
      for key, what in pairs(more or {}) do reading[key] = what end
      measure_all(agent, host, reading)
    end

    local function alert(host, firing, avg)
      return { host = host, metric = "cpu", firing = firing, avg = avg }
    end

    it("sums up each name of a second, and shows each role what is its own", function()
      local agent, ops, ann = comes("web1", "agent"), comes("olga", "ops"), comes "ann"
      ops:join "dash:a"
      ann:join "dash:a"
      local readings = {}
      for value = 1, 20 do readings[value] = { name = "load", value = value, public = true, cost = 0.5 } end
      measure_all(agent, "a", { name = "disk", value = 7 }, table.unpack(readings))
      ops:hears("dash:a", { name = "disk", count = 1, min = 7, max = 7, avg = 7, p95 = 7 })
      ops:hears("dash:a", { name = "load", count = 20, min = 1, max = 20, avg = 10.5, p95 = 19, public = true, cost = 0.5 })
      ann:hears("dash:a", { name = "load", count = 20, min = 1, max = 20, avg = 10.5, public = true })
      ann:hears_nothing "dash:a"
    end)

    it("gives who comes later the last of each name that it may see", function()
      local agent, ops = comes("web1", "agent"), comes("olga", "ops"):join "dash:b"
      measure_all(agent, "b", { name = "load", value = 1, public = true }, { name = "disk", value = 2 })
      ops:listen "dash:b"
      ops:listen "dash:b"
      local given = comes "ann":ask { subscribe = { channel = "dash:b" } }.subscribe.publications
      assert.same({ 1, "load" }, { #given, given[1].data.name })
    end)

    it("lets a screen choose a name", function()
      local agent, ann = comes("web1", "agent"), comes "ann"
      ann:ask { subscribe = { channel = "dash:c", data = { filter = { name = "disk" } } } }
      measures(agent, "c", "load", 1, { public = true })
      measures(agent, "c", "disk", 2, { public = true })
      assert.equal("disk", ann:listen "dash:c".name)
      ann:hears_nothing "dash:c"
    end)

    it("alerts on the edge alone", function()
      local agent, ops = comes("web1", "agent"), comes("olga", "ops"):join "alerts":join "dash:d"
      for _, value in ipairs { 95, 99, 50 } do
        measures(agent, "d", "cpu", value)
        assert.equal(value, ops:listen "dash:d".avg)
      end
      ops:hears("alerts", alert("d", true, 95))
      ops:hears("alerts", alert("d", false, 50))
      ops:hears_nothing "alerts"
    end)

    it("enters Lua for the sums alone, never where agents speak", function()
      local agent, ops = comes("web1", "agent"), comes("olga", "ops"):join "dash:e"
      local before = http.metric(it_runs, "weir_hooks_run_total")
      for value = 1, 500 do measures(agent, "e", "cpu", value % 50) end
      local heard = 0
      while heard < 500 do heard = heard + ops:listen("dash:e").count end
      local ran = http.metric(it_runs, "weir_hooks_run_total") - before
      assert.truthy(ran >= 1 and ran <= 50, ran)
    end)

    it("refuses what is no reading, and who is no agent", function()
      local agent, ann = comes("web1", "agent"), comes "ann"
      local code, why = agent:refused { publish = { channel = "metrics:a", data = { name = "cpu", value = "much" } } }
      assert.equal(400, code)
      assert.truthy(why:find "/value", why)
      assert.equal(103, (ann:refused { publish = { channel = "metrics:a", data = { name = "cpu", value = 1 } } }))
      for _, channel in ipairs { "metrics:a", "alerts" } do
        assert.equal(103, (ann:refused { subscribe = { channel = channel } }))
      end
      assert.equal(103, (talk.to(it_runs):connect():refused { subscribe = { channel = "dash:a" } }))
    end)
  end)
end
