local halls = require "hall"

for _, workers in ipairs { 1, 3 } do
  describe("what a channel said last, with " .. workers .. " workers,", function()
    local hall

    local function open(of, options)
      options = options or {}
      of.pattern, of.latest = of.pattern or "c", of.latest or 3600000
      options.types, options.workers = { of }, workers
      hall = halls.open(options)
      return hall
    end

    local function say(...)
      for _, data in ipairs { ... } do hall:wish(0, { kind = "publish", channel = "c", data = data }) end
      hall:turn()
    end

    -- What the reply to a subscribe brings.
    local function given(name, visit)
      local talk = hall:join(name or "ann", workers - 1, visit)
      local reply = talk:says '{"id":9,"subscribe":{"channel":"c"}}'
      assert.equal(1, #reply, table.concat(reply, " "))
      return reply[1]:match '^{"id":9,"subscribe":({.*})}$', talk
    end

    after_each(function() hall:finish() end)

    it("is given to who comes, in the reply, and then what is said from now on", function()
      open {}
      assert.equal("{}", (given()))
      say("1", "2")
      local answer, ann = given "ben"
      assert.equal('{"publications":[{"data":2}]}', answer)
      say "3"
      assert.same({ halls.house("c", "3") }, ann:takes())
    end)

    it("is kept per key, the one said last comes last", function()
      open { latest_key = "of.name" }
      say('{"of":{"name":"a"},"n":1}', '{"of":{"name":"b"},"n":1}', '{"n":0}', '{"of":{"name":"a"},"n":2}', "7")
      assert.equal('{"publications":[{"data":{"of":{"name":"b"},"n":1}},{"data":{"of":{"name":"a"},"n":2}},{"data":7}]}', (given()))
    end)

    it("tells who said it, and its offset", function()
      open { history = 5 }
      local ben = hall:join "ben"
      ben:publishes("c", "1")
      assert.equal(('{"publications":[{"data":1,"info":{"user":"ben","client":"%s"},"offset":1}]}'):format(ben.id), (given()))
    end)

    it("comes beside the data of on_subscribe", function()
      open({ hooks = { "subscribe" } }, { on = { subscribe = { verdict = "replace", out = "5" } } })
      say "1"
      assert.equal('{"data":5,"publications":[{"data":1}]}', (given()))
    end)

    it("is given through a view", function()
      open { latest_key = "n", views = { { name = "ops", when = "role.ops" },
        { name = "all", when = "user", where = "msg.public", drop = { "cost" } } } }
      say('{"n":1,"public":true,"cost":1}', '{"n":2,"cost":1}', '{"n":3,"public":true}', '{"n":3}')
      assert.equal('{"publications":[{"data":{"n":1,"public":true}}]}', (given()))
      assert.equal('{"publications":[{"data":{"n":1,"public":true,"cost":1}},{"data":{"n":2,"cost":1}},{"data":{"n":3}}]}',
        (given("olga", { roles = "ops" })))
    end)

    it("is there for who comes later: it keeps the channel, as long as it is kept", function()
      open({ latest = 150 }, { linger_ms = 10 })
      say "1"
      hall:wait(80)
      assert.equal('{"publications":[{"data":1}]}', (given()))
      hall:wait(120)
      assert.equal("{}", (given "ben"))
    end)

    it("gives way beyond so many keys, the one that was quiet for longest first", function()
      open({ latest_key = "k" }, { queue_bytes = 1 << 20 })
      for i = 1, 1030 do say(('{"k":%d}'):format(i)) end
      say '{"k":7}'
      local answer = given()
      local _, count = answer:gsub('"k":', "")
      assert.equal(1024, count)
      assert.equal(6, hall:stat "LATEST_FORGOTTEN")
      assert.is_nil(answer:find('{"k":6}', 1, true))
      assert.truthy(answer:find('{"k":7}', 1, true))
      assert.truthy(answer:find('{"k":8}', 1, true))
    end)

    it("gives way beyond a quarter of what may wait for a reader, and is never less than the newest", function()
      open({ latest_key = "k" }, { queue_bytes = 8000 })
      for i = 1, 5 do say(('{"k":%d,"pad":"%s"}'):format(i, ("x"):rep(800))) end
      local answer = given()
      local _, count = answer:gsub('"k":', "")
      assert.equal(1, count)
      say(('{"k":6,"pad":"%s"}'):format(("x"):rep(4000)))
      assert.truthy(given("ben"):find('{"k":6', 1, true))
    end)

    it("is forgotten by a reload that does not want it, or finds other keys", function()
      local kind = { pattern = "c", latest = 60000, latest_key = "k" }
      open(kind)
      say '{"k":1,"j":2}'
      hall:switch { kind }
      hall:turn()
      assert.equal('{"publications":[{"data":{"k":1,"j":2}}]}', (given()))
      hall:switch { { pattern = "c", latest = 60000, latest_key = "j" } }
      hall:turn()
      assert.equal("{}", (given "ben"))
      say '{"j":3}'
      hall:switch { { pattern = "c" } }
      hall:turn()
      hall:switch { kind }
      hall:turn()
      assert.equal("{}", (given "eve"))
    end)
  end)
end
