-- `latest`: who comes is given what was said last, whatever way it comes.
local http = require "http"
local server = require "server"
local stream = require "stream"
local talk = require "talk"

local RULES = [[
channel("price:{n}", { subscribe = "anyone", publish = "user", latest = "symbol" })
channel("calm:{n}", { subscribe = "anyone", publish = "user", latest = "symbol", conflate = { every = "10s", key = "symbol" } })
channel("state", { subscribe = "anyone", publish = "user", latest = true, views = {
  { "ops", when = "role.ops" }, { "all", drop = { "cost" } },
} })
]]

describe("what was said last", function()
  local it_runs, ann

  lazy_setup(function()
    it_runs = server.start { command = "dev", scripts = { ["a.lua"] = RULES },
      args = { "--workers", "3", "--ping-ms", "60000", "--deflate", "--deflate-min", "32" } }
  end)
  lazy_teardown(function() it_runs:stop() end)
  before_each(function() ann = talk.to(it_runs, { as = "ann" }):connect() end)
  after_each(function()
    talk.close_all()
    stream.close_all()
    assert.is_nil(it_runs:exit_status())
  end)

  local function given(talker, channel)
    local list = {}
    for i, pub in ipairs(talker:connect():join(channel).joined.publications or {}) do list[i] = pub.data end
    return list
  end

  it("is in the reply to the subscribe: by WebSocket, compressed, by event stream", function()
    for n = 1, 3 do
      ann:says("price:a", { symbol = "X", n = n })
      ann:says("price:a", { symbol = "Y", n = n * 10 })
    end
    local last = { { symbol = "X", n = 3 }, { symbol = "Y", n = 30 } }
    assert.same(last, given(talk.to(it_runs), "price:a"))
    assert.same(last, given(talk.to(it_runs, { deflate = true }), "price:a"))
    assert.same(last, given(stream.to(it_runs), "price:a"))
    assert.same({}, given(talk.to(it_runs), "price:b"))
  end)

  it("is never missed and never doubled, while others speak", function()
    for n = 1, 200 do
      ann:say { publish = { channel = "price:c", data = { symbol = "X", n = n } }, id = 100 + n }
      if n % 20 == 0 then
        local one = talk.to(it_runs):connect():join "price:c"
        local seen = one.joined.publications[1].data.n
        if n < 200 then ann:says("price:c", { symbol = "X", n = n + 0.5 }) end
        local next_one = n < 200 and one:listen("price:c").n or nil
        if next_one then assert.truthy(next_one > seen) end
        one:close()
      end
    end
  end)

  it("is what the view shows", function()
    ann:says("state", { a = 1, cost = 2 })
    assert.same({ { a = 1 } }, given(talk.to(it_runs, { as = "ben" }), "state"))
    assert.same({ { a = 1, cost = 2 } }, given(talk.to(it_runs, { as = "mo", roles = "ops" }), "state"))
    local bare = talk.to(it_runs, { as = "ben" }):connect():join "state"
    for _, heard in ipairs(bare.heard) do assert.is_nil(heard.text:find("cost", 1, true)) end
  end)

  it("is the newest also where it is held back from others", function()
    local ben = talk.to(it_runs, { as = "ben" }):connect():join "calm:a"
    for n = 1, 3 do ann:says("calm:a", { symbol = "X", n = n }) end
    ben:hears("calm:a", { symbol = "X", n = 1 })
    assert.same({ { symbol = "X", n = 3 } }, given(talk.to(it_runs), "calm:a"))
    ben:hears("calm:a", { symbol = "X", n = 3 })
  end)

  it("is given without Lua", function()
    assert.equal(0, http.metric(it_runs, "weir_hooks_run_total"))
  end)
end)
