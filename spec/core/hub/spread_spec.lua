local halls = require "hall"

local VIEWS = { { name = "ops", when = "role.ops" }, { name = "all", when = "user", where = "msg.public", drop = { "cost" } } }

describe("spreading what was published", function()
  local hall, ops, ann, ben

  local function open(of)
    of.pattern, of.views = "c", VIEWS
    hall = halls.open { types = { of } }
    ops = hall:join("olga", 0, { roles = "ops" }):joins "c"
    ann, ben = hall:join "ann":joins "c", hall:join "ben":joins "c"
  end

  after_each(function() hall:finish() end)

  local function say(...)
    for _, data in ipairs { ... } do hall:wish(0, { kind = "publish", channel = "c", data = data }) end
    hall:turn()
  end

  local function heard(talk)
    local list = {}
    for _, line in ipairs(talk:takes()) do list[#list + 1] = line:match '"pub":{"data":(.-)}}}$' end
    return list
  end

  it("makes what a view shows once a message, however many have it", function()
    open {}
    say('{"public":true,"cost":1}', '{"public":false,"cost":2}')
    assert.equal(3, hall:stat "VIEWS_MADE")
    assert.equal(2 + 1 + 1, hall:stat "MESSAGES_OUT")
    assert.same({ '{"public":true,"cost":1}', '{"public":false,"cost":2}' }, heard(ops))
    for _, talk in ipairs { ann, ben } do assert.same({ '{"public":true}' }, heard(talk)) end
  end)

  it("makes nothing for a view that nobody has", function()
    open {}
    ops:leaves()
    say '{"public":true}'
    assert.equal(1, hall:stat "VIEWS_MADE")
  end)

  it("cuts every message of a batch, and leaves out those that a view does not have", function()
    open { batch = 3, batch_ms = 10000 }
    say('{"public":1,"cost":1}', '{"cost":2}', '{"public":3,"cost":3}')
    assert.equal(3, #heard(ops))
    assert.equal(1, ops.frames)
    assert.same({ '{"public":1}', '{"public":3}' }, heard(ann))
    say('{"cost":1}', '{"cost":2}', '{"cost":3}')
    assert.same({}, ann:takes())
  end)

  it("lets a message replace no other in a view that does not have it", function()
    open { conflate = 60, key = "key" }
    say('{"key":0,"public":true}', '{"key":1,"public":true,"n":1,"cost":1}', '{"key":1,"n":2}',
      '{"key":1,"public":true,"n":3,"cost":1}', '{"key":1,"n":4}')
    hall:wait(100)
    assert.same({ '{"key":0,"public":true}', '{"key":1,"public":true,"n":3}' }, heard(ann))
    assert.same({ '{"key":0,"public":true}', '{"key":1,"public":true,"n":3,"cost":1}', '{"key":1,"n":4}' }, heard(ops))
  end)

  it("ends with the newest of a key, also for a view that has more of them than others", function()
    open { conflate = 60, key = "key" }
    say('{"key":0,"public":true}', '{"key":1,"public":true,"n":1}', '{"key":1,"n":2}', '{"key":1,"public":true,"n":3}')
    hall:wait(100)
    assert.same({ '{"key":0,"public":true}', '{"key":1,"n":2}', '{"key":1,"public":true,"n":3}' }, heard(ops))
  end)
end)
