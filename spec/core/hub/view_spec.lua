local halls = require "hall"

local VIEWS = {
  { name = "ops", when = "role.ops" },
  { name = "own", when = "user.id == params.owner", where = "msg.owner == params.owner", drop = { "cost" } },
  { name = "public", when = "user", where = "msg.public", drop = { "cost", "by.mail" } },
}

local function data_of(lines)
  local list = {}
  for _, line in ipairs(lines) do list[#list + 1] = line:match '"pub":{"data":(.-)}}}$' end
  return list
end

describe("a view", function()
  local hall

  local function open(options)
    hall = halls.open(options or { types = { { pattern = "c:{owner}", views = VIEWS } } })
  end

  after_each(function() hall:finish() end)

  it("is the first whose rule holds", function()
    open()
    local ops = hall:join("ann", 0, { roles = "ops" }):joins "c:ann"
    local own, other = hall:join "ann":joins "c:ann", hall:join "ben":joins "c:ann"
    local house = hall:join "house"
    house:mutters '{"id":8,"publish":{"channel":"c:ann","data":{"n":1,"cost":2,"public":true}}}'
    house:mutters '{"id":8,"publish":{"channel":"c:ann","data":{"n":2,"c\\u006fst":2,"owner":"ann"}}}'
    house:hears()
    local function heard(talk)
      local list = {}
      for _, line in ipairs(talk:takes()) do list[#list + 1] = line:match '"data":({.-}),"info"' end
      return list
    end
    assert.same({ '{"n":1,"cost":2,"public":true}', '{"n":2,"c\\u006fst":2,"owner":"ann"}' }, heard(ops))
    assert.same({ '{"n":2,"owner":"ann"}' }, heard(own))
    assert.same({ '{"n":1,"public":true}' }, heard(other))
  end)

  it("is everybody's where there is none", function()
    open { types = { { pattern = "c" } } }
    local ann = hall:join "ann":joins "c"
    assert.same({ halls.house("c", '{"cost":1}') }, (function()
      hall:wish(0, { kind = "publish", channel = "c", data = '{"cost":1}' })
      return ann:hears()
    end)())
  end)

  it("is wanted: who has none is refused, and told how each came out in dev mode alone", function()
    open()
    local nobody = hall:talk()
    nobody:says '{"id":1,"connect":{}}'
    local reply = nobody:says '{"id":2,"subscribe":{"channel":"c:ann"}}'
    assert.equal('{"id":2,"error":{"code":103,"message":"permission denied, no view is for you: ops: role.ops -> false; ' ..
      [[own: user.id == params.owner -> \"\" == \"ann\" -> false; public: user -> false (rules.lua:7)"}}]], reply[1])
    assert.is_nil(hall:channel "c:ann", "strangers make nothing live")
    assert.equal(1, hall:stat "REFUSED_RULE")
    hall:finish()
    open { types = { { pattern = "c:{owner}", views = { VIEWS[1] } } }, is_dev = false }
    local ben = hall:talk()
    ben:says '{"id":1,"connect":{}}'
    assert.same({ '{"id":2,"error":{"code":103,"message":"permission denied"}}' },
      ben:says '{"id":2,"subscribe":{"channel":"c:x"}}')
  end)

  it("hides the paths it drops, in what the house says too", function()
    open()
    local ben = hall:join "ben":joins "c:ann"
    hall:wish(0, { kind = "publish", channel = "c:ann", data = '{"public":1,"by":{"mail":"m","name":"n"},"cost":1}' })
    assert.same({ '{"public":1,"by":{"name":"n"}}' }, data_of(ben:hears()))
    hall:wish(0, { kind = "publish", channel = "c:ann", data = '"no object"' })
    assert.same({}, ben:hears())
  end)
end)
