-- Everybody comes at once: after a restart, say.
local crowd = require "crowd"
local http = require "http"
local server = require "server"

local MANY, MANY_TLS = 2000, 300

local options = {
  scripts = { ["a.lua"] = 'channel("room:{name}", { subscribe = "anyone", publish = "anyone" })' },
  args = { "--ping-ms", "60000" },
}

-- All connect before anybody has been answered; nobody is refused, and one message reaches them all.
local function come_at_once(it_runs, many)
  local them <close> = crowd.of(it_runs)
  local list, joined, heard = {}, 0, 0
  for n = 1, many do
    list[n] = them:come()
    them:join(list[n], "room:a", function() joined = joined + 1 end)
  end
  local _, before = them.all:counts()
  assert.equal(0, before)
  them:on_push(function() heard = heard + 1 end)
  them:until_("everybody's joining", function() return joined == many or them.all:counts().gone > 0 end)
  assert.equal(0, them.all:counts().gone, select(2, them.all:look(1)))
  assert.same({ many, {} }, { them.here, them.errors })
  them:ask(list[1], '"publish":{"channel":"room:a","data":"hello"}')
  them:until_("the message", function() return heard >= many end)
  assert.equal(many, heard)
end

describe("thousands who come at once", function()
  for _, way in ipairs(crowd.ways(options)) do
    for _, workers in ipairs { 1, 4 } do
      local many = way.is_tls and MANY_TLS or MANY
      it(("are all let in: %d, %s, %d workers"):format(many, way.name, workers), function()
        local it_runs <close> = way.start { "--workers", workers }
        come_at_once(it_runs, many)
        assert.truthy(server.wait(15, function() return it_runs.scheme == "https" or http.metric(it_runs, "weir_sessions") == 0 end))
      end)
    end
  end

  it("need no raised soft limit of descriptors: the server raises it itself", function()
    local it_runs <close> = server.start {
      command = "dev", scripts = options.scripts, args = options.args, prefix = { "prlimit", "--nofile=256:8192" },
    }
    come_at_once(it_runs, MANY)
  end)

  it("wait while there are no descriptors left, and come in when there are again", function()
    local it_runs <close> = server.start {
      command = "dev", scripts = options.scripts, args = options.args, prefix = { "prlimit", "--nofile=200:200" },
    }
    local them <close> = crowd.of(it_runs)
    local first, joined = {}, 0
    for n = 1, 400 do
      local who = them:come()
      first[n] = who
      them:join(who, "room:a", function() joined = joined + 1 end)
    end
    them:until_("the first", function() return joined > 100 end)
    for _ = 1, 20 do them:turn(20) end
    assert.equal(0, them.all:counts().gone)
    assert.truthy(joined < 200)
    it_runs:wait_log "out of file descriptors.*(ulimit %-n)"
    for n = 1, 400 do
      if them.all:look(first[n]) == "open" then them.all:leave(first[n]) end
    end
    them:until_("those who waited", function() return joined > 250 end)
  end)
end)
