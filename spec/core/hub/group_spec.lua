local halls = require "hall"

local function view(name, when, drop) return { name = name, when = when, drop = drop and { drop } } end
local function kind(...) return { { pattern = "c", hooks = { "unsubscribe", "subscribe" }, views = { ... } } } end

local function heard(talk)
  local list = {}
  for _, line in ipairs(talk:takes()) do list[#list + 1] = line:match '"pub":{"data":(.-)}}}$' or line end
  return list
end

for _, workers in ipairs { 1, 3 } do
  describe("a channel's groups with " .. workers .. " workers", function()
    local hall, ops, ann, ben

    local function say(data)
      hall:wish(0, { kind = "publish", channel = "c", data = data })
      hall:turn()
    end

    before_each(function()
      hall = halls.open { workers = workers, types = kind(view("ops", "role.ops"), view("all", "user", "cost")) }
      ops = hall:join("olga", 0, { roles = "ops" }):joins "c"
      ann, ben = hall:join("ann", workers - 1):joins "c", hall:join("ben", 0):joins "c"
    end)

    after_each(function() hall:finish() end)

    local function switch(...)
      hall:switch(kind(...))
      hall:turn()
    end

    it("stay as they are after a reload that says the same of who has which view", function()
      switch(view("ops", "role.ops", "cost"), view("all", "user", "name"))
      say '{"cost":1,"name":2}'
      assert.same({ '{"name":2}' }, heard(ops))
      assert.same({ '{"cost":1}' }, heard(ann))
      assert.equal(3, hall:stat "SUBSCRIPTIONS")
    end)

    it("are sorted anew after a reload: the first view that holds now", function()
      switch(view("ann", "user.id == 'ann'"), view("ops", "role.ops", "name"), view("all", "user", "cost"))
      say '{"cost":1,"name":2}'
      assert.same({ '{"cost":1,"name":2}' }, heard(ann))
      assert.same({ '{"cost":1}' }, heard(ops))
      assert.same({ '{"name":2}' }, heard(ben))
      switch()
      say '{"cost":1}'
      for _, talk in ipairs { ann, ops, ben } do assert.same({ '{"cost":1}' }, heard(talk)) end
    end)

    it("let go of those for whom no view holds any more: they are told, and so is the script", function()
      switch(view("ops", "role.ops"))
      say '{"cost":1}'
      local out = '{"push":{"channel":"c","unsubscribe":{"code":2500,"reason":"the channel has no view or filter for this client any more"}}}'
      assert.same({ out }, heard(ann))
      assert.same({ out }, heard(ben))
      assert.same({ '{"cost":1}' }, heard(ops))
      assert.equal(2, #hall:heard "^unsubscribe")
      assert.equal(2500, hall:last("unsubscribe").code)
      assert.equal(1, hall:channel("c").members)
      assert.equal(1, hall:stat "SUBSCRIPTIONS")
    end)

    it("go on hearing in order what was said before and after they were sorted", function()
      for i = 1, 20 do
        ben:mutters(('{"id":8,"publish":{"channel":"c","data":%d}}'):format(i))
        if i == 7 then hall:switch(kind(view("x", "user"))) end
        if i == 14 then hall:switch(kind(view("y", "not role.ops"), view("z", "role.ops"))) end
      end
      hall:turn()
      for _, talk in ipairs { ann, ops, ben } do
        local seen = 0
        for _, line in ipairs(talk:takes()) do
          local n = line:match '"pub":{"data":(%d+),'
          if n then
            assert.equal(seen + 1, tonumber(n))
            seen = seen + 1
          end
        end
        assert.equal(20, seen)
      end
    end)

    it("take somebody back who was put out and asks again in the same breath", function()
      hall:switch(kind(view("ops", "role.ops")))
      ben:mutters('{"id":8,"publish":{"channel":"c","data":1}}', '{"id":9,"subscribe":{"channel":"c"}}')
      hall:switch(kind(view("all", "user")))
      ben:mutters '{"id":10,"subscribe":{"channel":"c"}}'
      hall:turn()
      ben:takes()
      if hall:stat "SUBSCRIPTIONS" < 3 then ben:says '{"id":11,"subscribe":{"channel":"c"}}' end
      say "2"
      assert.same({ "2" }, heard(ben))
      ben:leaves()
      ann:leaves()
      ops:leaves()
      assert.equal(0, hall:stat "SUBSCRIPTIONS")
      assert.is_nil(hall:channel "c" and hall:channel("c").members > 0 or nil)
    end)
  end)
end
