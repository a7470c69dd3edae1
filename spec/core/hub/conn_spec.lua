local halls = require "hall"

describe("a conn", function()
  local hall, alice

  local function open(options)
    options.types = options.types or { { pattern = "chat" } }
    hall = halls.open(options)
    alice = hall:join("alice", 0)
  end

  after_each(function() hall:finish() end)

  it("makes one frame of all that was said in a turn, lines in order", function()
    open {}
    alice:says('{"id":2,"subscribe":{"channel":"a"}}', '{"id":3,"subscribe":{"channel":"b"}}', '{"id":4,"rpc":{"method":"x"}}')
    assert.equal(1, alice.frames)
  end)

  it("sends what was said before a frame of its own in front of it", function()
    open {}
    alice:mutters '{"id":2,"rpc":{"method":"x"}}'
    alice.conn:push "message"
    alice:mutters '{"id":4,"rpc":{"method":"x"}}'
    local lines = alice:hears()
    assert.truthy(lines[1]:find '^{"id":2,"error"')
    assert.equal("message", lines[2])
    assert.truthy(lines[3]:find '^{"id":4,"error"')
    assert.equal(3, #lines)
  end)

  it("answers a publish after its message, and a subscribe before any", function()
    open {}
    alice:mutters('{"id":2,"publish":{"channel":"chat","data":0}}', '{"id":3,"subscribe":{"channel":"chat"}}',
      '{"id":4,"publish":{"channel":"chat","data":1}}')
    local lines = alice:hears()
    assert.equal('{"id":2,"publish":{}}', lines[1])
    assert.truthy(lines[2]:find '^{"id":3,"subscribe"')
    assert.equal('{"id":4,"publish":{}}', lines[3])
    assert.truthy(lines[4]:find '"data":1')
    alice:mutters('{"id":5,"publish":{"channel":"chat","data":2}}')
    lines = alice:hears()
    assert.truthy(lines[1]:find '"data":2')
    assert.equal('{"id":5,"publish":{}}', lines[2])
  end)

  it("answers after the messages of a turn however long the answers are", function()
    open {}
    alice:joins "chat"
    local said = {}
    for i = 1, 3200 do said[i] = ('{"id":%d,"publish":{"channel":"chat","data":%d}}'):format(i, i) end
    alice:mutters(table.unpack(said))
    local shown = {}
    for _, line in ipairs(alice:hears()) do
      local data, id = line:match '"data":(%d+)', line:match '^{"id":(%d+)'
      if data then shown[tonumber(data)] = true end
      if id then assert.is_true(shown[tonumber(id)], "answer " .. id .. " came before its message") end
    end
    assert.equal(3200, #shown)
  end)

  it("wakes its transport once until it is flushed", function()
    open {}
    alice.conn:push "1"
    alice.conn:push "2"
    alice:mutters '{"id":4,"rpc":{"method":"x"}}'
    assert.equal(1, alice.conn:wakes())
    alice:takes()
    assert.equal(0, alice.conn:wakes())
    alice.conn:push "3"
    assert.equal(1, alice.conn:wakes())
    assert.same({ "3" }, alice:takes())
  end)

  it("ends with the first wish and its reason, after what waits", function()
    open {}
    alice.conn:push "1"
    alice.conn:close(4001, "first")
    alice.conn:close(4002, "second")
    alice.conn:push "2"
    assert.same({ "1" }, alice:takes())
    assert.same({ code = 4001, reason = "first" }, alice.goodbye)
  end)

  it("says the code's own text where no reason is given, never nothing", function()
    open {}
    alice.conn:close(3012)
    alice:takes()
    assert.same({ code = 3012, reason = "no pong" }, alice.goodbye)
    local bob = hall:join("bob", 0)
    bob.conn:close(4321, "")
    bob:takes()
    assert.equal(4321, bob.goodbye.code)
    assert.is_true(#bob.goodbye.reason > 0)
  end)

  it("says what was said before the wish to end, and nothing said later", function()
    open {}
    alice:mutters '{"id":4,"rpc":{"method":"x"}}'
    alice.conn:close(3503)
    alice:mutters '{"id":5,"rpc":{"method":"x"}}'
    assert.same({ '{"id":4,"error":{"code":108,"message":"not available"}}' }, alice:takes())
  end)

  it("cuts a reader whose queue is full: what waits is dropped and counted, the end comes as slow", function()
    open { queue_bytes = 1000 }
    local bob = hall:join("bob", 0):joins "chat"
    alice:joins "chat"
    bob.conn:stuck(true)
    for i = 1, 40 do
      alice:publishes("chat", '"' .. ("x"):rep(100) .. i .. '"')
      bob:takes()
    end
    local frames, bytes = bob.conn:waiting()
    assert.is_true(bytes <= 1000, "waiting: " .. bytes)
    assert.equal(1, frames) -- the goodbye
    bob.conn:stuck(false)
    assert.same({}, bob:takes())
    assert.same({ code = 3008, reason = "slow" }, bob.goodbye)
    assert.equal(1, hall:stat "CUT_SLOW")
    assert.is_true(hall:stat "DROPS_SLOW_BYTES" >= 5)
    assert.equal(0, hall:stat "DROPS_SLOW_AGE")
    assert.equal(1, hall:channel("chat").members)
    assert.is_nil(alice.goodbye)
  end)

  it("takes a message larger than the queue when nothing else waits", function()
    open { queue_bytes = 100 }
    alice.conn:push(("x"):rep(5000))
    assert.same({ ("x"):rep(5000) }, alice:takes())
    assert.is_nil(alice.goodbye)
  end)

  it("cuts a reader whose oldest message is too old", function()
    open { queue_ms = 50 }
    alice.conn:stuck(true)
    alice.conn:push "1"
    hall:wait(100)
    alice.conn:push "2"
    alice.conn:stuck(false)
    assert.same({}, alice:takes())
    assert.same({ code = 3008, reason = "slow" }, alice.goodbye)
    assert.equal(1, hall:stat "CUT_SLOW")
    assert.equal(2, hall:stat "DROPS_SLOW_AGE")
  end)

  it("cuts a peer that asks and asks and never reads the answers", function()
    open { queue_bytes = 500 }
    alice.conn:stuck(true)
    for i = 1, 50 do
      alice:mutters(('{"id":%d,"rpc":{"method":"x"}}'):format(i))
      alice:takes()
    end
    alice.conn:stuck(false)
    assert.same({}, alice:takes())
    assert.same({ code = 3008, reason = "slow" }, alice.goodbye)
  end)
end)
