-- make torture: memory of a script's VM is refused at the n-th time that it is asked for, for n = 1, 2, ... until all has
-- been had: within each kind of hook, while scripts load and are reloaded, and while a channel moves. After each of
-- these: whoever asked has one answer, what the hook wished is done as a whole or not at all, and the next call works.
-- What leaks or is touched too late the address sanitizer says, at the end.
local core = require "room.torture"

local RULES = [[
local VERSION = 1
local room = channel("room:{n}", { subscribe = "anyone", publish = "anyone", call = "anyone", presence = true, history = 10,
  schema = { publish = shape { text = "string ..100" } } })
channel("log:{n}", { subscribe = "anyone" })
local opens = channel("opens:{n}", { subscribe = "anyone", call = "anyone" })
local told = channel("told:{n}", { subscribe = "anyone", publish = "anyone" })
local seen = channel("seen:{n}", { subscribe = "anyone", publish = "anyone", views = { { "some" } } })
local guarded = breaker("torture", { failures = 1000 })

-- Of each hook both are heard or neither is, and what was stored goes with them.
local function wish(what)
  publish("log:a", { what = what, n = 1 })
  store.set("did/" .. what, { what, { 1, 2, 3 } })
  log("wished", { what = what, list = { 1, "two" } })
  publish("log:a", { what = what, n = 2 })
end

function room:on_subscribe(client, data) wish "subscribe" return { data = data, user = client.user } end
function room:on_unsubscribe(client, why) self.state.left = why wish("unsubscribe") end
function room:on_publish(msg, from)
  wish "publish"
  self.state.seen = { msg.text, from.user, from.claims.name }
  return { text = (msg.text:gsub("%w", string.upper)), by = from.user, id = uuid(), more = { msg, msg } }
end
function room:on_published(msg) if msg.by then wish "published" end end
function room:rpc_go(args, from)
  wish "call"
  local ok, why = pcall(function() return json.decode(json.encode { args, from.user, ("x"):rep(3000):trim() }) end)
  if not ok then error(why, 0) end
  return { args = args, list = { 1, 2, 3 }, sorted = table.concat({ "a", "b" }, ",") }
end
function room:rpc_alive() return { v = VERSION, state = self.state } end
function room:rpc_reject() wish "reject" reject(1403, "no, " .. ("x"):rep(50)) end
function room:rpc_fail() wish "fail" error { code = 7, why = "on purpose" } end
function room:rpc_nap(args)
  local x <close> = setmetatable({}, { __close = function() self.state.closed = true end })
  sleep "100ms"
  wish "nap"
  sleep "100ms"
  return { slept = args }
end
function room:rpc_timer() self:after("1s", "ring", { "with", 1 }) self:every("1s", "tick") wish "set" return true end
function room:ring(with) wish "ring" return with end
function room:tick() wish "tick" end
function room:rpc_cache() wish "cache" return cache("key", { ttl = "1h" }, function() sleep "50ms" return { big = { 1, 2, 3 } } end) end
function room:rpc_breaker() wish "breaker" return guarded:call(function(x) sleep "50ms" return x end, "through") end
function room:rpc_http()
  local answer = http.post("https://example.com/x", { json = { a = 1 }, headers = { ["X-A"] = "b" } })
  wish "http"
  return { status = answer.status, body = answer:json() }
end
function room:rpc_kick() wish "kick" self:kick { user = "ben", reason = "kicked" } return store.get "did/kick" end
function room:rpc_keep(x) self.state.kept = x return true end
function opens:on_open() wish "open" self.state.open = true end
function opens:on_close() wish "close" end
function opens:rpc_alive() return true end
function told:on_publish(msg, from) from:send({ told = msg }) wish "told" return true end
function seen:view_some(msg) return { some = msg.text, list = { 1, 2 } } end
function server.on_connect(req)
  if req.data and req.data.nap then sleep "50ms" end
  wish "connect"
  return { user = "ann", roles = { "a", "b" }, claims = { name = "Ann" }, info = { x = { 1 } } }
end
function server.on_disconnect(client) wish("disconnect") return client.user end
function server.on_message(data, from) wish "message" from:send({ echo = data }) end
function server.rpc_go(args) wish "server" return { args, args } end
function server.rpc_nap(args) sleep "50ms" wish "servernap" return args end
]]

local LIB = 'local words = {} for i = 1, 20 do words[i] = ("w"):rep(i) end return words\n'

-- ---- a world ----

local function fill(root, rules)
  for path, text in pairs { ["/a.lua"] = rules, ["/lib/words.lua"] = LIB } do
    local file <close> = assert(io.open(root .. path, "wb"))
    file:write(text)
  end
end

local function folder()
  local root = os.tmpname()
  os.remove(root)
  assert(os.execute("mkdir -p " .. root .. "/lib"))
  return root
end

local roots = { folder(), folder() }
fill(roots[1], RULES)
fill(roots[2], (RULES:gsub("VERSION = 1", "VERSION = 2") .. "\nlocal words = require \"words\"\nassert(#words == 20)\n"))

local World = {}
World.__index = World

function World.new()
  local self = setmetatable({ core = core.new(), last = 0 }, World)
  assert(self.core:load(roots[1]))
  self.ear = self:comes()
  self:ask(self.ear, '"subscribe":{"channel":"log:a"}')
  return self
end

function World:comes(data)
  local guest = self.core:guest {}
  self:ask(guest, '"connect":' .. (data or "{}"))
  return guest
end

function World:say(guest, request)
  self.last = self.last + 1
  guest:say(('{"id":%d,%s}'):format(self.last, request))
  return self.last
end

function World:hear_errands()
  local errand = self.core:errand()
  while errand do
    self.core:answer_errand(errand.number, { status = 200, body = '{"b":[1,2]}', names = { "Content-Type" }, values = { "application/json" } })
    errand = self.core:errand()
  end
end

-- Time passes until nothing waits any more.
function World:pass(ms)
  self:hear_errands()
  local left = self.core:pass(ms)
  while left > 0 do
    self:hear_errands()
    left = self.core:pass(left)
  end
end

-- The answers with that id among what a guest has heard, and all of it.
local function answers(guest, id)
  local all = guest:take()
  local found = {}
  for line in all:gmatch "[^\n]+" do
    if line:find(('{"id":%d,'):format(id), 1, true) then found[#found + 1] = line end
  end
  return found, all
end

function World:ask(guest, request)
  local id = self:say(guest, request)
  self:pass(300)
  return answers(guest, id)
end

-- How often each hook was heard on log:a: n = 1 and n = 2 of it.
function World:wished()
  local counts = {}
  for line in self.ear:take():gmatch "[^\n]+" do
    local n, what = line:match '"data":{"n":(%d),"what":"(%w+)"}'
    if n then
      counts[what] = counts[what] or { 0, 0 }
      counts[what][tonumber(n)] = counts[what][tonumber(n)] + 1
    end
  end
  return counts
end

-- ---- what is done to it ----

-- Each: prepare(world) before memory is short, act(world) -> guest, id of what was asked (or nothing) meanwhile.
local function asking(request, more)
  local scenario = more or {}
  scenario.act = function(world)
    local id = world:say(world.ann, request)
    world:pass(scenario.ms or 300)
    return world.ann, id
  end
  return scenario
end

local function call(method, more) return asking(('"rpc":{"method":"room:a/%s","data":{"a":[1,{"b":"c"}]}}'):format(method), more) end

local scenarios = {
  on_subscribe = asking '"subscribe":{"channel":"room:b","data":{"x":[1,2]}}',
  on_publish = asking '"publish":{"channel":"room:a","data":{"text":"hello there"}}',
  ["rpc_NAME"] = call "go",
  ["rpc_NAME that rejects"] = call("reject", { code = 1403 }),
  ["rpc_NAME that fails"] = call("fail", { code = 500 }),
  ["rpc_NAME that waits"] = call "nap",
  ["cache"] = call "cache",
  ["breaker"] = call "breaker",
  ["http"] = call "http",
  ["timers"] = call("timer", { ms = 3500 }),
  ["kick"] = call("kick", {
    prepare = function(world) world:ask(world:comes(), '"subscribe":{"channel":"room:a"}') end,
  }),
  ["on_open"] = asking('"subscribe":{"channel":"opens:x"}', { once = true }),
  ["on_close"] = {
    prepare = function(world) world:ask(world.ann, '"rpc":{"method":"opens:y/alive","data":{}}') end,
    act = function(world) world:pass(10000) end,
  },
  ["on_unsubscribe"] = asking('"unsubscribe":{"channel":"room:a"}', {
    prepare = function(world) world:ask(world.ann, '"subscribe":{"channel":"room:a"}') end,
  }),
  ["a channel that is made"] = asking '"rpc":{"method":"room:new/go","data":{}}',
  ["send"] = asking '"publish":{"channel":"told:a","data":{"x":1}}',
  ["view_NAME"] = asking('"publish":{"channel":"seen:a","data":{"text":"x"}}', {
    prepare = function(world) world:ask(world.ann, '"subscribe":{"channel":"seen:a"}') end,
  }),
  ["on_connect"] = {
    act = function(world)
      local guest = world.core:guest {}
      local id = world:say(guest, '"connect":{"data":{"x":1}}')
      world:pass(300)
      return guest, id
    end,
    may_close = true,
  },
  ["on_connect that waits"] = {
    act = function(world)
      local guest = world.core:guest {}
      local id = world:say(guest, '"connect":{"data":{"nap":true}}')
      world:pass(300)
      return guest, id
    end,
    may_close = true,
  },
  ["on_disconnect"] = {
    prepare = function(world) world.ben = world:comes() end,
    act = function(world)
      world.ben:leave()
      world:pass(300)
    end,
  },
  ["on_message"] = {
    act = function(world)
      world.ann:say '{"send":{"data":{"x":1}}}'
      world:pass(300)
    end,
  },
  ["server.rpc_NAME"] = asking '"rpc":{"method":"go","data":{"a":1}}',
  ["server.rpc_NAME that waits"] = asking '"rpc":{"method":"nap","data":{"a":1}}',
  ["a reload, and channels that move"] = {
    prepare = function(world) world:ask(world.ann, '"rpc":{"method":"room:a/keep","data":{"deep":[[1],{"x":"y"}]}}') end,
    act = function(world)
      world.reloaded = world.core:load(roots[2]) ~= nil
      world:pass(300)
    end,
    after = function(world)
      local found = world:ask(world.ann, '"rpc":{"method":"room:a/alive","data":{}}')
      assert(#found == 1 and found[1]:find(('"v":%d'):format(world.reloaded and 2 or 1), 1, true), found[1])
      assert(found[1]:find('"kept":{"deep":[[1],{"x":"y"}]}', 1, true), found[1])
    end,
  },
}

-- ---- torture ----

local function check_answer(scenario, guest, id, has_memory)
  local found, all = answers(guest, id)
  local closed = all:find '"disconnect":' ~= nil
  assert(#found == 1 or (scenario.may_close and closed and #found == 0), ("%d answers: %s"):format(#found, all))
  local code = tonumber((found[1] or ""):match '"error":{"code":(%d+)')
  if code then assert(code == 504 or code == 500 or code == scenario.code, found[1]) end
  assert(not has_memory or code == scenario.code, "the next call fails: " .. all)
end

local function check_wishes(wished)
  for what, counts in pairs(wished) do
    assert(counts[1] == counts[2], ("%s: %d and %d"):format(what, counts[1], counts[2]))
    assert(what ~= "fail", "what an error should have discarded was done")
  end
end

-- False: memory was never refused.
local function round(scenario, from, to)
  local world = World.new()
  world.ann = world:comes()
  if scenario.prepare then scenario.prepare(world) end
  world.ear:take()
  world.core:refuse(from, to)
  local guest, id = scenario.act(world)
  local asked = world.core:refuse()
  if guest then check_answer(scenario, guest, id) end
  check_wishes(world:wished())
  if scenario.after then
    scenario.after(world)
  else
    world.ann = world:comes()
    if scenario.prepare then scenario.prepare(world) end
    world.ear:take()
    guest, id = scenario.act(world)
    if not scenario.once then
      if guest then check_answer(scenario, guest, id, true) end
      assert(next(world:wished()) or scenario.code == 500 or scenario.act == scenarios["view_NAME"].act, "the next call does nothing")
    end
  end
  local found = world:ask(world.ann, '"rpc":{"method":"room:a/alive","data":{}}')
  assert(#found == 1 and not found[1]:find '"error"', found[1])
  world.core:finish()
  return asked >= from, asked
end

local only = arg[1]
local names = {}
for name in pairs(scenarios) do if not only or name:find(only, 1, true) then names[#names + 1] = name end end
table.sort(names)
local total = 0
for _, name in ipairs(names) do
  local line = {}
  for _, length in ipairs { 1, 2, math.maxinteger >> 1 } do
    local n, more = 1, true
    while more do
      local ok, result, asked = xpcall(round, debug.traceback, scenarios[name], n, n + length)
      if not ok then
        print(("%s, %s growths refused from number %d: %s"):format(name, length, n, result))
        os.exit(1)
      end
      more = result
      n = n + (name:find "a reload" and tonumber(os.getenv "STEP" or 1) or 1)
      total = total + 1
    end
    line[#line + 1] = n - 1
    collectgarbage()
  end
  print(("%-34s refused at each of %d, two at once at each of %d, all from each of %d"):format(name, table.unpack(line)))
end
print(("%d worlds: nothing lost"):format(total))
for _, root in ipairs(roots) do os.execute("rm -r " .. root) end
