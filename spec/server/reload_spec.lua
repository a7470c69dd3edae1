-- Hot reload: the rules change, everybody stays.
local cjson = require "cjson"
local http = require "http"
local server = require "server"
local talk = require "talk"

local KEY = { ["X-API-Key"] = "key" }

local function stamping(version, more)
  return ([[
local room = channel("room:{name}", { subscribe = "anyone", publish = "anyone", presence = true })
function room:on_publish(msg)
  self.state.count = (self.state.count or 0) + 1
  return { v = %s, n = self.state.count, msg = msg }
end
function room:rpc_state() return self.state end
%s
]]):format(version, more or "")
end

describe("a reload in dev mode", function()
  local it_runs, generation

  before_each(function()
    it_runs = server.start {
      command = "dev",
      scripts = { ["a.lua"] = stamping(1), ["lib/words.lua"] = 'return { "one" }' },
      args = { "--workers", "2", "--api-key", "key" },
    }
    generation = 1
  end)
  after_each(function()
    talk.close_all()
    assert.is_nil(it_runs:exit_status())
    it_runs:stop()
  end)

  local function comes(name)
    return talk.to(it_runs, { as = name }):connect()
  end

  local function info()
    return http.api(it_runs, "info").result.nodes[1]
  end

  -- Writes files (false: deletes one) and waits until they are in force.
  local function save(files)
    for name, text in pairs(files) do
      if text then
        it_runs:write(name, text)
      else
        assert(os.remove(it_runs.scripts .. "/" .. name))
      end
    end
    generation = generation + 1
    return it_runs:wait_log("event=reload generation=" .. generation .. "[^\n]*")
  end

  local function refused(files)
    for name, text in pairs(files) do it_runs:write(name, text) end
    return it_runs:wait_log "event=reload_refused[^\n]*"
  end

  it("warns in the terminal of what can hardly be meant, once a load", function()
    save { ["odd.lua"] = 'channel("odd", { subscribe = "user.id" })\n' }
    it_runs:wait_log 'event=script_warning file=odd.lua line=1 reason="option `subscribe`: ..user.id.. holds for everybody[^\n]*'
    save { ["odd.lua"] = 'channel("odd", { subscribe = "user" })\n' }
    local _, times = it_runs.log():gsub("event=script_warning", "")
    assert.equal(1, times)
  end)

  it("obeys the saved file from the next message on, and no connection closes", function()
    local ann, ben = comes "ann", comes "ben"
    ann:join "room:a"
    ben:join "room:a":says("room:a", "x"):hears("room:a", { v = 1, n = 1, msg = "x" })
    local line = save { ["a.lua"] = stamping(2) }
    assert.truthy(line:find("files=a.lua", 1, true), line)
    assert.truthy(line:match "ms=[%d.]+", line)
    ben:says("room:a", "y"):hears("room:a", { v = 2, n = 2, msg = "y" })
    ann:hears("room:a", { v = 1, n = 1, msg = "x" }):hears("room:a", { v = 2, n = 2, msg = "y" })
    assert.equal(2, info().generation)
    assert.equal(1, http.metric(it_runs, 'weir_reloads_total{outcome="done"}'))
  end)

  it("keeps self.state of every channel, also of those that nothing happens to", function()
    local ann = comes "ann"
    for i = 1, 20 do ann:join("room:s" .. i):says("room:s" .. i, "x") end
    save { ["a.lua"] = stamping(2) }
    save { ["a.lua"] = stamping(3) }
    for i = 1, 20 do assert.same({ count = 1 }, (ann:call("room:s" .. i .. "/state"))) end
    assert.equal(20, ann:ask({ presence_stats = { channel = "room:s1" } }) and info().num_subs)
  end)

  it("keeps every kind of plain value in self.state", function()
    save { ["a.lua"] = stamping(2, [[
      function room:rpc_fill()
        self.state = nil or self.state
        local s = self.state
        s.big, s.f, s.t, s.b, s.text, s.list = math.maxinteger, 0.1, { x = { y = {} } }, false, "\0\xc3\xa4\xff", { 1, 2, { 3 } }
        s[1], s[2.5] = "one", "half"
        s.loop = s.t
        return true
      end
      function room:rpc_check()
        local s = self.state
        return s.big == math.maxinteger and s.f == 0.1 and type(s.t.x.y) == "table" and s.b == false
          and s.text == "\0\xc3\xa4\xff" and #s.list == 3 and s.list[3][1] == 3 and s[1] == "one" and s[2.5] == "half"
      end
    ]]) }
    local ann = comes "ann"
    assert.is_true((ann:call "room:full/fill"))
    assert.is_true((ann:call "room:full/check"))
    save { ["a.lua"] = (server.read(it_runs.scripts .. "/a.lua") .. "\n-- changed") }
    assert.is_true((ann:call "room:full/check"))
  end)

  it("refuses a syntax error with file, line, source line and reason; the old rules stay", function()
    local ann = comes "ann":join "room:a"
    local line = refused { ["a.lua"] = stamping(2, "function room:on_close( return end") }
    for _, word in ipairs { "file=a.lua", "line=7", "function room:on_close( return end", "expected", "in_force=1" } do
      assert.truthy(line:find(word, 1, true), line)
    end
    ann:says("room:a", "x"):hears("room:a", { v = 1, n = 1, msg = "x" })
    assert.equal(1, info().generation)
    assert.equal(1, http.metric(it_runs, 'weir_reloads_total{outcome="refused"}'))
    local good = save { ["a.lua"] = stamping(3) }
    assert.truthy(good)
    ann:says("room:a", "y"):hears("room:a", { v = 3, n = 2, msg = "y" })
  end)

  it("refuses an error in a module, in the module's name and line", function()
    local line = refused { ["lib/words.lua"] = "\nreturn {", ["a.lua"] = stamping(2, 'local words = require "words"') }
    assert.truthy(line:find("lib/words.lua", 1, true), line)
  end)

  it("follows a module that changes", function()
    local ann = comes "ann"
    save { ["a.lua"] = stamping("words[1]", ""):gsub("^", 'local words = require "words"\n') }
    ann:join "room:a":says("room:a", 1):hears("room:a", { v = "one", n = 1, msg = 1 })
    local line = save { ["lib/words.lua"] = 'return { "two" }' }
    assert.truthy(line:find("lib/words.lua", 1, true), line)
    ann:says("room:a", 2):hears("room:a", { v = "two", n = 2, msg = 2 })
  end)

  it("takes in new files, and lets go of those that were deleted", function()
    local ann = comes "ann"
    assert.equal(102, (ann:refused { subscribe = { channel = "new" } }))
    save { ["b.lua"] = 'channel("new", { subscribe = "anyone", publish = "anyone" })' }
    ann:join "new":says("new", 1):hears("new", 1)
    save { ["b.lua"] = false }
    assert.equal(102, (ann:refused { publish = { channel = "new", data = 2 } }))
    ann:leaves "new"
    assert.equal(102, (ann:refused { subscribe = { channel = "new" } }))
    save { ["b.lua"] = 'channel("new", { subscribe = "anyone", publish = "anyone" })' }
    ann:join "new":says("new", 3):hears("new", 3)
  end)

  it("follows a file that is renamed, with its state", function()
    local ann = comes "ann":join "room:a":says("room:a", "x"):hears("room:a", { v = 1, n = 1, msg = "x" })
    assert(os.rename(it_runs.scripts .. "/a.lua", it_runs.scripts .. "/z.lua"))
    assert.truthy(save({}):find("files=z.lua,-a.lua ", 1, true))
    ann:says("room:a", "y"):hears("room:a", { v = 1, n = 2, msg = "y" })
  end)

  it("obeys a schema's file that is saved, and keeps the one in force where it is none", function()
    save { ["schemas/order.json"] = '{"maximum":9}',
      ["b.lua"] = 'channel("orders", { subscribe = "anyone", publish = "anyone", schema = "schemas/order.json" })' }
    local ann = comes "ann":join "orders"
    assert.equal(400, (ann:refused { publish = { channel = "orders", data = 12 } }))
    local line = save { ["schemas/order.json"] = '{"maximum":15}' }
    assert.truthy(line:find("files=schemas/order.json ", 1, true), line)
    ann:says("orders", 12):hears("orders", 12)
    line = refused { ["schemas/order.json"] = '{"maxmum":20}' }
    assert.truthy(line:find([[file=b.lua line=1 reason="option `schema`: schemas/order.json: /maxmum: is no keyword]], 1, true), line)
    assert.equal(400, (ann:refused { publish = { channel = "orders", data = 16 } }))
    ann:says("orders", 13):hears("orders", 13)
  end)

  it("is not made by files that are no scripts", function()
    it_runs:write("notes.txt", "x")
    it_runs:write(".hidden.lua", "broken(")
    it_runs:write("a_spec.lua", "broken(")
    it_runs:write("index.html", "<p>")
    local line = save { ["a.lua"] = stamping(2) }
    assert.truthy(line:find("files=a.lua ", 1, true), line)
    assert.is_nil(it_runs.log():find("reload_refused", 1, true))
  end)

  it("adds a hook where there was none, and takes one away", function()
    local ann = comes "ann"
    save { ["b.lua"] = 'channel("plain", { subscribe = "anyone", publish = "anyone" })' }
    ann:join "plain":says("plain", 1):hears("plain", 1)
    save { ["b.lua"] = [[
      local c = channel("plain", { subscribe = "anyone", publish = "anyone" })
      function c:on_publish(msg) return { hooked = msg } end
      function c:on_unsubscribe(client) self:publish { left = client.user } end
      function c:rpc_new() return "new" end
      function server.rpc_also() return "also" end]] }
    ann:says("plain", 2):hears("plain", { hooked = 2 })
    assert.equal("new", (ann:call "plain/new"))
    assert.equal("also", (ann:call "also"))
    local ben = comes "ben":join "plain":leaves "plain"
    ann:hears("plain", { left = "ben" })
    save { ["b.lua"] = 'channel("plain", { subscribe = "anyone", publish = "anyone" })' }
    ann:says("plain", 3):hears("plain", 3)
    assert.same({ nil, 103 }, { table.unpack({ ann:call "plain/new" }, 1, 2) })
    assert.same({ nil, 108 }, { table.unpack({ ann:call "also" }, 1, 2) })
    ben:join "plain"
  end)

  it("changes rules and options for what comes from then on", function()
    local ann = comes "ann"
    save { ["b.lua"] = 'channel("o", { subscribe = "anyone", publish = "anyone", max_size = 10 })' }
    ann:join "o"
    assert.equal(413, (ann:refused { publish = { channel = "o", data = ("x"):rep(20) } }))
    assert.equal(108, (ann:refused { presence = { channel = "o" } }))
    save { ["b.lua"] = 'channel("o", { subscribe = "user.id == \'ann\'", publish = "anyone", presence = true, history = 3 })' }
    ann:says("o", ("x"):rep(20))
    local _, pub = ann:listen "o"
    assert.equal(1, pub.offset)
    assert.equal(103, (comes "ben":refused { subscribe = { channel = "o" } }))
  end)

  describe("by POST /api/reload", function()
    it("answers with generation and files", function()
      local result = http.api(it_runs, "reload").result
      assert.same({ 1, {}, "number" }, { result.generation, result.files, type(result.ms) })
      assert.equal(1, info().generation)
      assert.truthy(it_runs:wait_log 'event=reload generation=1 files=""')
    end)

    it("answers with file, line, source and reason where it is refused", function()
      refused { ["a.lua"] = stamping(2, "function room:on_close( return end") }
      local error = http.api(it_runs, "reload").error
      assert.same({ "a.lua", 7, "function room:on_close( return end" }, { error.file, error.line, error.source })
      assert.truthy(error.message:find "^a.lua:7: ")
      assert.equal(1, #error.problems)
      assert.equal(1, info().generation)
    end)

    it("answers everybody who asks at once", function()
      local lines = {}
      for i = 1, 10 do
        lines[i] = http.open(it_runs)
        lines[i]:ask("POST", "/api/reload", KEY, "{}")
      end
      local last = 0
      for i = 1, 10 do
        local answer = assert(lines[i]:answer())
        last = math.max(last, cjson.decode(answer.body).result.generation)
        lines[i]:close()
      end
      assert.equal(last, info().generation)
    end)

    it("does not mind when whoever asked has gone", function()
      for _ = 1, 10 do
        local line = http.open(it_runs)
        line:ask("POST", "/api/reload", KEY, "{}")
        line.tcp:reset()
      end
      assert.truthy(http.api(it_runs, "reload").result)
    end)
  end)

  it("is asked for by SIGHUP", function()
    it_runs:signal "HUP"
    it_runs:wait_log 'event=reload generation=1 files=""'
  end)

  it("tells the page's overlay, on weir:dev", function()
    local page = comes "page":join "weir:dev"
    refused { ["a.lua"] = stamping(2, "oops)") }
    local news = page:listen "weir:dev"
    assert.equal(1, news.generation)
    assert.same({ "a.lua", 7, "oops)" }, { news.error.file, news.error.line, news.error.source })
    assert.truthy(#news.error.reason > 0)
    local late = comes "late":join "weir:dev"
    assert.same(news, late.joined.data)
    save { ["a.lua"] = stamping(3) }
    news = page:listen "weir:dev"
    assert.same({ 2, { "a.lua" } }, { news.generation, news.files })
    assert.is_nil(news.error)
    assert.equal("number", type(news.ms))
  end)

  it("tells the page's overlay of a message that its channel does not promise, as news that does not last", function()
    save { ["b.lua"] = 'channel("orders", { subscribe = "anyone", publish = "anyone", emits = { maximum = 9 } })' }
    local page = comes "page":join "weir:dev"
    assert.equal(500, (comes "ann":refused { publish = { channel = "orders", data = 12 } }))
    assert.same({ file = "b.lua", line = 1, channel = "orders", reason = "the value: maximum 9, got number 12" },
      page:listen("weir:dev").broken)
    local late = comes "late":join "weir:dev"
    assert.equal(2, late.joined.data.generation)
    assert.is_nil(late.joined.data.broken)
  end)

  it("names all files that are wrong", function()
    it_runs:write("b.lua", "broken(")
    it_runs:write("c.lua", "channel(7)")
    it_runs:wait_log "reload_refused[^\n]*c.lua"
    local error = http.api(it_runs, "reload").error
    local files = {}
    for i, problem in ipairs(error.problems) do files[i] = problem.file end
    table.sort(files)
    assert.same({ "b.lua", "c.lua" }, files)
  end)

  it("loses, doubles and mixes nothing while messages flow", function()
    local ann, ben = comes "ann", comes "ben"
    ann:join "room:flow"
    ben:join "room:flow"
    local sent = 0
    for round = 1, 8 do
      it_runs:write("a.lua", stamping(round))
      for _ = 1, 25 do
        sent = sent + 1
        ann:say { id = ann:next_id(), publish = { channel = "room:flow", data = sent } }
      end
      ann:reply(ann.last_id)
    end
    for i = 1, sent do
      local heard = ben:listen "room:flow"
      assert.same({ i, i }, { heard.n, heard.msg })
      assert.truthy(math.type(heard.v) and heard.v >= 1 and heard.v <= 8)
    end
    assert.same({ count = sent }, (ann:call "room:flow/state"))
  end)
end)

describe("weir dev", function()
  local it_runs, ann
  before_each(function()
    it_runs = server.start { command = "dev", scripts = { ["a.lua"] = stamping(1), ["x/y/z.lua"] = "-- 1" },
      args = { "--workers", "2", "--api-key", "key" } }
    ann = talk.to(it_runs, { as = "ann" }):connect():join "weir:dev"
  end)
  after_each(function()
    talk.close_all()
    it_runs:stop()
  end)

  local function sh(command)
    assert(os.execute("cd " .. server.quote(it_runs.scripts) .. " && " .. command))
  end

  local function count(what)
    return select(2, it_runs.log():gsub(what, ""))
  end

  -- Long enough for the watch to have looked and the server to have been patient.
  local function pause()
    os.execute "sleep 0.8"
  end

  it("makes no generation of files that change nothing", function()
    it_runs:write("index.html", "<p>")
    sh "touch notes.txt 4913 main.lua~ .a.lua.swp a.lua; cp a.lua b.part; mv b.part a.lua"
    pause()
    assert.equal(0, count "event=reload")
    local line = http.api(it_runs, "reload").result
    assert.same({ 1, {} }, { line.generation, line.files })
  end)

  it("notices what is edited at any depth", function()
    it_runs:write("x/y/z.lua", "-- 2")
    assert.truthy(it_runs:wait_log("event=reload generation=2[^\n]*"):find("files=x/y/z.lua ", 1, true))
    it_runs:write("new/deep/er.lua", "-- 1")
    it_runs:wait_log "event=reload generation=3 files=new/deep/er.lua "
    it_runs:write("new/deep/er.lua", "-- 2")
    it_runs:wait_log "event=reload generation=4 files=new/deep/er.lua "
  end)

  it("notices what is edited behind a link", function()
    sh "echo '-- 1' >../outside.lua; ln -s ../outside.lua linked.lua"
    it_runs:wait_log "event=reload generation=2 files=linked.lua "
    sh "echo '-- two' >../outside.lua"
    it_runs:wait_log "event=reload generation=3 files=linked.lua "
  end)

  it("goes on when the folder is replaced", function()
    local path = server.quote(it_runs.scripts)
    sh(("cp -r %s %s.c && rm -rf %s && mv %s.c %s"):format(path, path, path, path, path))
    pause()
    assert.equal(0, count "event=reload generation=2")
    it_runs:write("a.lua", stamping(2))
    it_runs:wait_log "event=reload generation=2 files=a.lua "
  end)

  it("tells that a mistake was taken back, and which file it was in", function()
    it_runs:write("crlf.lua", "oops)")
    it_runs:wait_log "event=reload_refused"
    assert.equal("crlf.lua", ann:listen("weir:dev").error.file)
    assert(os.remove(it_runs.scripts .. "/crlf.lua"))
    it_runs:wait_log "event=reload generation=1 files=%-crlf.lua "
    local news = ann:listen "weir:dev"
    assert.same({ 1, { "-crlf.lua" } }, { news.generation, news.files })
    assert.is_nil(news.error)
  end)

  it("names the file that was mended beside the one that is new", function()
    it_runs:write("a.lua", "oops)")
    it_runs:wait_log "event=reload_refused"
    it_runs:write("b.lua", "-- new")
    pause()
    it_runs:write("a.lua", stamping(1))
    it_runs:wait_log "event=reload generation=2 files=b.lua,a.lua "
  end)

  it("tells of the same mistake once, and how often it was met", function()
    for i = 1, 4 do
      it_runs:write("a.lua", "oops)\n" .. ("-"):rep(i + 1))
      pause()
    end
    assert.equal(1, count "event=reload_refused")
    it_runs:write("a.lua", stamping(2))
    it_runs:wait_log "event=reload generation=2 [^\n]* repeated=3"
  end)

  it("tells of a mistake that has only moved to another line once, and the page where it is now", function()
    it_runs:write("a.lua", "local x = 1\noops)")
    it_runs:wait_log "event=reload_refused"
    assert.equal(2, ann:listen("weir:dev").error.line)
    it_runs:write("a.lua", "local x = 1\n\n\noops)")
    assert.equal(4, ann:listen("weir:dev").error.line)
    it_runs:write("a.lua", "local x = 1\n\noh)")
    assert.equal(3, ann:listen("weir:dev").error.line)
    it_runs:wait_log "event=reload_refused [^\n]*oh%)[^\n]* repeated=1"
    assert.equal(2, count "event=reload_refused")
  end)

  it("knows it by its reason too where that names a line", function()
    it_runs:write("a.lua", "local function f()\n\nlocal x")
    it_runs:wait_log "event=reload_refused"
    it_runs:write("a.lua", "\n\nlocal function f()\n\nlocal x")
    pause()
    it_runs:write("a.lua", stamping(2))
    it_runs:wait_log "event=reload generation=2 [^\n]* repeated=1"
    assert.equal(1, count "event=reload_refused")
  end)

  it("tells the page the first mistake and how many more there are", function()
    it_runs:write("b.lua", 'channel(5)\nchannel("x", { blub = 1 })\nchannel("y", { blub = 1 })')
    local news = ann:listen "weir:dev"
    assert.same({ "b.lua", 1, 2 }, { news.error.file, news.error.line, news.more })
    it_runs:write("b.lua", "oops)")
    assert.is_nil(ann:listen("weir:dev").more)
  end)

  it("tells of it again when somebody asks", function()
    it_runs:write("a.lua", "oops)")
    it_runs:wait_log "event=reload_refused"
    it_runs:signal "HUP"
    it_runs:wait_log "event=reload_refused.-event=reload_refused"
  end)

  it("is patient with a file that is emptied and then written", function()
    for i = 2, 4 do
      sh ": >a.lua; sleep 0.12"
      it_runs:write("a.lua", stamping(i))
      it_runs:wait_log("event=reload generation=" .. i .. " ")
    end
    assert.equal(3, count "event=reload")
    sh ": >a.lua"
    it_runs:wait_log "event=reload generation=5 files=a.lua "
  end)

  it("leaves out of a line what is not known", function()
    sh "ln -s /nowhere d.lua"
    it_runs:wait_log "event=reload_refused file=d.lua reason="
    sh "rm d.lua"
    it_runs:wait_log "event=reload generation=1 files=%-d.lua "
    assert(os.rename(it_runs.scripts, it_runs.folder .. "/away"))
    it_runs:wait_log 'event=reload_refused reason="the scripts folder'
    assert(os.rename(it_runs.folder .. "/away", it_runs.scripts))
    it_runs:wait_log "event=reload generation=1 files=a.lua,x/y/z.lua "
  end)
end)

describe("weir dev on scripts that are wrong", function()
  it("starts without them, tells the terminal and the page, and goes on when they are mended", function()
    local it_runs <close> = server.start { command = "dev", scripts = { ["a.lua"] = "\noops)", ["b.lua"] = "-- well" },
      args = { "--workers", "2" } }
    it_runs:wait_log "event=reload_refused file=a.lua line=2 [^\n]* in_force=1"
    local page = talk.to(it_runs, { as = "page" }):connect():join "weir:dev"
    local news = page.joined.data.error and page.joined.data or page:listen "weir:dev"
    assert.same({ 0, "a.lua", 2, "oops)" }, { news.generation, news.error.file, news.error.line, news.error.source })
    it_runs:write("a.lua", stamping(1))
    it_runs:wait_log "event=reload generation=2 files=a.lua,b.lua [^\n]*"
    assert.same({ 2, { "a.lua", "b.lua" } }, (function(n) return { n.generation, n.files } end)(page:listen "weir:dev"))
    page:join "room:a":says("room:a", "x"):hears("room:a", { v = 1, n = 1, msg = "x" })
    talk.close_all()
  end)

  it("follows a link that leads to another folder", function()
    local first, second = server.folder(), server.folder()
    local function write(folder, text)
      local file = assert(io.open(folder .. "/a.lua", "w"))
      file:write(text):close()
    end
    write(first, stamping(1))
    write(second, stamping(2))
    os.execute(("ln -s %s %s.cur"):format(first, first))
    local it_runs = server.start { command = "dev", scripts = first .. ".cur", args = { "--workers", "1" } }
    os.execute(("ln -sfn %s %s.cur"):format(second, first))
    it_runs:wait_log "event=reload generation=2 files=a.lua "
    write(second, stamping(3))
    it_runs:wait_log "event=reload generation=3 files=a.lua "
    it_runs:stop()
    os.remove(first .. ".cur")
    server.remove(first)
    server.remove(second)
  end)
end)

describe("a reload that is refused", function()
  local it_runs
  local cases = {
    ["an error that only happens while loading"] = { 'error("not today")', "not today" },
    ["an undefined name"] = { "print(nothing_like_this)", "nothing_like_this" },
    ["a global"] = { "counter = 1", "local" },
    ["an unknown option"] = { 'channel("b", { subscrbe = "user" })', "did you mean" },
    ["an unknown hook"] = { 'local b = channel("b", {}) function b:on_publihs() end', "did you mean" },
    ["an unknown hook of the server"] = { "function server.on_conect() end", "did you mean" },
    ["a rule that is none"] = { 'channel("b", { subscribe = "user and" })', "subscribe" },
    ["two equal patterns"] = { 'channel("room:{other}", {})', "room:" },
    ["a loop while loading"] = { "while true do end", "" },
    ["a module that is not there"] = { 'require "nothing"', "nothing" },
    ["too much memory while loading"] = { 'local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1000) .. i end', "" },
    ["bytecode"] = { "\27Lua" .. ("x"):rep(50), "", true },
    ["what is no UTF-8 and no Lua"] = { "\xff\xfe", "", true },
  }
  -- An error is a longjmp out of C that the thread sanitizer was not told of: its own stack overflows after many.
  if os.getenv("FLAVOR") ~= "tsan" then
    cases["a loop that pcall would hide"] = { "while true do pcall(error) end", "" }
  end

  lazy_setup(function()
    it_runs = server.start {
      command = "dev",
      scripts = { ["a.lua"] = stamping(1) },
      args = { "--workers", "2", "--api-key", "key" },
    }
  end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(function() talk.close_all() end)

  local number = 0
  for name, case in pairs(cases) do
    it("for " .. name .. " says where", function()
      number = number + 1
      local file = ("case%d.lua"):format(number)
      local ann = talk.to(it_runs, { as = "ann" }):connect():join("room:" .. number)
      it_runs:write(file, "\n" .. case[1])
      local line = it_runs:wait_log("event=reload_refused file=" .. file .. "[^\n]*")
      if not case[3] then assert.truthy(line:find("line=2", 1, true), line) end
      assert.truthy(line:find(case[2], 1, true), line)
      assert.truthy(line:find("reason=", 1, true), line)
      ann:says("room:" .. number, "x"):hears("room:" .. number, { v = 1, n = 1, msg = "x" })
      assert(os.remove(it_runs.scripts .. "/" .. file))
    end)
  end
end)

describe("a reload in serve mode", function()
  it("happens when it is asked for, not when files change", function()
    local it_runs <close> = server.start { scripts = { ["a.lua"] = stamping(1) }, args = { "--workers", "2", "--api-key", "key" } }
    local ann = talk.to(it_runs):connect():join "room:a"
    it_runs:write("a.lua", stamping(2))
    ann:says("room:a", "x"):hears("room:a", { v = 1, n = 1, msg = "x" })
    assert.same({ 2, { "a.lua" } }, (function(r) return { r.generation, r.files } end)(http.api(it_runs, "reload").result))
    ann:says("room:a", "y"):hears("room:a", { v = 2, n = 2, msg = "y" })
    it_runs:write("a.lua", stamping(3))
    it_runs:signal "HUP"
    it_runs:wait_log "event=reload generation=3"
    ann:says("room:a", "z"):hears("room:a", { v = 3, n = 3, msg = "z" })
    talk.close_all()
  end)

  it("by `weir reload` says what happened, and by its exit status", function()
    local it_runs <close> = server.start { scripts = { ["a.lua"] = stamping(1) }, args = { "--workers", "1", "--api-key", "key" } }
    local function reload()
      local pipe = io.popen(("%s reload --listen 127.0.0.1:%d --api-key key 2>&1"):format(server.binary(), it_runs.port))
      local text = pipe:read "a"
      local _, _, status = pipe:close()
      return status, text
    end
    local status, text = reload()
    assert.equal(0, status, text)
    it_runs:write("a.lua", stamping(2, "oops)"))
    status, text = reload()
    assert.equal(1, status)
    assert.truthy(text:find("a.lua:7", 1, true), text)
  end)
end)
