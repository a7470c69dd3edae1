-- on_upgrade: what a channel does first under new code.
local http = require "http"
local server = require "server"
local talk = require "talk"

local function code(version, more)
  return ([[
local log = channel("log", { subscribe = "anyone" })
local room = channel("room:{name}", { subscribe = "anyone", publish = "anyone", call = "anyone" })
function room:on_publish(msg) return { v = %d, step = self.state.step, msg = msg } end
function room:rpc_step() self.state.step = (self.state.step or 0) + 1 return self.state.step end
%s
]]):format(version, more or "")
end

local TELLS = [[
function room:on_upgrade(from)
  publish("log", { channel = self.name, from = from, step = self.state.step })
  self.state.step = (self.state.step or 0) + 100
end]]

describe("on_upgrade", function()
  local it_runs, ann

  before_each(function()
    it_runs = server.start { scripts = { ["a.lua"] = code(1), ["b.lua"] = 'channel("b", { subscribe = "anyone" })' },
      args = { "--workers", "2", "--api-key", "key", "--linger-ms", "100" } }
    ann = talk.to(it_runs, {}):connect():join "log":join "room:a"
  end)
  after_each(function()
    talk.close_all()
    it_runs:stop()
  end)

  local function reload(files)
    for name, text in pairs(files) do it_runs:write(name, text) end
    local answer = http.api(it_runs, "reload")
    return assert(answer.result, answer.error and answer.error.message).generation
  end

  it("runs once in a channel, also where nothing happens, with its state and the generation it comes from", function()
    assert.equal(1, (ann:call "room:a/step"))
    reload { ["a.lua"] = code(2, TELLS) }
    ann:hears("log", { channel = "room:a", from = 1, step = 1 })
    assert.equal(102, (ann:call "room:a/step"))
    reload { ["a.lua"] = code(3, TELLS) }
    ann:hears("log", { channel = "room:a", from = 2, step = 102 })
    assert.equal(3, http.metric(it_runs, 'weir_script_calls_total{script="a.lua",hook="on_upgrade"}') + 1)
  end)

  it("does not run in a channel that opens, nor where its file is as it was", function()
    reload { ["a.lua"] = code(2, TELLS) }
    ann:hears("log", { channel = "room:a", from = 1 })
    ann:join "room:new"
    reload { ["b.lua"] = 'channel("b2", { subscribe = "anyone" })' }
    ann:says("room:a", "x"):hears("room:a", { v = 2, step = 100, msg = "x" })
    ann:hears_nothing "log"
  end)

  it("comes before anything else under the new code, also when it waits", function()
    reload { ["a.lua"] = code(2, [[
      function room:on_upgrade() sleep "200ms" self.state.step = "ready" publish(self.name, "upgraded") end]]) }
    ann:says("room:a", "x")
    ann:hears("room:a", "upgraded"):hears("room:a", { v = 2, step = "ready", msg = "x" })
  end)

  it("runs in a channel that was none of a script's before", function()
    ann:join "b"
    reload { ["b.lua"] = [[
      local b = channel("b", { subscribe = "anyone" })
      function b:on_upgrade(from) publish("log", { b = from }) end]] }
    ann:hears("log", { b = 1 })
  end)

  it("is logged when it fails, and nothing else is lost", function()
    reload { ["a.lua"] = code(2, 'function room:on_upgrade() error "cannot" end') }
    it_runs:wait_log 'event=script_failed [^\n]*reason=cannot hook=on_upgrade channel=room:a'
    ann:says("room:a", "x"):hears("room:a", { v = 2, msg = "x" })
  end)

  it("is let end before an empty channel closes", function()
    ann:leaves "room:a"
    reload { ["a.lua"] = code(2, [[
      function room:on_upgrade() sleep "500ms" publish("log", "upgraded") end
      function room:on_close() publish("log", "closed") end]]) }
    ann:hears("log", "upgraded"):hears("log", "closed")
  end)
end)
