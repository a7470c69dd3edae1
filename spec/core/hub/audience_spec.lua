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
end)
