-- --test-on-reload: a set of scripts takes effect when the specs beside it pass, and not before.
local http = require "http"
local server = require "server"
local talk = require "talk"

local function counting(step)
  return ([[
local count = channel("count:{name}", { subscribe = "anyone", publish = "anyone", call = "anyone" })
function count:rpc_add(n) return n + %s end
]]):format(step)
end

local SPEC = [[
local t = require "weir.test"
describe("count", function()
  it("adds one", function()
    local s = t.load "count.lua"
    local ann = s:client { user = "ann" }
    assert.equal(2, ann:call("count:a/add", 1).data)
  end)
end)
]]

describe("a server with --test-on-reload", function()
  local it_runs

  local function begins(files, ...)
    it_runs = server.start {
      scripts = files,
      args = { "--workers", "2", "--api-key", "key", "--test-on-reload", ... },
      env = { WEIR_TOKEN_SECRET = "secret" },
    }
  end
  after_each(function()
    talk.close_all()
    it_runs:stop()
  end)

  local function reload(files)
    for name, text in pairs(files or {}) do it_runs:write(name, text) end
    return http.api(it_runs, "reload")
  end

  local function generation()
    return http.api(it_runs, "info").result.nodes[1].generation
  end

  it("takes in what passes, and refuses what does not with what the spec says", function()
    begins { ["count.lua"] = counting "1", ["count_spec.lua"] = SPEC }
    assert.equal(2, reload({ ["count.lua"] = counting "1 + 0" }).result.generation)
    local refused = reload({ ["count.lua"] = counting "2" }).error
    assert.equal(4, refused.code)
    local problem = refused.problems[1]
    assert.equal("count_spec.lua", problem.file)
    assert.equal(6, problem.line)
    assert.truthy(problem.reason:find('the test "count adds one" fails: ', 1, true), problem.reason)
    assert.truthy(problem.reason:find("3", 1, true), problem.reason)
    local line = it_runs:wait_log "event=reload_refused[^\n]*"
    assert.truthy(line:find("file=count_spec.lua line=6", 1, true), line)
    assert.equal(2, generation())
    assert.equal(3, reload({ ["count_spec.lua"] = SPEC:gsub("equal%(2", "equal(3") }).result.generation)
  end)

  it("needs no specs, and asks them of nobody else", function()
    begins { ["count.lua"] = counting "1" }
    assert.equal(2, reload({ ["count.lua"] = counting "2" }).result.generation)
    assert.truthy(reload({ ["count_spec.lua"] = SPEC, ["count.lua"] = counting "3" }).error)
    assert.equal(1, http.api(it_runs, "rollback").result.made_from)
  end)

  it("refuses a spec that cannot be read, and one that ends the process", function()
    begins { ["count.lua"] = counting "1" }
    local broken = reload({ ["count.lua"] = counting "2", ["count_spec.lua"] = "this is wrong" }).error
    assert.truthy(broken.message:find("count_spec.lua", 1, true), broken.message)
    local dies = reload({ ["count_spec.lua"] = 'print "last words" io.stdout:close() os.execute("kill -9 $PPID")' }).error
    assert.truthy(dies.message:find("the specs cannot be run: last words", 1, true), dies.message)
    assert.equal(1, generation())
  end)

  it("serves on meanwhile, and is not late for whoever takes too long", function()
    begins({ ["count.lua"] = counting "1", ["slow_spec.lua"] = 'it("never ends", function() while true do end end)' },
      "--reload-test-ms", "1000")
    it_runs:write("count.lua", counting "2")
    local line = http.open(it_runs)
    line:ask("POST", "/api/reload", { ["X-API-Key"] = "key" }, "{}")
    local ann = talk.to(it_runs, {}):connect():join "count:a"
    for i = 1, 20 do
      ann:says("count:a", i):hears("count:a", i)
      assert.equal(i + 1, (ann:call("count:a/add", i)))
    end
    local answer = line:answer().body
    assert.truthy(answer:find("the specs have not ended after 1000 ms (--reload-test-ms)", 1, true), answer)
    line:close()
    assert.equal(1, generation())
  end)

  it("leaves nothing running, whatever a spec has started", function()
    begins({ ["count.lua"] = counting "1" }, "--reload-test-ms", "1000")
    local mark = ("%d.%d"):format(os.time(), it_runs.port)
    reload({ ["count.lua"] = counting "2", ["slow_spec.lua"] = ('os.execute "sleep 1000.%s & sleep 999"'):format(mark) })
    assert.truthy(server.wait(5, function()
      local pipe = io.popen "ps -eo args"
      local all = pipe:read "a"
      pipe:close()
      return not all:find("sleep 1000." .. mark, 1, true)
    end))
  end)

  it("gives specs no secret and no connection", function()
    begins { ["count.lua"] = counting "1" }
    local ann = talk.to(it_runs, {}):connect()
    local look = [[it("looks", function()
      local pipe = io.popen "ls -l /proc/$PPID/fd"
      local open = pipe:read "a"
      pipe:close()
      assert.is_nil(open:find("socket:[", 1, true), open)
      assert.is_nil(os.getenv "WEIR_TOKEN_SECRET")
    end)]]
    local answer = reload({ ["count.lua"] = counting "2", ["look_spec.lua"] = look })
    assert.equal(2, answer.result and answer.result.generation, answer.error and answer.error.message)
    ann:join "count:a"
  end)

  it("begins anew when what was tested is not what is there", function()
    local change = ('it("edits", function() local f = io.open(%q) if f then f:close() return end ' ..
      'io.open(%q, "w"):close() os.rename("%s/next", "%s/count.lua") end)')
    begins { ["count.lua"] = counting "1" }
    local folder = it_runs.scripts
    it_runs:write("next", counting "3")
    local answer = reload({ ["count.lua"] = counting "2",
      ["edit_spec.lua"] = change:format(folder .. "/done", folder .. "/done", folder, folder) })
    assert.equal(2, answer.result and answer.result.generation, answer.error and answer.error.message)
    assert.equal(4, (talk.to(it_runs, {}):connect():call("count:a/add", 1)))
  end)

  it("gives way to a rollback", function()
    begins { ["count.lua"] = counting "1" }
    reload({ ["count.lua"] = counting "2" })
    it_runs:write("count.lua", counting "3")
    it_runs:write("slow_spec.lua", 'it("never ends", function() while true do end end)')
    local line = http.open(it_runs)
    line:ask("POST", "/api/reload", { ["X-API-Key"] = "key" }, "{}")
    assert.truthy(server.wait(5, function()
      local pipe = io.popen("ps --ppid " .. it_runs.pid .. " -o args=")
      local all = pipe:read "a"
      pipe:close()
      return all:find("weir test", 1, true)
    end))
    assert.equal(1, http.api(it_runs, "rollback").result.made_from)
    local answer = line:answer().body
    assert.truthy(answer:find("a rollback was asked for before the specs had ended", 1, true), answer)
    line:close()
  end)

  it("ends in the middle of it as it ends else", function()
    begins { ["count.lua"] = counting "1", ["slow_spec.lua"] = 'it("never ends", function() while true do end end)' }
    it_runs:write("count.lua", counting "3")
    local line = http.open(it_runs)
    line:ask("POST", "/api/reload", { ["X-API-Key"] = "key" }, "{}")
    os.execute "sleep 0.3"
    assert.equal(0, it_runs:stop())
    line:close()
  end)
end)
