local halls = require "hall"

describe("an audience", function()
  local hall

  before_each(function() hall = halls.open { types = { { pattern = "*" } } } end)
  after_each(function() hall:finish() end)

  it("is there while it has members", function()
    assert.is_nil(hall:audience(0, "a"))
    local alice, bob = hall:join("alice"):joins "a", hall:join("bob"):joins "a"
    assert.equal(2, hall:audience(0, "a"))
    alice:leaves()
    assert.equal(1, hall:audience(0, "a"))
    bob:says '{"id":2,"unsubscribe":{"channel":"a"}}'
    assert.is_nil(hall:audience(0, "a"))
    assert.equal(0, hall:stat "SUBSCRIPTIONS")
  end)

  it("keeps its members straight in whatever order they leave", function()
    math.randomseed(3)
    local all = {}
    for i = 1, 60 do all[i] = hall:join("u" .. i):joins("a", "b") end
    local publisher = hall:join "p"
    while #all > 0 do
      table.remove(all, math.random(#all)):leaves()
      assert.equal(#all, hall:audience(0, "a") or 0)
      publisher:publishes("a", #all .. "")
      for _, talk in ipairs(all) do assert.equal(1, #talk:takes()) end
    end
  end)

  it("gives one shared frame to all, and closes nobody while it does", function()
    hall:finish()
    hall = halls.open { types = { { pattern = "*" } }, queue_bytes = 200 }
    local slow, quick = hall:join("slow"):joins "a", hall:join("quick"):joins "a"
    local alice = hall:join "alice"
    slow.conn:stuck(true)
    for i = 1, 5 do
      alice:publishes("a", '"' .. ("x"):rep(60) .. i .. '"')
      assert.equal(1, #quick:takes())
    end
    assert.equal(3008, slow.conn:closing())
    assert.equal(2, hall:audience(0, "a"), "who is marked stays until the end of the turn")
    slow:takes()
    assert.equal(1, hall:audience(0, "a"))
  end)

  -- ---- what waits for the turn's end ----

  local function publish(talk, channel, data)
    talk:mutters(('{"id":8,"publish":{"channel":"%s","data":%s}}'):format(channel, data))
  end

  local function data_of(lines)
    local list = {}
    for _, line in ipairs(lines) do list[#list + 1] = line:match '"data":"?(%w+)' end
    return list
  end

  it("makes one push of a turn's messages, each a frame of its own, whatever their length", function()
    local alice, bob = hall:join "alice", hall:join("bob"):joins "a"
    local said = { "1", '"' .. ("x"):rep(200) .. '"', "3", '""', '"' .. ("y"):rep(30000) .. '"', "6" }
    for _, data in ipairs(said) do publish(alice, "a", data) end
    assert.equal(0, bob.conn:waiting())
    local heard = bob:takes()
    assert.same({ 6, 1 }, { bob.frames, bob.pushes })
    for i, data in ipairs(said) do assert.truthy(heard[i]:find('"data":' .. data .. ",", 1, true), heard[i]) end
  end)

  it("says each turn's messages once", function()
    local alice, bob = hall:join "alice", hall:join("bob"):joins "a"
    for turn = 1, 5 do
      for i = 1, turn do publish(alice, "a", turn * 10 + i) end
      local heard = data_of(bob:takes())
      assert.equal(turn, #heard)
      for i = 1, turn do assert.equal(tostring(turn * 10 + i), heard[i]) end
    end
    assert.same({}, bob:takes())
  end)

  it("makes runs of 64 KiB of what is long, in order, and hands over nothing before the turn's end", function()
    local alice, bob = hall:join "alice", hall:join("bob"):joins "a"
    for i = 1, 7 do publish(alice, "a", ('"%d%s"'):format(i, ("x"):rep(30000))) end
    assert.equal(0, bob.conn:waiting())
    local heard = data_of(bob:takes())
    assert.same({ 7, 3 }, { bob.frames, bob.pushes })
    for i = 1, 7 do assert.equal(i .. ("x"):rep(30000), heard[i]) end
  end)

  it("keeps no more for its members than one of them may leave waiting", function()
    hall:finish()
    hall = halls.open { types = { { pattern = "*" } }, queue_bytes = 250000 }
    local alice, bob = hall:join "alice", hall:join("bob"):joins "a"
    for i = 1, 11 do publish(alice, "a", ('"%d%s"'):format(i, ("x"):rep(30000))) end
    local entries, bytes = bob.conn:waiting()
    assert.equal(1, entries)
    assert.is_true(bytes > 90000 and bytes < 100000, "waiting: " .. bytes)
  end)

  it("gives each dialect its own words, and each all of them", function()
    local alice = hall:join "alice"
    local bob, carol = hall:join("bob"):joins("a", "b"), hall:join("carol", 0, { dialect = 1 }):joins("a", "b")
    for i = 1, 3 do publish(alice, "a", i) end
    publish(alice, "b", 4)
    local heard, plain = bob:takes(), carol:takes()
    assert.equal(4, #heard)
    for _, line in ipairs(heard) do assert.truthy(line:find '^{"push"', line) end
    table.sort(plain)
    assert.same({ "plain 1", "plain 2", "plain 3", "plain 4" }, plain)
    assert.same({ 4, 2 }, { carol.frames, carol.pushes })
    carol:leaves()
    publish(alice, "a", 5)
    assert.same({ "5" }, data_of(bob:takes()))
  end)

  it("joins and leaves of one dialect take what waits in the other along", function()
    local alice = hall:join "alice"
    local bob, carol = hall:join("bob"):joins "a", hall:join("carol", 0, { dialect = 1 }):joins "a"
    publish(alice, "a", 1)
    publish(alice, "a", 2)
    bob:mutters '{"id":3,"unsubscribe":{"channel":"a"}}'
    publish(alice, "a", 3)
    local heard = bob:takes()
    assert.equal('{"id":3,"unsubscribe":{}}', table.remove(heard))
    assert.same({ "1", "2" }, data_of(heard))
    assert.same({ "plain 1", "plain 2", "plain 3" }, carol:takes())
  end)

  it("ends with its last member while something waits, and leaves nothing", function()
    local alice, bob, carol = hall:join "alice", hall:join("bob"):joins("a", "b"), hall:join("carol"):joins "a"
    for i = 1, 3 do
      publish(alice, "a", i)
      publish(alice, "b", i)
    end
    bob.conn:drop()
    assert.equal(1, hall:audience(0, "a"))
    assert.is_nil(hall:audience(0, "b"))
    publish(alice, "a", 4)
    publish(alice, "b", 4)
    carol:mutters '{"id":3,"unsubscribe":{"channel":"a"}}'
    assert.is_nil(hall:audience(0, "a"))
    local heard = carol:takes()
    assert.equal('{"id":3,"unsubscribe":{}}', table.remove(heard))
    assert.same({ "1", "2", "3", "4" }, data_of(heard))
    local dave = hall:join("dave"):joins "a"
    assert.same({}, dave:hears())
    publish(alice, "a", 5)
    assert.same({ "5" }, data_of(dave:takes()))
  end)

  it("may have something waiting when the world ends", function()
    local alice = hall:join "alice"
    for i = 1, 3 do hall:join("u" .. i):joins("a", "b") end
    publish(alice, "a", 1)
    publish(alice, "a", 2)
    publish(alice, "b", 3)
    hall:finish()
  end)

  it("counts the messages dropped, not the runs, when a reader's queue is full", function()
    hall:finish()
    hall = halls.open { types = { { pattern = "*" } }, queue_bytes = 2000 }
    local alice, slow, quick = hall:join "alice", hall:join("slow"):joins "a", hall:join("quick"):joins "a"
    slow.conn:stuck(true)
    local function say(count)
      for _ = 1, count do publish(alice, "a", '"' .. ("x"):rep(100) .. '"') end
      assert.equal(count, #quick:takes())
    end
    say(5)
    assert.equal(1, slow.conn:waiting())
    assert.is_nil(slow.conn:closing())
    say(6)
    assert.equal(3008, slow.conn:closing())
    assert.equal(5 + 6, hall:stat "DROPS_SLOW_BYTES")
    assert.equal(1, hall:stat "CUT_SLOW")
    assert.equal(2 * 11, hall:stat "MESSAGES_OUT")
    assert.is_nil(quick.conn:closing())
  end)

  it("counts the messages dropped, not the runs, when a reader's oldest is too old", function()
    hall:finish()
    hall = halls.open { types = { { pattern = "*" } }, queue_ms = 50 }
    local alice, slow, quick = hall:join "alice", hall:join("slow"):joins "a", hall:join("quick"):joins "a"
    slow.conn:stuck(true)
    for i = 1, 4 do publish(alice, "a", i) end
    assert.equal(4, #quick:takes())
    hall:wait(100)
    for i = 5, 7 do publish(alice, "a", i) end
    assert.equal(3, #quick:takes())
    assert.equal(4 + 3, hall:stat "DROPS_SLOW_AGE")
    assert.equal(3008, slow.conn:closing())
  end)

  it("hands over nothing to who was cut for being slow in this turn, from no channel", function()
    hall:finish()
    hall = halls.open { types = { { pattern = "*" } }, queue_bytes = 1000 }
    local alice, slow = hall:join "alice", hall:join("slow"):joins("a", "b", "c")
    slow.conn:push(("x"):rep(900))
    for _, channel in ipairs { "a", "b", "c" } do
      publish(alice, channel, '"' .. ("y"):rep(300) .. '"')
      publish(alice, channel, "2")
    end
    assert.same({}, slow:takes())
    assert.same({ code = 3008, reason = "slow" }, slow.goodbye)
    assert.equal(1, hall:stat "CUT_SLOW")
  end)

  -- ---- very many members ----

  describe("of very many", function()
    local crowd, alice

    local function have()
      local n = 0
      for _, talk in ipairs(crowd) do n = n + math.min(1, (talk.conn:waiting())) end
      return n
    end

    before_each(function()
      crowd = {}
      for i = 1, 1500 do crowd[i] = hall:join("u" .. i):joins "a" end
      alice = hall:join "alice"
    end)

    it("is served over several turns, each member once and in order", function()
      publish(alice, "a", 1)
      assert.is_false(hall:hand(0))
      local first = have()
      assert.is_true(first > 0 and first < 1000, "in the first turn: " .. first)
      publish(alice, "a", 2)
      local turns = 1
      while not hall:hand(0) do turns = turns + 1 end
      assert.is_true(turns >= 4)
      for _, talk in ipairs(crowd) do assert.same({ "1", "2" }, data_of(talk:takes())) end
    end)

    it("lets nobody who comes hear what was said before, and nobody who goes miss it", function()
      publish(alice, "a", 1)
      assert.is_false(hall:hand(0))
      local late = hall:talk(0, { as = "late" })
      late:mutters('{"id":1,"connect":{}}', '{"id":2,"subscribe":{"channel":"a"}}')
      publish(alice, "a", 2)
      assert.is_false(hall:hand(0))
      crowd[1400]:mutters '{"id":3,"unsubscribe":{"channel":"a"}}'
      publish(alice, "a", 3)
      while not hall:hand(0) do end
      assert.same({ "2", "3" }, data_of(late:takes()))
      for i, talk in ipairs(crowd) do
        assert.same(i == 1400 and { "1", "2" } or { "1", "2", "3" }, data_of(talk:takes()))
      end
    end)

    it("is served over several turns what is long, too, in order", function()
      for i = 1, 7 do publish(alice, "a", ('"%d%s"'):format(i, ("x"):rep(30000))) end
      assert.equal(0, have())
      assert.is_false(hall:hand(0))
      local first = have()
      assert.is_true(first > 0 and first < 1000, "in the first turn: " .. first)
      local turns = 1
      while not hall:hand(0) do turns = turns + 1 end
      assert.is_true(turns >= 3 * 2, turns .. " turns")
      for _, talk in ipairs { crowd[1], crowd[700], crowd[1500] } do
        local heard = data_of(talk:takes())
        for i = 1, 7 do assert.equal(i .. ("x"):rep(30000), heard[i]) end
      end
    end)

    it("answers no publisher before it has its message", function()
      crowd[1400]:mutters '{"id":3,"publish":{"channel":"a","data":1}}'
      assert.is_false(hall:hand(0))
      local heard = table.concat(crowd[1400].conn:flush(true), "\n")
      local message, answer = heard:find('"data":1', 1, true), heard:find('{"id":3', 1, true)
      assert.truthy(message and answer and message < answer, heard)
    end)

    it("is not handed over at once because somebody comes or goes", function()
      publish(alice, "a", 1)
      assert.is_false(hall:hand(0))
      local first = have()
      hall:talk(0, { as = "late" }):mutters('{"id":1,"connect":{}}', '{"id":2,"subscribe":{"channel":"a"}}')
      crowd[1]:mutters '{"id":3,"unsubscribe":{"channel":"a"}}'
      crowd[1400]:mutters '{"id":3,"unsubscribe":{"channel":"a"}}'
      crowd[1450].conn:close(3000)
      assert.equal(first + 2, have(), "those who go have theirs")
    end)

    it("stays straight when all are gone who have not had it", function()
      publish(alice, "a", 1)
      assert.is_false(hall:hand(0))
      local first = have()
      local function leave(n) crowd[n]:mutters '{"id":3,"unsubscribe":{"channel":"a"}}' end
      for n = #crowd, first + 1, -1 do leave(n) end
      leave(1)
      leave(first)
      assert.equal(first - 2, hall:audience(0, "a"))
      publish(alice, "a", 2)
      for n = 2, first - 1 do assert.same({ "1", "2" }, data_of(crowd[n]:takes())) end
      assert.same({ "1" }, data_of(crowd[first]:takes()))
    end)

    it("gives each what was said while it was in, whoever comes and goes between turns", function()
      math.randomseed(5)
      local due, said, is_in = {}, 0, {}
      for i = 1, #crowd do due[i], is_in[i] = {}, true end
      for _ = 1, 400 do
        local pick, n = math.random(10), math.random(#crowd)
        if pick <= 3 then
          said = said + 1
          publish(alice, "a", said)
          for i in ipairs(crowd) do
            if is_in[i] then table.insert(due[i], tostring(said)) end
          end
        elseif pick <= 5 then
          hall:hand(0)
        else
          local verb = is_in[n] and "unsubscribe" or "subscribe"
          crowd[n]:mutters(('{"id":3,"%s":{"channel":"a"}}'):format(verb))
          is_in[n] = not is_in[n]
        end
      end
      for i, talk in ipairs(crowd) do assert.same(due[i], data_of(talk:takes())) end
    end)

    it("keeps no other channel waiting for ever", function()
      local bob = hall:join("bob"):joins "b"
      for i = 1, 20 do
        publish(alice, "a", i)
        if i == 2 then publish(alice, "b", 1) end
        hall:hand(0)
      end
      assert.equal(1, (bob.conn:waiting()))
    end)

    it("ends with what waits, without a leak", function()
      publish(alice, "a", 1)
      publish(alice, "a", 2)
      assert.is_false(hall:hand(0))
      publish(alice, "a", 3)
    end)
  end)
end)
