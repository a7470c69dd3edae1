-- require "weir.test": scripts on the real core with clients that a spec makes up, and a clock that it moves.
-- The first argument of this chunk is core/test/binding.c's table, the second the folder of the scripts.
local core, folder = ...
local lfs = require "lfs"
local assert = require "luassert"
local say = require "say"

local test = { null = core.null, array = core.array }

local Scene, Client, Result = {}, {}, {}
Scene.__index, Client.__index, Result.__index = Scene, Client, Result

local scenes = setmetatable({}, { __mode = "k" })

-- ---- what a person reads ----

local function show(value)
  local ok, text = pcall(core.encode, value)
  return ok and text or tostring(value)
end

-- Raises at the line of the spec that is to blame, however deep in here it was noticed.
local function blame(text, ...)
  local level, info = 2, debug.getinfo(2, "S")
  while info and (info.what == "C" or info.source == "@weir.test" or info.source:find "/luassert/") do
    level = level + 1
    info = debug.getinfo(level, "S")
  end
  error(text:format(...), level)
end

local function want(value, kind, what)
  if type(value) ~= kind then blame("%s has to be a %s, not a %s", what, kind, type(value)) end
  return value
end

local function encode(value, what)
  local ok, text = pcall(core.encode, value, what)
  return ok and text or blame("%s", text:gsub("^weir%.test:%d+: ", ""))
end

function Result:__tostring()
  if self.pending then return "no answer yet" end
  if self.ok then return "accepted" .. (self.data ~= nil and ": " .. show(self.data) or "") end
  return ("refused: %d %s"):format(self.code, self.message)
end

function Client:__tostring()
  return "client " .. (self.user ~= "" and self.user or "without a user")
end

function Scene.__tostring()
  return "scene"
end

-- ---- files ----

local function is_file(path) return lfs.attributes(path, "mode") == "file" end
local function is_folder(path) return lfs.attributes(path, "mode") == "directory" end

local function read(path)
  local file, reason = io.open(path, "rb")
  if not file then return nil, reason end
  local text = file:read "a"
  file:close()
  return text
end

local DEPTH_MAX = 8

-- What the server would read: Lua that is no spec and no editor's, and schemas.
local function is_wanted(path)
  local is_lua = path:find "%.lua$" and not path:find "_spec%.lua$" and not path:find "%.d%.lua$"
  return is_lua or path:find "^schemas/.*%.json$"
end

-- Every such file below, by its path from there.
local function scripts_below(root, below, depth, found)
  for name in lfs.dir(below == "" and root or root .. "/" .. below) do
    local path = below == "" and name or below .. "/" .. name
    if not name:find "^[.#]" then
      if is_folder(root .. "/" .. path) and depth < DEPTH_MAX then
        scripts_below(root, path, depth + 1, found)
      elseif is_wanted(path) and is_file(root .. "/" .. path) then
        found[path] = read(root .. "/" .. path)
      end
    end
  end
  return found
end

local function make_folders(root, path)
  for at in path:gmatch "()/" do lfs.mkdir(root .. "/" .. path:sub(1, at - 1)) end
end

local function remove(path)
  if lfs.symlinkattributes(path, "mode") == "directory" then
    for name in lfs.dir(path) do
      if name ~= "." and name ~= ".." then remove(path .. "/" .. name) end
    end
  end
  os.remove(path)
end

-- A folder with these files for as long as `use` is running; the core keeps what it has read.
local function with_folder(files, use)
  local root = os.tmpname()
  os.remove(root)
  assert(lfs.mkdir(root))
  for path, text in pairs(files) do
    make_folders(root, path)
    local file = assert(io.open(root .. "/" .. path, "wb"))
    file:write(text)
    file:close()
  end
  local results = table.pack(pcall(use, root))
  remove(root)
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

-- nil: all that is there; a name: that script, lib/ and schemas/; a table: texts by name, which take the place of files.
local function files_of(what)
  local files = scripts_below(folder, "", 0, {})
  if type(what) ~= "string" then return files end
  if files[what] == nil then blame("there is no script %s in %s", what, folder) end
  for path in pairs(files) do
    if path ~= what and not path:find "^lib/" and not path:find "^schemas/" then files[path] = nil end
  end
  return files
end

local function told(problems)
  local lines = { "the scripts do not load:" }
  for _, problem in ipairs(problems) do
    local at = problem.line > 0 and ("%s:%d"):format(problem.file, problem.line) or problem.file
    lines[#lines + 1] = ("  %s%s%s"):format(at, at ~= "" and ": " or "", problem.reason)
    if problem.source ~= "" then lines[#lines + 1] = "    " .. problem.source:match "^%s*(.*)$" end
  end
  return table.concat(lines, "\n")
end

-- ---- scenes ----

-- The files of a scene that stand there as on disk: lines of others would be counted for the wrong text.
local function untouched(files)
  local names = {}
  for name, text in pairs(files) do
    if text == read(folder .. "/" .. name) then names[#names + 1] = name end
  end
  return names
end

local function put_in_force(scene)
  scene.world:measure(untouched(scene.files))
  local generation, problems = with_folder(scene.files, function(root) return scene.world:load(root) end)
  if not generation then return nil, told(problems) end
  scene.generation = generation
  return true
end

-- t.load(): the folder's scripts. t.load "chat.lua": that one. t.load { ["a.lua"] = "..." }: these texts.
function test.load(what)
  local scene = setmetatable({ world = core.new(), clients = setmetatable({}, { __mode = "k" }), logged = {},
    stubs = {}, requests = {} }, Scene)
  if type(what) == "table" then
    scene.files = {}
    for name, text in pairs(what) do scene.files[name] = want(text, "string", "a script's text") end
  elseif what == nil or type(what) == "string" then
    scene.files = files_of(what)
    scene.what = what
  else
    blame("t.load takes a file's name, a table of texts, or nothing for all scripts")
  end
  scenes[scene] = true
  local ok, reason = put_in_force(scene)
  if not ok then blame("%s", reason) end
  return scene
end

local function reload(scene, texts)
  local before = scene.files
  local files = {}
  for name, text in pairs(before) do files[name] = text end
  for name, text in pairs(texts or files_of(scene.what)) do
    files[name] = text or nil -- false: the file is gone
  end
  scene.files = files
  local ok, reason = put_in_force(scene)
  if not ok then scene.files = before end
  scene:_hear()
  return ok, reason
end

-- s:reload(): what the files say now. s:reload { ["chat.lua"] = "..." }: with that text in place of the file's.
function Scene:reload(texts)
  local ok, reason = reload(self, texts)
  if not ok then blame("%s", reason) end
  return self
end

-- The same where it may not load: true, or nil and what is wrong. What was in force stays.
function Scene:try_reload(texts)
  return reload(self, texts)
end

-- ---- other servers ----

local ANSWER = { status = true, headers = true, body = true, json = true, error = true }

local function header_lists(answer)
  local names, values = {}, {}
  if answer.json ~= nil then names[1], values[1] = "content-type", "application/json" end
  for name, value in pairs(answer.headers or {}) do
    names[#names + 1], values[#values + 1] = name:lower(), tostring(value)
  end
  return names, values
end

local function give(scene, number, answer)
  if type(answer) ~= "table" then blame("an answer of s:http is a table, a function or false, not %s", show(answer)) end
  for name in pairs(answer) do
    if not ANSWER[name] then
      blame("an answer of s:http has no `%s`: there are status, headers, body, json and error", tostring(name))
    end
  end
  if answer.error then return scene.world:answer_errand(number, nil, answer.error) end
  local names, values = header_lists(answer)
  local body = answer.json ~= nil and encode(answer.json, "json") or answer.body
  scene.world:answer_errand(number, { status = answer.status or 200, body = body, names = names, values = values })
end

local function request_of(errand)
  local request = { method = errand.method, url = errand.url, body = errand.body, headers = {} }
  for name, value in errand.headers:gmatch "([^\n]-): ([^\n]*)\n" do request.headers[name:lower()] = value end
  local ok, json = pcall(core.decode, errand.body or "")
  if ok then request.json = json end
  return request
end

-- The requests of hooks that wait, each once. Whether there were any.
local function run_errands(scene)
  local errand, any = scene.world:errand(), false
  while errand do
    any = true
    local request = request_of(errand)
    table.insert(scene.requests, request)
    local answer = scene.stubs[errand.method .. " " .. errand.url]
    if answer == nil then answer = scene.stubs[errand.url] end
    if type(answer) == "function" then answer = answer(request) end
    if answer == nil then
      answer = { error = ("no spec answers it: s:http(%q, { status = 200 })"):format(errand.method .. " " .. errand.url) }
    end
    if answer then give(scene, errand.number, answer) end
    errand = scene.world:errand()
  end
  return any
end

-- s:http("https://api.example.com/x", { json = ... }): what is answered there, whatever the method or with "POST https://...".
-- A function is asked with each request; false never answers; { error = "refused" } is no answer at all.
function Scene:http(url, answer)
  if answer == nil then blame("s:http takes an address and an answer: a table, a function, or false for none") end
  self.stubs[want(url, "string", "an address")] = answer
  return self
end

-- Everybody listens; what is heard may need an answer, so until all is quiet.
function Scene:_hear()
  local is_busy = true
  while is_busy do
    is_busy = run_errands(self)
    for client in pairs(self.clients) do is_busy = client:_listen() or is_busy end
  end
end

local function milliseconds(time)
  local ms = math.tointeger(time) or type(time) == "string" and core.duration(time)
  if not ms then blame("%s is no time: write \"500ms\", \"30s\", \"5m\", \"24h\" or \"7d\"", show(time)) end
  return ms
end

-- s:advance "24h": timers fire, each at its own time.
function Scene:advance(time)
  local left = milliseconds(time)
  repeat
    left = self.world:pass(left)
    self:_hear()
  until left == 0
  return self
end

-- Unix milliseconds, as now() in a script.
function Scene:now()
  return self.world:now()
end

-- What was logged in this scene: a list of { level, event, text, script, ... }.
function Scene:log()
  for line in self.world:log():gmatch "[^\n]+" do self.logged[#self.logged + 1] = core.decode(line) end
  return self.logged
end

function Scene:close()
  self.world:finish()
  scenes[self] = nil
end

-- ---- the server API ----

local Question = {}

-- An answer may come later, where a hook waits: whoever looks at a result looks whether it has.
function Question.__index(result, name)
  local question = rawget(result, "_question")
  local body = question and question:answer()
  if body then
    rawset(result, "_question", nil)
    rawset(result, "pending", nil)
    local answer = core.decode(body)
    if answer.error then
      result.ok, result.code, result.message = false, answer.error.code, answer.error.message
      result.incident = answer.error.incident
    else
      result.ok = true
      result.data = rawget(result, "_unwrap") and answer.result.data or answer.result
    end
    return rawget(result, name)
  end
  return Result[name]
end
Question.__tostring = function(result)
  local _ = result.ok
  return Result.__tostring(result)
end

local function ask(scene, method, body, unwrap)
  local result = setmetatable({ pending = true, _unwrap = unwrap,
    _question = scene.world:ask(method, encode(body or {}, "body")) }, Question)
  scene:_hear()
  local _ = result.ok
  return result
end

-- s:api("publish", { channel = ..., data = ... }): any method of the server API.
function Scene:api(method, body)
  return ask(self, method, body)
end

function Scene:publish(channel, data)
  return self:api("publish", { channel = channel, data = data })
end

function Scene:call(method, args)
  return ask(self, "rpc", { method = method, data = args }, true)
end

function Scene:presence(channel)
  return self:api("presence", { channel = channel })
end

-- ---- clients ----

local function list_of(roles)
  if type(roles) == "string" then roles = { roles } end
  if roles == nil then return nil end
  return core.array(want(roles, "table", "roles"))
end

-- A token of the server's own, as a login would hand it out; nil for who is nobody.
local function token_for(scene, who)
  local claims, has_any = {}, false
  for name, value in pairs(want(who.claims or {}, "table", "claims")) do claims[name] = value end
  for name, value in pairs { sub = who.user or false, roles = list_of(who.roles) or false,
    info = who.info or false } do
    if value then claims[name] = value end
  end
  if who.expires then claims.exp = (scene:now() + milliseconds(who.expires)) // 1000 end
  for _ in pairs(claims) do has_any = true end
  return has_any and scene.world:sign(encode(claims, "claims")) or nil
end

local KNOWN = { user = true, roles = true, claims = true, info = true, expires = true, token = true, data = true,
  ip = true, headers = true }

local function connect(scene, who)
  who = want(who or {}, "table", "a client")
  for name in pairs(who) do
    if not KNOWN[name] then
      blame("a client has no `%s`: there are user, roles, claims, info, expires, token, data, ip and headers", name)
    end
  end
  local client = setmetatable({
    scene = scene, user = who.user or "", asked = {}, last_id = 0, heard = {}, inbox = {}, left = {}, joined = {},
    guest = scene.world:guest { ip = who.ip, headers = who.headers, brings_token = who.token ~= nil },
  }, Client)
  scene.clients[client] = true
  local token = who.token or token_for(scene, who)
  client.connection = client:_ask("connect", { token = token, data = who.data })
  client.connection.client = client
  return client
end

-- A client that has connected. For one that may be refused there is s:connect, which tells how it went.
function Scene:client(who)
  local client = connect(self, who)
  if client.closed then blame("%s was sent away: %d %s", client, client.closed.code, client.closed.reason) end
  if client.connection.ok == false then blame("%s was %s", client, client.connection) end
  return client
end

-- The result of connecting; result.client is the client.
function Scene:connect(who)
  local client = connect(self, who)
  local result = client.connection
  if result.pending and client.closed then
    result.pending, result.ok, result.code, result.message = nil, false, client.closed.code, client.closed.reason
  end
  return result
end

function Client:_ask(verb, body)
  self.last_id = self.last_id + 1
  local result = setmetatable({ pending = true }, Result)
  self.asked[self.last_id] = { result = result, channel = body.channel }
  self:_say { id = self.last_id, [verb] = body }
  return result
end

function Client:_say(command)
  if self.closed then blame("%s is not connected any more: %d %s", self, self.closed.code, self.closed.reason) end
  self.guest:say(encode(command, "what is said"))
  self.scene:_hear()
end

local function members_of(presence)
  local list = {}
  for id, member in pairs(presence) do
    table.insert(list, { user = member.user, client = id, info = member.conn_info })
  end
  table.sort(list, function(a, b)
    if a.user ~= b.user then return a.user < b.user end
    return a.client < b.client
  end)
  return list
end

local function settle(result, message)
  result.pending = nil
  if message.error then
    result.ok, result.code, result.message = false, message.error.code, message.error.message
    result.temporary, result.incident = message.error.temporary, message.error.incident
    return
  end
  result.ok = true
  local body
  for name, value in pairs(message) do
    if name ~= "id" then body = value end
  end
  result.data = body.data
  if body.presence then result.presence, result.members = body.presence, members_of(body.presence) end
  result.num_clients, result.num_users = body.num_clients, body.num_users
  result.id = body.client
end

local function take_publication(client, channel, pub)
  local info = pub.info or {}
  client.heard[channel] = client.heard[channel] or {}
  table.insert(client.heard[channel],
    { data = pub.data, user = info.user, client = info.client, offset = pub.offset, tags = pub.tags })
end

-- What `latest` gives to who comes is heard like any other.
local function take_reply(client, asked, message)
  settle(asked.result, message)
  for _, pub in ipairs(message.subscribe and message.subscribe.publications or {}) do
    take_publication(client, asked.channel, pub)
  end
end

local function take_push(client, push)
  local channel = push.channel
  if push.pub then
    take_publication(client, channel, push.pub)
  elseif push.unsubscribe then
    client.joined[channel] = nil
    client.left[channel] = push.unsubscribe
  elseif push.message then
    table.insert(client.inbox, push.message.data)
  elseif push.disconnect then
    client.closed = push.disconnect
  end
end

function Client:_listen()
  if self.has_gone then return false end
  local text = self.guest:take()
  for line in text:gmatch "[^\n]+" do
    local message = core.decode(line)
    if message.id then
      local asked = self.asked[message.id]
      self.asked[message.id] = nil
      if asked then take_reply(self, asked, message) end
    else
      take_push(self, message.push)
    end
  end
  return text ~= ""
end

function Client:subscribe(channel, data)
  local result = self:_ask("subscribe", { channel = channel, data = data })
  self.joined[channel] = true
  return result
end

function Client:unsubscribe(channel)
  self.joined[channel] = nil
  return self:_ask("unsubscribe", { channel = channel })
end

function Client:publish(channel, data)
  if data == nil then data = core.null end
  return self:_ask("publish", { channel = channel, data = data })
end

-- client:call("chat:1/stats", args), and client:call("whoami") of the server.
function Client:call(method, args)
  return self:_ask("rpc", { method = method, data = args })
end

-- result.members: a list of { user, client, info }, in the order of users.
function Client:presence(channel)
  return self:_ask("presence", { channel = channel })
end

-- Has no reply: server.on_message gets it.
function Client:send(data)
  self:_say { send = { data = data } }
end

-- The data of the messages that reached it in a channel, oldest first.
function Client:messages(channel)
  local list = {}
  for i, message in ipairs(self.heard[channel] or {}) do list[i] = message.data end
  return list
end

-- The same with who published it: a list of { data, user, client, offset }.
function Client:publications(channel)
  return self.heard[channel] or {}
end

-- { code, reason } of a channel that it was taken out of, or nil.
function Client:unsubscribed(channel)
  return self.left[channel]
end

-- What it has heard so far counts no more.
function Client:forget()
  self.heard, self.inbox, self.left = {}, {}, {}
  return self
end

-- Reads nothing more, as one whose network is down; client:read() goes on.
function Client:stop_reading() self.guest:stuck(true) return self end
function Client:read()
  self.guest:stuck(false)
  self.scene:_hear()
  return self
end

-- Goes without a word.
function Client:leave()
  self.closed = self.closed or { code = 3000, reason = "connection closed" }
  self.has_gone = true
  self.scene.clients[self] = nil
  self.guest:leave()
  self.scene:_hear()
end

-- ---- assertions ----

-- Whether `value` has all of `part`: of objects these members, of lists all.
local function includes(value, part)
  if type(part) ~= "table" or type(value) ~= "table" then return value == part end
  if #part ~= #value and (#part > 0 or core.encode(part):sub(1, 1) == "[") then return false end
  for name, member in pairs(part) do
    if not includes(value[name], member) then return false end
  end
  return true
end

local function includes_any(list, part)
  for _, value in ipairs(list) do
    if includes(value, part) then return true end
  end
  return false
end

local function shown(list, none)
  if #list == 0 then return none end
  local lines = {}
  for i, value in ipairs(list) do lines[i] = "  " .. show(value) end
  return table.concat(lines, "\n")
end

-- The callbacks get the arguments and return whether it holds, and a sentence for each way to be wrong.
local function add(name, judge)
  local key = "weir." .. name
  say:set(key, "%s")
  assert:register("assertion", name, function(state, arguments)
    local is_right, holds, when_not, when_so = pcall(judge, table.unpack(arguments, 1, arguments.n))
    if not is_right then blame("assert.%s: %s", name, holds) end
    arguments[1], arguments.n, arguments.nofmt = state.mod and when_not or when_so, 1, { true }
    return holds
  end, key, key)
end

local function result_of(value)
  local is_result = type(value) == "table" and (getmetatable(value) == Result or getmetatable(value) == Question)
  if getmetatable(value) == Client then return value.connection end
  if not is_result then error("the result of a publish, subscribe, call or connect is needed, not " .. show(value), 0) end
  return value
end

-- assert.refused(result), assert.refused("part of the reason", result), assert.refused(103, result)
add("refused", function(...)
  local result = result_of((select(select("#", ...), ...)))
  local so, expected = result.ok == false, {}
  for i = 1, select("#", ...) - 1 do
    local reason = select(i, ...)
    expected[i] = tostring(reason)
    if type(reason) == "number" then
      so = so and result.code == reason
    else
      so = so and tostring(result.message):find(reason, 1, true) ~= nil
    end
  end
  local what = #expected > 0 and " (" .. table.concat(expected, " ") .. ")" or ""
  return so, ("expected it to be refused%s, but it was %s"):format(what, tostring(result)),
    ("expected it not to be refused%s, but it was %s"):format(what, tostring(result))
end)

-- assert.accepted(result)
add("accepted", function(value)
  local result = result_of(value)
  return result.ok == true, ("expected it to be accepted, but it was %s"):format(tostring(result)),
    "expected it not to be accepted, but it was"
end)

local function who(client)
  if getmetatable(client) ~= Client then error("a client of this scene is needed, not " .. show(client), 0) end
  return client.user ~= "" and client.user or "a client without a user"
end

-- assert.received(client, channel, part of a message); without the part: anything
add("received", function(client, channel, part)
  local name, list = who(client), client:messages(channel)
  local where = client.joined[channel] and "" or ("; %s has not subscribed to it"):format(name)
  local holds = part == nil and #list > 0 or part ~= nil and includes_any(list, part)
  return holds, ("expected %s to receive %s in %s, but there came\n%s"):format(name,
    part == nil and "something" or show(part), channel, shown(list, "  nothing" .. where)),
    ("expected %s not to receive %s in %s, but there came\n%s"):format(name,
      part == nil and "anything" or show(part), channel, shown(list, "  nothing"))
end)

-- assert.told(client, part): a message to this client alone, by client:send in a script
add("told", function(client, part)
  local name, list = who(client), client.inbox
  return part == nil and #list > 0 or part ~= nil and includes_any(list, part),
    ("expected %s to be told %s, but it was told\n%s"):format(name, show(part), shown(list, "  nothing")),
    ("expected %s not to be told %s, but it was told\n%s"):format(name, show(part), shown(list, "  nothing"))
end)

-- assert.logged(scene, "text") or assert.logged(scene, { part of a line })
add("logged", function(scene, part)
  local lines, holds = scene:log(), false
  for _, line in ipairs(lines) do
    if type(part) == "table" then holds = holds or includes(line, part)
    else holds = holds or show(line):find(part, 1, true) ~= nil end
  end
  return holds, ("expected %s in the log, but there is\n%s"):format(show(part), shown(lines, "  nothing")),
    ("expected no %s in the log, but there is\n%s"):format(show(part), shown(lines, "  nothing"))
end)

-- ---- for the runner ----

-- All scripts of the folder, for who counts their lines: texts by name.
function test._scripts()
  local files = scripts_below(folder, "", 0, {})
  for name in pairs(files) do
    if not name:find "%.lua$" then files[name] = nil end
  end
  return files
end

-- What scripts failed with since this was asked last, for who has to find out why a test fails.
function test._failures()
  local list = {}
  for scene in pairs(scenes) do
    local from = scene.looked or 0
    for i, line in ipairs(scene:log()) do
      if i > from and line.event == "script_failed" then
        list[#list + 1] = ("%s: %s (in %s)"):format(line.at, line.reason, line.hook)
      end
    end
    scene.looked = #scene.logged
  end
  return list
end

return test
