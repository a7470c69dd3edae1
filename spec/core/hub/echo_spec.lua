-- Channels in which who publishes does not hear it.
local halls = require "hall"

for _, workers in ipairs { 1, 3 } do
  describe("without echo, with " .. workers .. " worker(s)", function()
    local hall

    after_each(function() hall:finish() end)

    local function open(type, more)
      type.pattern, type.has_no_echo = "a", true
      local options = more or {}
      options.workers, options.types = workers, { type }
      hall = halls.open(options)
      return hall:three "a"
    end

    local function publish(talk, ...)
      for _, data in ipairs { ... } do
        talk:mutters(('{"id":8,"publish":{"channel":"a","data":%s}}'):format(data))
      end
    end

    -- What each has heard: the data, in order.
    local function heard(talk)
      local list = {}
      for _, line in ipairs(talk:hears()) do list[#list + 1] = line:match '"pub":{"data":([^,}]+)' end
      return table.concat(list, " ")
    end

    it("who publishes is answered, and all others hear it", function()
      local alice, bob, carol = open {}
      assert.same({ '{"id":8,"publish":{}}' }, alice:publishes("a", "1"))
      assert.equal("1", heard(bob))
      assert.equal("1", heard(carol))
      assert.equal(2, hall:stat "MESSAGES_OUT")
    end)

    it("everybody hears the house, and what another connection of theirs publishes", function()
      local alice, bob = open {}
      local other = hall:join("alice", 0):joins "a"
      hall:wish(0, { kind = "publish", channel = "a", data = "1" })
      hall:turn()
      publish(other, 2)
      assert.equal("1 2", heard(alice))
      assert.equal("1", heard(other))
      assert.equal("1 2", heard(bob))
    end)

    it("who is no member publishes to all", function()
      local alice, bob = open {}
      publish(hall:join("dave", 0), 1)
      assert.equal("1", heard(alice))
      assert.equal("1", heard(bob))
    end)

    it("keeps one order for all, each without its own", function()
      local alice, bob, carol = open {}
      publish(alice, 1, 2)
      publish(bob, 3)
      publish(alice, 4)
      publish(carol, 5)
      hall:turn()
      local all = { heard(alice), heard(bob), heard(carol) }
      local function without(list, own) return (list:gsub("%d ?", function(n) return own:find(n:sub(1, 1), 1, true) and "" or n end)) end
      local function sorted(list)
        local items = {}
        for n in list:gmatch "%d" do items[#items + 1] = n end
        table.sort(items)
        return table.concat(items)
      end
      assert.same({ "35", "1245", "1234" }, { sorted(all[1]), sorted(all[2]), sorted(all[3]) })
      assert.equal("12", all[2]:gsub("[^12]", ""))
      assert.equal((without(all[2], "35"):gsub(" $", "")), (without(all[3], "35"):gsub(" $", "")))
    end)

    it("holds for batches, in one frame each", function()
      local alice, bob, carol = open { batch = 4, batch_ms = 60000 }
      publish(alice, 1)
      hall:turn()
      publish(bob, 2)
      hall:turn()
      publish(alice, 3)
      alice:hears()
      hall:wish(0, { kind = "publish", channel = "a", data = "4" })
      hall:turn()
      assert.equal("2 4", heard(alice))
      assert.equal(1, alice.frames)
      assert.equal("1 3 4", heard(bob))
      assert.equal("1 2 3 4", heard(carol))
      assert.equal(1, carol.frames)
      assert.equal(9, hall:stat "MESSAGES_OUT")
    end)

    it("holds for batches with very many who publish", function()
      local alice = open { batch = 70, batch_ms = 60000 }
      local talks = {}
      for i = 1, 70 do talks[i] = hall:join("u" .. i, i % workers):joins "a" end
      for i, talk in ipairs(talks) do publish(talk, i) end
      for _ = 1, 5 do hall:turn() end
      local all = {}
      for n in heard(alice):gmatch "%d+" do all[#all + 1] = tonumber(n) end
      assert.equal(70, #all)
      for i, talk in ipairs(talks) do
        local own = {}
        for n in heard(talk):gmatch "%d+" do own[#own + 1] = tonumber(n) end
        local want = {}
        for _, n in ipairs(all) do
          if n ~= i then want[#want + 1] = n end
        end
        assert.same(want, own)
      end
    end)

    it("holds for the newest of each key", function()
      local alice, bob = open { conflate = 100, key = "k" }
      publish(alice, '"first"')
      publish(alice, '{"k":1}')
      publish(bob, '{"k":2}')
      hall:wait(250)
      assert.equal('{"k":2', heard(alice))
      assert.equal('"first" {"k":1', heard(bob))
    end)

    it("holds for who is behind, too", function()
      local alice, bob = open { slow = 2, key = "k" }
      for i = 1, 5 do publish(i % 2 == 0 and bob or alice, ('{"k":%d}'):format(i)) end
      hall:turn()
      hall:turn()
      local one, other = heard(alice), heard(bob)
      assert.is_nil(one:find '[135]')
      assert.is_nil(other:find '[24]')
      assert.truthy(one:find "2" and one:find "4" and other:find "5")
    end)

    for kind, more in pairs { ["at once"] = {}, ["in batches"] = { batch = 4, batch_ms = 60000 } } do
      it("leaves views and filters as they are: nobody hears by it what is hidden, " .. kind, function()
        more.filter, more.views = { "k" }, {
          { name = "ops", when = "role.ops" },
          { name = "calc", when = "user.id == 'calc'", hook = true, drop = { "cost" } },
          { name = "all", when = "user", where = "msg.k > 0", drop = { "cost" } },
        }
        more.pattern, more.has_no_echo, more.hooks = "a", true, { "view" }
        hall = halls.open { workers = workers, types = { more }, on = { view = function(event)
          return { verdict = "replace", out = '{"n":' .. event.data:match '"k":(%d)' .. ',"cost":7}' }
        end } }
        local last = workers - 1
        local ops, calc = hall:join("olga", last, { roles = "ops" }):joins "a", hall:join("calc", last):joins "a"
        local ann, ben, two = hall:join("ann", 0):joins "a", hall:join("ben", last):joins "a", hall:join("two", 0)
        two:says '{"id":9,"subscribe":{"channel":"a","filter":{"k":"2"}}}'
        for n, talk in ipairs { ops, ann, calc, two } do
          publish(talk, ('{"k":%d,"cost":9}'):format(n == 4 and 2 or n - 1))
          hall:turn()
        end
        local function all(talk)
          local list = {}
          for _, line in ipairs(talk:hears()) do list[#list + 1] = line:match '"pub":{"data":{"(.-)}' end
          return table.concat(list, " ")
        end
        assert.equal('k":1,"cost":9 k":2,"cost":9 k":2,"cost":9', all(ops))
        assert.equal('n":0 n":1 n":2', all(calc))
        assert.equal('k":2 k":2', all(ann))
        assert.equal('k":1 k":2 k":2', all(ben))
        assert.equal('k":2', all(two))
      end)
    end

    it("changes with the rules, for what is published from then on", function()
      local alice = open {}
      publish(alice, 1)
      hall:turn()
      assert.equal("", heard(alice))
      hall:switch { { pattern = "a" } }
      publish(alice, 2)
      assert.equal("2", heard(alice))
      hall:switch { { pattern = "a", has_no_echo = true } }
      publish(alice, 3)
      assert.equal("", heard(alice))
    end)

    it("is right when members come and go between", function()
      math.randomseed(5)
      open {}
      local talks, seen, published, names = {}, {}, 0, {}
      for i = 1, 6 do
        talks[i] = hall:join("u" .. i, i % workers)
        seen[i], names[i] = {}, false
      end
      for _ = 1, 300 do
        local i = math.random(6)
        local talk = talks[i]
        local act = math.random(4)
        if act == 1 then
          talk:mutters(('{"id":3,"%ssubscribe":{"channel":"a"}}'):format(names[i] and "un" or ""))
          names[i] = not names[i]
        else
          published = published + 1
          publish(talk, published * 10 + i)
        end
        if math.random(3) == 1 then hall:turn() end
      end
      for _ = 1, 3 do hall:turn() end
      for i, talk in ipairs(talks) do
        local last = 0
        for n in heard(talk):gmatch "%d+" do
          n = tonumber(n)
          assert.are_not.equal(i, n % 10, "its own")
          assert.is_nil(seen[i][n], "twice")
          seen[i][n] = true
          if workers == 1 then
            assert.is_true(n // 10 > last)
            last = n // 10
          end
        end
      end
    end)
  end)
end
