-- Runs that wait (uuid() waits in these) and go on later, with others in between.
local room = require "room.vm"

describe("a run that waits", function()
  local vm

  before_each(function() vm = room.new(4 << 20, 30) end)

  it("goes on where it stopped, with what came", function()
    local run, out = vm:begin "local a = 1 local w = uuid() return w .. a"
    assert.equal("waits", out.how)
    out = run:resume()
    assert.same({ "done", "woken1" }, { out.how, out.result })
    assert.has_error(function() run:resume() end)
  end)

  it("needs no waiting", function()
    local _, out = vm:begin "return 7"
    assert.same({ "done", "7" }, { out.how, out.result })
  end)

  it("waits again and again, in calls, pcall, iterators and metamethods", function()
    local run, out = vm:begin [[
      local n = 0
      local function nap() n = n + 1 return uuid() end
      local meta = setmetatable({}, { __index = nap, __add = nap, __call = nap })
      local ok, what = pcall(function() return nap() end)
      local x, y, z = meta.x, meta + 1, meta()
      for v in function() if n < 6 then return nap() end end do assert(v == "woken") end
      return n .. tostring(ok) .. what .. x .. y .. z]]
    local parts = 0
    while out.how == "waits" do
      parts = parts + 1
      out = run:resume()
    end
    assert.same({ 6, "done", "6truewokenwokenwokenwoken" }, { parts, out.how, out.result })
  end)

  it("has others run meanwhile, and wait as well", function()
    local runs = {}
    for i = 1, 20 do
      local run, out = vm:begin("local mine = " .. i .. " uuid() return mine")
      assert.equal("waits", out.how)
      runs[i] = run
      assert.equal("done", vm:run("return 1").how)
    end
    for i = 20, 1, -1 do
      local out = runs[i]:resume()
      assert.same({ "done", tostring(i) }, { out.how, out.result })
    end
  end)

  it("cannot wait in a callback of sort or gsub", function()
    local _, out = vm:begin "table.sort({ 2, 1 }, function() return uuid() end)"
    assert.same({ "failed", "uuid: a callback of sort, gsub and the like cannot wait" }, { out.how, out.text })
    _, out = vm:begin "return (('x'):gsub('x', function() return uuid() end))"
    assert.equal("failed", out.how)
  end)

  it("cannot wait where nobody would wake it", function()
    local out = vm:run "return uuid()"
    assert.same({ "failed", "uuid: nothing can wait here" }, { out.how, out.text })
  end)

  it("is told where an error behind the wait was", function()
    local run = vm:begin "local x\nuuid()\nerror('late')"
    local out = run:resume()
    assert.same({ "failed", "late", 3 }, { out.how, out.text, out.line })
  end)

  it("is left behind a wait as before it", function()
    local run = vm:begin "uuid() pcall(reject) return 1"
    assert.equal("left", run:resume().how)
  end)

  it("has one budget of CPU time for all its parts", function()
    local run, out = vm:begin [[
      for _ = 1, 1000 do
        for _ = 1, 300000 do end
        uuid()
      end
      return "done"]]
    local parts = 0
    while out.how == "waits" do
      parts = parts + 1
      out = run:resume()
    end
    assert.equal("over cpu", out.how)
    assert.truthy(parts > 1 and parts < 1000, parts)
    assert.equal("done", vm:run("for _ = 1, 300000 do end").how)
  end)

  it("is stopped behind a wait, and nothing is left of it", function()
    local run = vm:begin "uuid() while true do pcall(function() while true do end end) end"
    assert.equal("over cpu", run:resume().how)
    run = vm:begin "uuid() local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end"
    local out = run:resume()
    assert.truthy(out.how == "over memory" or out.how == "over cpu", out.how)
    assert.equal("done", vm:run("return 1").how)
  end)

  it("is given up where it waits: no handler of it runs, and it says where it was", function()
    local run = vm:begin [[

      local x <close> = setmetatable({}, { __close = function() while true do end end })
      pcall(function()
        uuid()
      end)
      while true do end]]
    local out = run:abandon()
    assert.same({ "over time", "chunk.lua", 4 }, { out.how, out.file, out.line })
    assert.equal("done", vm:run("return 1").how)
  end)

  it("leaves nothing in memory, however it ends", function()
    local function round()
      for i = 1, 100 do
        local run = vm:begin "local t = {} for i = 1, 50 do t[i] = {} end uuid() uuid() return #t"
        run:resume()
        if i % 3 == 0 then run:abandon() elseif i % 3 == 1 then run:resume() else run:forget() end
      end
      vm:run "for i = 1, 20000 do local t = { i } end"
      return vm:bytes()
    end
    round()
    local before = round()
    for _ = 1, 5 do round() end
    assert.truthy(round() <= before + 100000, before)
  end)
end)
