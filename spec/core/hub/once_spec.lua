-- Commands that are done once, however often they are sent.
local halls = require "hall"

for _, workers in ipairs { 1, 3 } do
  describe("what a channel does once, with " .. workers .. " worker(s)", function()
    local hall, answers

    before_each(function() answers = {} end)
    after_each(function() hall:finish() end)

    local function answer() return table.remove(answers, 1) or { verdict = "accept" } end

    local function open(more)
      local channel = { pattern = "a", once = "id", hooks = { "publish", "call" } }
      for name, value in pairs(more or {}) do channel[name] = value end
      hall = halls.open { workers = workers, linger_ms = 20, types = { channel }, on = { publish = answer, call = answer } }
      return hall:join("alice", workers - 1)
    end

    local function last(lines) return lines[#lines] end
    local function publishes(talk, data) return last(talk:publishes("a", data)) end
    local function calls(talk, method, data)
      return last(talk:says(('{"id":8,"rpc":{"method":"a/%s","data":%s}}'):format(method, data)))
    end

    it("is published once, and answered again as the first time", function()
      local alice = open { history = 9 }:joins "a"
      local first = alice:publishes("a", '{"id":"x","n":1}')
      assert.equal(2, #first)
      assert.same({ first[2] }, alice:publishes("a", '{"id":"x","n":2}'))
      assert.equal(1, hall:stat "MESSAGES_IN")
      assert.equal(1, #hall:heard "^publish ")
      assert.equal(1, hall:stat "ONCE_REPEATED")
      assert.equal(2, #alice:publishes("a", '{"id":"y"}'))
    end)

    it("is called once, and answered again with what it returned", function()
      local alice = open()
      answers = { { out = '{"order":17}' }, { out = '{"order":18}' } }
      assert.equal('{"id":8,"rpc":{"data":{"order":17}}}', calls(alice, "buy", '{"id":1}'))
      assert.equal('{"id":8,"rpc":{"data":{"order":17}}}', calls(alice, "buy", '{"id":1}'))
      assert.equal('{"id":8,"rpc":{"data":{"order":18}}}', calls(alice, "buy", '{"id":2}'))
      assert.equal(2, #hall:heard "^call ")
    end)

    it("is refused again with the same words", function()
      local alice = open()
      answers = { { verdict = "refuse", code = 1001, text = "too late" } }
      local first = publishes(alice, '{"id":1}')
      assert.equal('{"id":8,"error":{"code":1001,"message":"too late"}}', first)
      assert.equal(first, publishes(alice, '{"id":1}'))
      assert.equal(1, #hall:heard "^publish ")
    end)

    it("is tried again where it failed", function()
      local alice = open()
      for _, code in ipairs { 500, 504 } do
        answers = { { verdict = "refuse", code = code, text = "failed" } }
        assert.matches('"code":' .. code, publishes(alice, '{"id":1}'))
      end
      assert.equal('{"id":8,"publish":{}}', publishes(alice, '{"id":1}'))
      assert.equal(3, #hall:heard "^publish ")
      assert.equal(0, hall:stat "ONCE_REPEATED")
    end)

    it("belongs to its user, its method, and its kind of command", function()
      local alice, bob = open(), hall:join("bob", 0)
      publishes(alice, '{"id":1}')
      publishes(bob, '{"id":1}')
      calls(alice, "buy", '{"id":1}')
      calls(alice, "sell", '{"id":1}')
      publishes(alice, '{"id":"1"}')
      assert.equal(1, hall:stat "ONCE_REPEATED") -- a number's text and a string's are one key
      publishes(hall:join("alice", 0), '{"id":1}')
      assert.equal(2, hall:stat "ONCE_REPEATED") -- from another connection, too
    end)

    it("takes who is nobody for whom it is connected as", function()
      local one, other = open() and hall:join("", 0), hall:join("", 0)
      publishes(one, '{"id":1}')
      publishes(other, '{"id":1}')
      assert.equal(0, hall:stat "ONCE_REPEATED")
      publishes(one, '{"id":1}')
      assert.equal(1, hall:stat "ONCE_REPEATED")
    end)

    it("needs a key that is a text or a number", function()
      local alice = open { once = "order.id" }
      for _, data in ipairs { "1", "{}", '{"order":{}}', '{"order":{"id":null}}', '{"order":{"id":[1]}}', '{"order":{"id":{}}}' } do
        publishes(alice, data)
        publishes(alice, data)
      end
      assert.equal(0, hall:stat "ONCE_REPEATED")
      publishes(alice, '{"order":{"id":"\\u0061"}}')
      publishes(alice, '{"order":{"id":"a"}}')
      assert.equal(1, hall:stat "ONCE_REPEATED")
    end)

    it("is over after its time", function()
      local alice = open { once_ms = 100 }
      publishes(alice, '{"id":1}')
      publishes(alice, '{"id":1}')
      hall:wait(150)
      publishes(alice, '{"id":1}')
      assert.equal(1, hall:stat "ONCE_REPEATED")
      assert.equal(2, #hall:heard "^publish ")
    end)

    it("keeps the channel alive as long as it is remembered", function()
      local alice = open { once_ms = 400 }
      publishes(alice, '{"id":1}')
      hall:wait(200)
      assert.equal(1, hall:stat "CHANNELS")
      publishes(alice, '{"id":1}')
      assert.equal(1, hall:stat "ONCE_REPEATED")
      hall:wait(500)
      assert.equal(0, hall:stat "CHANNELS")
    end)

    it("says of a long answer that it was there", function()
      local alice = open()
      answers = { { out = '"' .. ("x"):rep(70000) .. '"' } }
      assert.equal(70000 + #'{"id":8,"rpc":{"data":""}}', #calls(alice, "buy", '{"id":1}'))
      assert.equal('{"id":8,"error":{"code":106,"message":"limit exceeded: it was done, and its answer was too long to be kept"}}',
        calls(alice, "buy", '{"id":1}'))
      assert.equal(1, #hall:heard "^call ")
    end)
  end)
end

describe("what a channel has done", function()
  local hall

  after_each(function() hall:finish() end)

  it("is forgotten, oldest first, past a bound of bytes", function()
    hall = halls.open { types = { { pattern = "a", once = "id", hooks = { "call" } } },
      on = { call = { out = '"' .. ("x"):rep(60000) .. '"' } } }
    local alice = hall:join "alice"
    local function calls(i) alice:says(('{"id":8,"rpc":{"method":"a/buy","data":{"id":%d}}}'):format(i)) end
    for i = 1, 20 do calls(i) end
    local forgotten = hall:stat "ONCE_FORGOTTEN"
    assert.is_true(forgotten >= 3 and forgotten <= 4, forgotten)
    calls(20)
    assert.equal(20, #hall:heard "^call ")
    calls(1)
    assert.equal(21, #hall:heard "^call ")
  end)

  it("is forgotten, oldest first, past a bound of commands", function()
    hall = halls.open { types = { { pattern = "a", once = "id" } } }
    local alice = hall:join "alice"
    local function publishes(i) alice:mutters(('{"id":8,"publish":{"channel":"a","data":{"id":%d}}}'):format(i)) end
    for i = 1, 12000 do
      publishes(i)
      if i % 500 == 0 then alice:hears() end
    end
    assert.is_true(hall:stat "ONCE_FORGOTTEN" > 0)
    publishes(12000)
    assert.equal(1, hall:stat "ONCE_REPEATED")
    publishes(1)
    assert.equal(1, hall:stat "ONCE_REPEATED")
  end)

  it("is done again by the house as often as it says so", function()
    hall = halls.open { types = { { pattern = "a", once = "id" } } }
    for _ = 1, 2 do hall:wish(0, { kind = "publish", channel = "a", data = '{"id":1}' }) end
    hall:turn()
    assert.equal(2, hall:stat "MESSAGES_IN")
  end)
end)
