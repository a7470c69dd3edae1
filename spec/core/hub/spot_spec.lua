local halls = require "hall"

local function types(filter) return { { pattern = "c", filter = filter, latest = 60000, latest_key = "k",
  views = { { name = "ops", when = "role.ops" }, { name = "all", when = "user", drop = { "cost" } } } } } end

for _, workers in ipairs { 1, 3 } do
  describe("a subscriber with a filter, with " .. workers .. " workers,", function()
    local hall

    before_each(function() hall = halls.open { workers = workers, types = types { "name", "cost" } } end)
    after_each(function() hall:finish() end)

    local function say(...)
      for _, data in ipairs { ... } do hall:wish(0, { kind = "publish", channel = "c", data = data }) end
      hall:turn()
    end

    local function subscribe(talk, more)
      return talk:says(('{"id":9,"subscribe":{"channel":"c"%s}}'):format(more))[1]
    end

    local function join(name, more, visit)
      local talk = hall:join(name, workers - 1, visit)
      assert.equal('{"id":9,"subscribe":{}}', subscribe(talk, more))
      return talk
    end

    local function heard(talk)
      local list = {}
      for _, line in ipairs(talk:takes()) do list[#list + 1] = line:match '"pub":{"data":(.-)}}}$' or line end
      return list
    end

    it("hears what passes, wherever it says so", function()
      local all = join("a", "")
      local some = { join("b", ',"filter":{"name":"cpu"}'), join("c", ',"data":{"filter":{"name":"cpu"}}'),
        join("d", ',"tf":{"key":"name","cmp":"eq","val":"cpu"}') }
      say('{"name":"cpu"}', '{"name":"disk"}', '{"na\\u006de":"cp\\u0075"}')
      assert.equal(3, #heard(all))
      for _, one in ipairs(some) do assert.same({ '{"name":"cpu"}', '{"na\\u006de":"cp\\u0075"}' }, heard(one)) end
    end)

    it("learns nothing of what its view hides", function()
      local ann = join("ann", ',"filter":{"cost":{"gt":5}}')
      local ops = join("olga", ',"filter":{"cost":{"gt":5}}', { roles = "ops" })
      say('{"cost":9}', '{"cost":1}')
      assert.same({}, heard(ann))
      assert.same({ '{"cost":9}' }, heard(ops))
    end)

    it("shares the answer with all who ask the same, once a message", function()
      local talks = {}
      for i = 1, 40 do talks[i] = join("u" .. i, (',"filter":{"name":"n%d"}'):format(i % 8)) end
      say('{"name":"n3"}', '{"name":"n9"}')
      assert.equal(8 * 2, hall:stat "FILTERS_ASKED")
      assert.equal(5, hall:stat "MESSAGES_OUT")
      for i, talk in ipairs(talks) do assert.equal(i % 8 == 3 and 1 or 0, #heard(talk)) end
    end)

    it("is given of what was said last what passes", function()
      say('{"k":1,"name":"cpu"}', '{"k":2,"name":"disk"}')
      local ann = hall:join("ann", workers - 1)
      assert.equal('{"id":9,"subscribe":{"publications":[{"data":{"k":2,"name":"disk"}}]}}',
        subscribe(ann, ',"filter":{"name":"disk"}'))
    end)

    it("is refused with a wrong one, and where there is none", function()
      local ann = hall:join("ann", workers - 1)
      local function refusal(more) return subscribe(ann, more):match '"code":(%d+),"message":"(.*)"}}' end
      local code, why = refusal ',"filter":{"nme":1}'
      assert.same({ "107", 'bad request: filter: this channel cannot be filtered by that field: \\"nme\\"' }, { code, why })
      code, why = refusal ',"filter":{"name":1},"data":{"filter":{"name":2}}'
      assert.same({ "107", "bad request: one filter beside the data, or one in it" }, { code, why })
      assert.equal("107", (refusal ',"filter":{"name":1},"tf":{"key":"name","cmp":"ex"}'))
      assert.equal(2, hall:stat "REFUSED_FILTER")
      assert.is_nil(hall:channel "c", "strangers make nothing live")
      hall:switch(types())
      hall:turn()
      code, why = refusal ',"filter":{"name":1}'
      assert.same({ "107", "bad request: this channel has no `filter`" }, { code, why })
      assert.equal('{"id":9,"subscribe":{}}', subscribe(ann, ',"data":{"filter":1}'))
    end)

    it("keeps it over a reload, or is put out when the channel has that field no more", function()
      local ann, ben = join("ann", ',"filter":{"name":"cpu"}'), join("ben", ',"filter":{"cost":null}')
      hall:switch(types { "load", "name" })
      say('{"name":"cpu","load":1}', '{"name":"disk","load":"cpu"}')
      assert.same({ '{"name":"cpu","load":1}' }, heard(ann))
      assert.matches('"unsubscribe":{"code":2500,"reason":"the channel has no view or filter', heard(ben)[1])
      hall:switch(types { "name" })
      say('{"name":"cpu","load":2}', '{"name":"disk"}')
      assert.same({ '{"name":"cpu","load":2}' }, heard(ann))
      assert.same({}, heard(ben))
      assert.equal(1, hall:stat "SUBSCRIPTIONS")
    end)
  end)
end

describe("filters", function()
  local hall
  after_each(function() hall:finish() end)

  local function join(name, filter)
    local talk = hall:join(name)
    assert.equal('{"id":9,"subscribe":{}}', talk:says(('{"id":9,"subscribe":{"channel":"c","filter":%s}}'):format(filter))[1])
    return talk
  end

  it("choose from a batch what passes: all of it is the frame of the others", function()
    hall = halls.open { types = { { pattern = "c", filter = { "n" }, batch = 3, batch_ms = 10000 } } }
    local all, two, none = join("a", "{}"), join("b", '{"n":[1,3]}'), join("c", '{"n":9}')
    for n = 1, 3 do hall:wish(0, { kind = "publish", channel = "c", data = ('{"n":%d}'):format(n) }) end
    hall:turn()
    local function numbers(talk)
      local list = {}
      for _, line in ipairs(talk:takes()) do list[#list + 1] = tonumber(line:match '"n":(%d)') end
      return list
    end
    assert.same({ 1, 2, 3 }, numbers(all))
    assert.same({ 1, 3 }, numbers(two))
    assert.equal(1, two.frames)
    assert.same({}, numbers(none))
  end)

  it("are limited in number, channel by channel", function()
    hall = halls.open { types = { { pattern = "c", filter = { "n" } } }, queue_bytes = 1 << 20 }
    for i = 1, 4096 do join("u" .. i, ('{"n":%d}'):format(i)) end
    local last = hall:join "last"
    assert.equal('{"id":9,"error":{"code":106,"message":"limit exceeded"}}',
      last:says('{"id":9,"subscribe":{"channel":"c","filter":{"n":0}}}')[1])
    assert.equal(1, hall:stat "REFUSED_LIMIT")
    assert.equal('{"id":9,"subscribe":{}}', last:says('{"id":9,"subscribe":{"channel":"c","filter":{"n":5}}}')[1])
  end)
end)
