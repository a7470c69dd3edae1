-- Scripts that do what they can to harm: each attack of spec/hostile in the running server.
local attack = require "attack"
local cjson = require "cjson"
local http = require "http"
local server = require "server"
local talk = require "talk"

-- Sanitizers keep what was freed, and make so slow that any attack may run out of time first: then it is enough that
-- nobody else notices.
local IS_SANITIZED = (os.getenv "FLAVOR" or ""):find "san" ~= nil
local MB = 1 << 20
local all = attack.all()

local function start(files, linger_ms)
  return server.start {
    command = "dev",
    scripts = files,
    args = { "--workers", "1", "--api-key", "key", "--linger-ms", tostring(linger_ms or 600000), "--ping-ms", "60000", "--drain-ms", "1000",
      "--http-allow", "nobody.example", "--store-bytes", tostring(8 * MB) },
  }
end

-- One attack and those who are there while it runs.
local Meeting = {}
Meeting.__index = Meeting

local function meet(it_runs, one)
  local self = setmetatable({ it_runs = it_runs, one = one, said = 0 }, Meeting)
  self.ann = talk.to(it_runs, { as = "ann" }):connect()
  self.ben = talk.to(it_runs, { as = "ben" }):connect():join("bystander:" .. one.name)
  self.mallory = talk.to(it_runs, { as = "mallory" }):connect()
  self.channel = one.name .. ":x"
  self.mallory:call(self.channel .. "/keep", one.name)
  if one.hears then self.eve = talk.to(it_runs):connect():join(self.channel) end
  self.memory = self:bytes()
  return self
end

function Meeting:bytes()
  return http.metric(self.it_runs, ('weir_script_memory_bytes{script="%s.lua"}'):format(self.one.name))
end

function Meeting:attacks()
  local command = { id = 1000 }
  if self.one.through == "call" then command.rpc = { method = self.channel .. "/go", data = {} } end
  if self.one.through == "publish" then command.publish = { channel = self.channel, data = { x = 1 } } end
  if self.one.through == "subscribe" then command.subscribe = { channel = self.channel } end
  self.mallory:say(command)
end

-- All at once, and in their order at the other end.
function Meeting:goes_on(count)
  local channel, lines = "bystander:" .. self.one.name, {}
  for i = 1, count do
    lines[i] = { id = 2000 + i, publish = { channel = channel, data = { n = self.said + i } } }
  end
  self.ann:say(table.unpack(lines))
  for i = 1, count do
    self.ben:hears(channel, { n = self.said + i, word = "whole", upper = "X" })
    assert.is_nil(self.ann:reply(2000 + i).error)
  end
  self.said = self.said + count
end

function Meeting:is_answered()
  local reply, one = self.mallory:reply(1000), self.one
  local text = cjson.encode(reply)
  local code, reason = one.answer:match "^(%S+)%s*(.*)$"
  if IS_SANITIZED and reply.error and reply.error.code == 504 then return end
  if code == "fine" then
    assert.is_nil(reply.error, text)
    if reason ~= "" then assert.equal(reason, cjson.encode(reply.rpc.data)) end
  elseif code:find "^[%d%%]" then
    assert.truthy(reply.error, text)
    assert.truthy(("%d"):format(reply.error.code):find("^" .. code .. "$"), text)
    assert.truthy(reply.error.message:find(reason), text)
  end
end

function Meeting:crowds()
  local count, method = self.one.crowd:match "^(%d+) (%S+)$"
  local client, lines = self.mallory, {}
  count = tonumber(count)
  for i = 1, count do
    lines[#lines + 1] = { id = 5000 + i, rpc = { method = method, data = cjson.null } }
    if #lines == 250 or i == count then
      client:say(table.unpack(lines))
      lines = {}
    end
  end
  self:goes_on(20)
  local codes = {}
  for i = 1, count do
    local reply = client:reply(5000 + i)
    local code = reply.error and reply.error.code or 0
    codes[code] = (codes[code] or 0) + 1
  end
  local refused = (codes[429] or 0) + (codes[504] or 0)
  assert.equal(count, (codes[0] or 0) + refused)
  if self.one.refuses and not IS_SANITIZED then assert.is_true(refused > 0, "nobody was refused") end
end

function Meeting:is_survived()
  local one = self.one
  assert.is_nil(self.it_runs:exit_status())
  if one.closes then assert.equal(3001, (self.mallory:closed())) end
  local eve = self.eve
  if one.hears == "nothing" then eve:hears_nothing(self.channel) end
  if one.hears and one.hears ~= "nothing" then eve:hears(self.channel, cjson.decode(one.hears)) end
  if one.log and not IS_SANITIZED then self.it_runs:wait_log((one.log:gsub("%p", "%%%0"))) end
  if one.counts and not IS_SANITIZED then
    assert(server.wait(20, function() return http.metric(self.it_runs, one.counts) > 0 end), one.counts .. " stayed 0")
  end
  local friend = talk.to(self.it_runs, { as = "friend" }):connect()
  assert.equal(one.name, (friend:call(self.channel .. "/kept", {})))
  self:goes_on(5)
end

-- Without more calls: what was taken by a run that was stopped is there again, but for its stack, which Lua makes smaller later.
function Meeting:memory_is_back()
  local more = self:bytes() - self.memory
  local stopped = self.one.answer:find "^504" and self.one.memory ~= "kept"
  assert.is_true(more < (stopped and 8 or 17) * MB, ("%d bytes more than before"):format(more))
end

local function resident(it_runs)
  return tonumber(server.read(("/proc/%d/status"):format(it_runs.pid)):match "VmRSS:%s+(%d+)") * 1024
end

describe("a hostile script", function()
  local it_runs
  lazy_setup(function() it_runs = start(attack.files(all)) end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(talk.close_all)

  for _, one in ipairs(all) do
    if not one.at_load and not one.busy then
      it(("%s: %s"):format(one.name, one.what), function()
        local meeting = meet(it_runs, one)
        if one.crowd then
          meeting:crowds()
        else
          meeting:attacks()
          meeting:goes_on(20)
          meeting:is_answered()
        end
        meeting:is_survived()
        meeting:memory_is_back()
      end)
    end
  end

  it("and when all have had their turn, a reload gives every channel a new VM, with its state, and memory is back", function()
    local before = resident(it_runs)
    for name, text in pairs(attack.files(all)) do it_runs:write(name, text .. "\n-- saved again\n") end
    assert.is_true(http.api(it_runs, "reload").result.generation >= 2) -- or the watcher was quicker
    local friend = talk.to(it_runs, { as = "friend" }):connect()
    for _, one in ipairs(all) do
      if not one.at_load and not one.busy then
        assert.equal(one.name, (friend:call(one.name .. ":x/kept", {})), one.name)
      end
    end
    if not IS_SANITIZED then assert.is_true(resident(it_runs) < before + 32 * MB) end
  end)
end)

describe("a hostile script that is not done when it has answered", function()
  local it_runs
  after_each(function()
    talk.close_all()
    it_runs:stop()
  end)

  for _, one in ipairs(all) do
    if one.busy then
      it(("%s: %s"):format(one.name, one.what), function()
        it_runs = start(attack.files { one }, one.name == "storm_close" and 200)
        local meeting = meet(it_runs, one)
        local before = resident(it_runs)
        meeting:attacks()
        meeting:is_answered()
        local failures
        for round = 1, 10 do
          meeting:goes_on(2)
          local _, count = it_runs.log():gsub("event=script_failed", "")
          if round == 5 then failures = count end
        end
        -- Ten times there and back while the storm lasts: each turn has room for a hook of it or two.
        assert.is_true(failures < 20, ("%d hooks failed before it was heard"):format(failures))
        meeting:is_survived()
        if not IS_SANITIZED then assert.is_true(resident(it_runs) < before + 256 * MB) end
        assert.equal(0, it_runs:stop())
      end)
    end
  end
end)

describe("a hostile script, while it loads", function()
  local it_runs
  lazy_setup(function() it_runs = start { ["bystander.lua"] = attack.bystander, ["lib/shared.lua"] = attack.shared } end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(talk.close_all)

  for _, one in ipairs(all) do
    if one.at_load then
      it(("%s: %s"):format(one.name, one.what), function()
        local meeting = meet(it_runs, one)
        it_runs:write(one.name .. ".lua", one.source)
        meeting:goes_on(20)
        local error = http.api(it_runs, "reload").error
        assert.truthy(error, "it is in force")
        local text = cjson.encode(error)
        assert.truthy(text:find(one.at_load, 1, true), text)
        assert.truthy(text:find(one.name .. ".lua", 1, true), text)
        meeting:goes_on(5)
        assert(os.remove(it_runs.scripts .. "/" .. one.name .. ".lua"))
        assert.equal(1, http.api(it_runs, "info").result.nodes[1].generation)
      end)
    end
  end
end)
