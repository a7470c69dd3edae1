local halls = require "hall"

for _, workers in ipairs { 1, 3 } do
  describe("a channel that is summed up, with " .. workers .. " workers,", function()
    local hall

    local function rollup(change)
      local rule = { into = "dash:{host}", every = 100, by = "name", of = "value", stats = { "count", "avg" }, keep = { "public" } }
      for name, value in pairs(change or {}) do rule[name] = value end
      return rule
    end

    local function types(change, dash)
      dash = dash or {}
      dash.pattern = "dash:{host}"
      return { { pattern = "metrics:{host}", rollup = rollup(change) }, dash }
    end

    local function open(options, change, dash)
      options.workers, options.types = workers, types(change, dash)
      hall = halls.open(options)
    end

    local function says(host, name, value, more)
      hall:wish(0, { kind = "publish", channel = "metrics:" .. host,
        data = ('{"name":"%s","value":%s%s}'):format(name, value, more or "") })
    end

    local function dash(count, data)
      return halls.house("dash:" .. count, data)
    end

    after_each(function() hall:finish() end)

    it("is told at the end of a stretch, each value by itself, in another channel", function()
      open {}
      local ann = hall:join("ann", workers - 1):joins("dash:web1", "metrics:web1")
      says("web1", "cpu", 1)
      says("web1", "mem", 5, ',"public":true')
      says("web1", "cpu", 4)
      assert.equal(3, #ann:hears())
      hall:wait(150)
      assert.same({ dash("web1", '{"name":"cpu","count":2,"avg":2.5}'),
        dash("web1", '{"name":"mem","count":1,"avg":5,"public":true}') }, ann:hears())
      hall:wait(150)
      assert.same({}, ann:hears())
      says("web1", "cpu", 7)
      hall:wait(150)
      assert.equal(dash("web1", '{"name":"cpu","count":1,"avg":7}'), ann:hears()[2])
    end)

    it("keeps hosts apart, and hears clients as well as the house", function()
      open {}
      local ann, ben = hall:join("ann", workers - 1):joins "dash:a", hall:join("ben"):joins "dash:b"
      ann:publishes("metrics:a", '{"name":"cpu","value":1}')
      says("b", "cpu", 9)
      hall:turn()
      hall:wait(150)
      assert.same({ dash("a", '{"name":"cpu","count":1,"avg":1}') }, ann:hears())
      assert.same({ dash("b", '{"name":"cpu","count":1,"avg":9}') }, ben:hears())
    end)

    it("lives until it has told, though nobody listens to it", function()
      open({ linger_ms = 10 }, { every = 200 })
      local ann = hall:join "ann":joins "dash:a"
      says("a", "cpu", 1)
      hall:turn()
      hall:wait(100)
      says("a", "cpu", 3)
      hall:turn()
      hall:wait(150)
      assert.same({ dash("a", '{"name":"cpu","count":2,"avg":2}') }, ann:hears())
      local before = hall:stat "CHANNELS"
      hall:wait(400)
      hall:turn()
      assert.equal(before - 1, hall:stat "CHANNELS")
    end)

    it("counts what it cannot sum up", function()
      open {}
      local ann = hall:join "ann":joins "dash:a"
      says("a", "cpu", "null")
      says("a", "cpu", '"1"')
      hall:turn()
      hall:wait(150)
      assert.same({}, ann:hears())
      assert.equal(2, hall:stat "ROLLUP_NO_NUMBER")
    end)

    it("goes on over a reload that leaves it as it is", function()
      open({}, { every = 200 })
      local ann = hall:join "ann":joins "dash:a"
      says("a", "cpu", 1)
      hall:turn()
      hall:switch(types { every = 200 })
      says("a", "cpu", 2)
      assert.same({}, ann:hears())
      hall:wait(250)
      assert.same({ dash("a", '{"name":"cpu","count":2,"avg":1.5}') }, ann:hears())
    end)

    it("tells what there is when a reload sums up otherwise, and then goes on so", function()
      open({}, { every = 60000 })
      local ann = hall:join "ann":joins "dash:a"
      says("a", "cpu", 1)
      hall:turn()
      hall:switch(types { every = 100, stats = { "max" } })
      says("a", "cpu", 2)
      hall:turn()
      assert.same({ dash("a", '{"name":"cpu","count":1,"avg":1}') }, ann:hears())
      hall:wait(150)
      assert.same({ dash("a", '{"name":"cpu","max":2}') }, ann:hears())
    end)

    it("tells what there is when a reload does not sum up any more, and ends as others do", function()
      open({ linger_ms = 10 }, { every = 60000 })
      local ann = hall:join "ann":joins "dash:a"
      says("a", "cpu", 1)
      hall:turn()
      hall:switch { { pattern = "metrics:{host}" }, { pattern = "dash:{host}" } }
      says("a", "cpu", 2)
      hall:turn()
      assert.same({ dash("a", '{"name":"cpu","count":1,"avg":1}') }, ann:hears())
      hall:wait(100)
      hall:turn()
      assert.equal(1, hall:stat "CHANNELS")
    end)

    it("runs no hook of its own channel, and on_published of the other", function()
      open({}, nil, { hooks = { "published" } })
      hall:join "ann":joins "dash:a"
      says("a", "cpu", 1)
      hall:turn()
      hall:wait(150)
      hall:turn()
      assert.same({ "published dash:a" }, hall:heard "published")
    end)
  end)
end
