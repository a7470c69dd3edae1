-- weir rollback: the scripts of before are in force again, without the folder.
local cjson = require "cjson"
local cli = require "cli"
local http = require "http"
local server = require "server"
local talk = require "talk"

local function version(n)
  return ('channel("c", { subscribe = "anyone" })\nfunction server.rpc_version() return %d end\n'):format(n)
end

describe("a rollback", function()
  local it_runs

  before_each(function()
    it_runs = server.start {
      scripts = { ["a.lua"] = version(1) },
      args = { "--workers", "2", "--api-key", "key" },
    }
  end)
  after_each(function()
    talk.close_all()
    it_runs:stop()
    cli.clean()
  end)

  local function save(n)
    it_runs:write("a.lua", version(n))
    return http.api(it_runs, "reload").result
  end

  local function back(to)
    return http.api(it_runs, "rollback", { generation = to })
  end

  local function in_force()
    return http.api(it_runs, "rpc", { method = "version" }).result.data
  end

  local function weir(...)
    return cli.weir({ "rollback", "--listen", "127.0.0.1:" .. it_runs.port, ... }, { "WEIR_API_KEY=key" })
  end

  it("makes a new generation of the files of the one before; nobody is disconnected", function()
    local ann = talk.to(it_runs, {}):connect():join "c"
    save(2)
    assert.equal(2, in_force())
    local result = back().result
    assert.equal(3, result.generation)
    assert.equal(1, result.made_from)
    assert.same({ "a.lua" }, result.files)
    assert.equal(1, in_force())
    local node = http.api(it_runs, "info").result.nodes[1]
    assert.equal(3, node.generation)
    assert.equal(1, node.made_from)
    it_runs:wait_log "event=rollback generation=3 made_from=1 files=a.lua ms="
    assert.equal(1, http.metric(it_runs, 'weir_rollbacks_total{by="asked"}'))
    http.api(it_runs, "publish", { channel = "c", data = "still here" })
    ann:hears("c", "still here")
  end)

  it("goes further back each time, not to what it has left", function()
    save(2)
    save(3)
    assert.equal(2, back().result.made_from)
    assert.equal(2, in_force())
    assert.equal(1, back().result.made_from)
    assert.equal(1, in_force())
    local refused = back().error
    assert.equal(108, refused.code)
    assert.equal("not available: there is no earlier generation to go back to", refused.message)
    assert.equal(1, in_force())
    assert.equal(4, save(4).generation - 2)
    assert.equal(1, in_force() - 3)
    back()
    assert.equal(1, in_force())
  end)

  it("leaves the folder alone: the next reload takes it as it is", function()
    save(2)
    back()
    assert.equal(1, in_force())
    local result = http.api(it_runs, "reload").result
    assert.equal(4, result.generation)
    assert.is_nil(result.made_from)
    assert.equal(2, in_force())
    assert.is_nil(http.api(it_runs, "info").result.nodes[1].made_from)
  end)

  it("goes to the generation that is named, of the last five", function()
    for n = 2, 7 do save(n) end
    local refused = back(1).error
    assert.equal(107, refused.code)
    assert.equal("bad request: generation 1 is not kept; kept are 2, 3, 4, 5, 6", refused.message)
    assert.equal("bad request: generation 7 is the one in force; kept are 2, 3, 4, 5, 6", back(7).error.message)
    assert.equal(7, in_force())
    assert.equal(2, back(2).result.made_from)
    assert.equal(2, in_force())
    assert.equal(7, back(7).result.made_from)
    assert.equal(7, in_force())
    for _, wrong in ipairs { 0, -1, 1.5, "2", {} } do
      assert.equal('bad request: "generation" must be a whole number from 1', back(wrong).error.message)
    end
  end)

  it("is no new generation when the files are those in force", function()
    save(2)
    save(1)
    local result = back(1).result
    assert.equal(3, result.generation)
    assert.same({}, result.files)
    assert.equal(0, http.metric(it_runs, 'weir_rollbacks_total{by="asked"}'))
  end)

  it("is validated again", function()
    it_runs:write("a.lua", 'assert(not io_is_open)\n')
    assert.truthy(http.api(it_runs, "reload").error)
    save(2)
    assert.equal(1, back().result.made_from)
  end)

  it("answers each of many who ask at the same moment, for reloads as well", function()
    save(2)
    local lines = {}
    for i = 1, 24 do
      lines[i] = http.open(it_runs)
      lines[i]:ask("POST", i % 3 == 0 and "/api/reload" or "/api/rollback", { ["X-API-Key"] = "key" }, "{}")
    end
    for _, line in ipairs(lines) do
      local answer = cjson.decode(line:answer().body)
      assert.truthy(answer.result or answer.error.code == 108, cjson.encode(answer))
      line:close()
    end
    http.api(it_runs, "reload")
    assert.equal(2, in_force())
    assert.equal(1, http.api(it_runs, "rollback").result and in_force())
  end)

  it("is a command, too", function()
    local nothing = weir()
    assert.equal(1, nothing.code)
    cli.has(nothing.err, "there is no earlier generation to go back to", "not rolled back: the server goes on as it was")
    save(2)
    save(3)
    local done = weir()
    assert.equal(0, done.code, done.err)
    assert.equal("generation 4, made from generation 2: a.lua\n", done.out)
    local json = cjson.decode(weir("1", "--json").out)
    assert.same({ ok = true, generation = 5, made_from = 1, files = { "a.lua" } }, json)
    local unknown = weir "9"
    assert.equal(1, unknown.code)
    cli.has(unknown.err, "generation 9 is not kept; kept are 1, 2, 3, 4")
    for _, wrong in ipairs { "x", "0", "1x", "99999999999" } do
      assert.equal(2, weir(wrong).code)
    end
    local keyless = cli.weir({ "rollback", "--listen", "127.0.0.1:" .. it_runs.port }, {})
    assert.equal(1, keyless.code)
    cli.has(keyless.err, "key of the server API")
  end)
end)

describe("a rollback in dev mode", function()
  it("is told on the page, lasts until a file is saved, and has nothing to do with files that were refused", function()
    local it_runs = server.start { command = "dev", scripts = { ["a.lua"] = version(1) } }
    local page = talk.to(it_runs, { as = "ann" }):connect():join "weir:dev"
    it_runs:write("a.lua", version(2))
    it_runs:wait_log "event=reload generation=2"
    local news = page:listen("weir:dev")
    assert.equal(2, news.generation)
    it_runs:write("a.lua", "this is wrong")
    it_runs:wait_log "event=reload_refused"
    assert.truthy(page:listen("weir:dev").error)
    assert.equal(1, http.api(it_runs, "rollback").result.made_from)
    news = page:listen("weir:dev")
    assert.equal(3, news.generation)
    assert.equal(1, news.made_from)
    it_runs:write("a.lua", version(2))
    it_runs:wait_log "event=reload generation=4"
    assert.equal(2, http.api(it_runs, "rpc", { method = "version" }).result.data)
    talk.close_all()
    it_runs:stop()
  end)

  it("does not go back to the emptiness of a start on wrong scripts", function()
    local it_runs = server.start { command = "dev", scripts = { ["a.lua"] = "wrong" } }
    it_runs:write("a.lua", version(2))
    it_runs:wait_log "event=reload generation=2"
    assert.equal(108, http.api(it_runs, "rollback").error.code)
    it_runs:stop()
  end)
end)

describe("a server with --auto-rollback", function()
  local it_runs

  local function calls(n)
    return ('function server.rpc_get(args) if args %% %d == 0 then error "no" end return args end\n'):format(n)
  end

  local function begins(...)
    it_runs = server.start {
      scripts = { ["a.lua"] = calls(1000) },
      args = { "--workers", "2", "--api-key", "key", ... },
    }
  end
  after_each(function() it_runs:stop() end)

  local function reload(n)
    it_runs:write("a.lua", calls(n))
    return http.api(it_runs, "reload").result.generation
  end

  local function ask(from, to)
    for i = from, to do http.api(it_runs, "rpc", { method = "get", params = i }) end
  end

  local function generation()
    return http.api(it_runs, "info").result.nodes[1].generation
  end

  it("goes back by itself when hooks fail after a reload, and says so", function()
    begins("--auto-rollback", "50")
    reload(1)
    ask(1, 5)
    it_runs:wait_log "event=auto_rollback generation=2 to=1 calls=5 errors=5"
    it_runs:wait_log "event=rollback generation=3 made_from=1 files=a.lua"
    assert.equal(7, http.api(it_runs, "rpc", { method = "get", params = 7 }).result.data)
    assert.equal(1, http.metric(it_runs, 'weir_rollbacks_total{by="auto"}'))
    assert.equal(0, http.metric(it_runs, 'weir_rollbacks_total{by="asked"}'))
  end)

  it("bears errors of a lower rate, or few of them", function()
    begins("--auto-rollback", "50", "--auto-rollback-ms", "1000")
    reload(1)
    ask(1, 4)
    reload(3)
    ask(1, 30)
    os.execute "sleep 0.5"
    assert.equal(3, generation())
  end)

  it("looks for so long only", function()
    begins("--auto-rollback", "50", "--auto-rollback-ms", "100")
    reload(1)
    os.execute "sleep 0.6"
    ask(1, 10)
    os.execute "sleep 0.4"
    assert.equal(2, generation())
  end)

  it("does not go on from what it went back to, and takes the folder at the next reload", function()
    begins("--auto-rollback", "50")
    reload(1)
    reload(2)
    ask(2, 2)
    for _ = 1, 9 do ask(2, 2) end
    it_runs:wait_log "event=rollback generation=4 made_from=2"
    ask(1, 10)
    os.execute "sleep 0.5"
    assert.equal(4, generation())
    assert.equal(5, http.api(it_runs, "reload").result.generation)
  end)

  it("does nothing unless asked to", function()
    begins()
    reload(1)
    ask(1, 20)
    os.execute "sleep 0.5"
    assert.equal(2, generation())
  end)

  it("tells the page why", function()
    it_runs = server.start { command = "dev", scripts = { ["a.lua"] = calls(1000) }, args = { "--auto-rollback", "10" } }
    local page = talk.to(it_runs, { as = "ann" }):connect():join "weir:dev"
    it_runs:write("a.lua", calls(1))
    assert.equal(2, page:listen("weir:dev").generation)
    ask(1, 5)
    local news = page:listen "weir:dev"
    assert.truthy(news.why:find "^generation 2: 5 of %d+ hooks failed$", news.why)
    assert.equal(1, news.made_from)
    talk.close_all()
  end)
end)
