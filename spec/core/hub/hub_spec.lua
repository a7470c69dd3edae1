local halls = require "hall"

describe("workers", function()
  local hall

  after_each(function()
    if hall then hall:finish() end
    hall = nil
  end)

  it("share out the channels by name: every worker is home to some", function()
    hall = halls.open { workers = 3, types = { { pattern = "*" } } }
    local count = { [0] = 0, 0, 0 }
    for i = 1, 300 do
      local home = hall:home("c" .. i)
      assert.equal(home, hall:home("c" .. i))
      count[home] = count[home] + 1
    end
    for i = 0, 2 do assert.is_true(count[i] > 50, "worker " .. i .. " is home to " .. count[i]) end
  end)

  it("run a channel's hooks on its home alone", function()
    hall = halls.open { workers = 3, types = { { pattern = "*", hooks = { "publish", "subscribe" } } } }
    for home = 0, 2 do
      local name = hall:named(home)
      for worker = 0, 2 do hall:join("a" .. worker, worker):joins(name):publishes(name, "1") end
    end
    for _, event in ipairs(hall.events) do
      if event.channel then assert.equal(hall:home(event.channel), event.worker) end
    end
  end)

  it("get one letter a publish, however many of their clients listen", function()
    hall = halls.open { workers = 2, types = { { pattern = "*" } } }
    local name = hall:named(0)
    local all = {}
    for i = 1, 20 do all[i] = hall:join("u" .. i, 1):joins(name) end
    assert.equal(20, hall:audience(1, name))
    assert.is_nil(hall:audience(0, name))
    hall:join("p", 0):publishes(name, "1")
    for _, talk in ipairs(all) do assert.equal(1, #talk:hears()) end
    assert.equal(20, hall:stat "MESSAGES_OUT")
  end)

  it("end evenly, whoever goes first", function()
    for _, workers in ipairs { 1, 2, 3 } do
      local world = halls.open { workers = workers, types = { { pattern = "*", hooks = { "unsubscribe" } } },
        on = { unsubscribe = function(event)
          return { effects = { { kind = "publish", channel = event.channel .. "x", data = "1" } } }
        end } }
      for i = 1, 12 do world:join("u" .. i, i % workers):joins("a" .. i, "b") end
      world:finish()
    end
  end)

  it("move to a new generation one after the other without losing a message", function()
    hall = halls.open { workers = 3, types = { { pattern = "*", hooks = { "publish" } } } }
    local name = hall:named(2)
    local bob = hall:join("bob", 1):joins(name)
    local alice = hall:join("alice", 0)
    local sent = 0
    for _ = 1, 5 do
      for _ = 1, 10 do
        sent = sent + 1
        alice:mutters(('{"id":8,"publish":{"channel":"%s","data":%d}}'):format(name, sent))
      end
      hall:switch { { pattern = "*", hooks = { "publish" } } }
      hall:turn()
    end
    local heard = bob:hears()
    assert.equal(sent, #heard)
    for i, line in ipairs(heard) do assert.truthy(line:find('"data":' .. i .. ",", 1, true)) end
    assert.equal(sent, #alice:hears())
  end)

  it("agree with a model through a random day", function()
    math.randomseed(7)
    for _, workers in ipairs { 1, 3 } do
      hall = halls.open { workers = workers, types = { { pattern = "*", history = 1 } } }
      local names = { "a", "b", "c", "d" }
      local talks, member, offset = {}, {}, {}
      for i = 1, 6 do
        talks[i] = hall:join("u" .. i, i % workers)
        member[i] = {}
      end
      for _ = 1, 400 do
        local i, name = math.random(6), names[math.random(4)]
        local talk, dice = talks[i], math.random(10)
        if dice <= 3 then
          local reply = talk:says(('{"id":9,"subscribe":{"channel":"%s"}}'):format(name))
          assert.equal(member[i][name] and '{"id":9,"error":{"code":105,"message":"already subscribed"}}'
            or '{"id":9,"subscribe":{}}', reply[#reply])
          member[i][name] = true
        elseif dice == 4 then
          talk:says(('{"id":9,"unsubscribe":{"channel":"%s"}}'):format(name))
          member[i][name] = nil
        elseif dice == 5 then
          hall:wish(0, { kind = "kick", channel = name, user = "u" .. i, code = 2000, reason = "x" })
          hall:turn()
          local lines = talk:takes()
          assert.equal(member[i][name] and 1 or 0, #lines)
          member[i][name] = nil
        elseif dice == 6 then
          talk:leaves()
          talks[i], member[i] = hall:join("u" .. i, math.random(workers) - 1), {}
        else
          offset[name] = (offset[name] or 0) + 1
          local own = talk:publishes(name, "1")
          assert.equal(member[i][name] and 2 or 1, #own)
          for j, other in ipairs(talks) do
            local lines = j == i and {} or other:hears()
            assert.equal(j ~= i and member[j][name] and 1 or 0, #lines)
            if lines[1] then assert.truthy(lines[1]:find('"offset":' .. offset[name] .. "}", 1, true), lines[1]) end
          end
        end
      end
      for _, name in ipairs(names) do
        local count = 0
        for i = 1, 6 do count = count + (member[i][name] and 1 or 0) end
        assert.equal(count, hall:channel(name).members)
      end
      hall:finish()
      hall = nil
    end
  end)
end)

describe("workers on threads of their own", function()
  local storm = require "room.storm"

  it("keep one gapless order per channel for everybody, across a reload", function()
    for _, workers in ipairs { 1, 2, 4 } do
      local found = storm.run(workers, 200)
      assert.equal(0, found.gaps, workers .. " workers")
      assert.equal(0, found.closes)
      assert.equal(2 * workers, found.moved) -- the first generation, and the second
      -- Whoever has joined before the first publish hears all; who joined later, from then on.
      assert.is_true(found.heard <= found.published * workers * 4)
      assert.is_true(found.least > 0)
    end
  end)
end)
