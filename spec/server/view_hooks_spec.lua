-- view_NAME: what a view shows where masks are not enough, and self:latest.
local http = require "http"
local server = require "server"
local talk = require "talk"

local KINDS = { live = "", batch = [[batch = { size = 3, delay = "30ms" },]], conflate = [[conflate = { every = "30ms", key = "n" },]] }
local RULES = {}
for kind, option in pairs(KINDS) do
  RULES[#RULES + 1] = ([[
local c = channel("%s:{n}", { subscribe = "anyone", publish = "anyone", latest = "n", %s filter = { "n" }, views = {
  { "ops", when = "role.ops" },
  { "blur", when = "user", drop = { "cost" } },
  { "bad", when = "anyone" },
} })
function c:view_blur(msg)
  if msg.hide then return nil end
  return { n = msg.n, at = msg.at // 10 * 10, in_ = self.params.n, cost = msg.cost }
end
function c:view_bad(msg)
  if msg.how == "error" then error("no luck") end
  if msg.how == "spin" then while true do end end
  if msg.how == "wait" then sleep "1ms" end
  if msg.how == "publish" then self:publish(1) end
  if msg.how == "store" then store.add("a", 1) end
  if msg.how == "http" then http.get "http://127.0.0.1:1/" end
  if msg.how == "cache" then cache("a", { ttl = "1s" }, function() return 1 end) end
  if msg.how == "reject" then reject "no" end
  if msg.how == "number" then return 5 end
  return true
end
]]):format(kind, option):gsub("local c ", "local " .. kind .. " "):gsub("function c:", "function " .. kind .. ":")
end
RULES[#RULES + 1] = [[
local seen = channel("seen:{n}", { subscribe = "anyone", call = "anyone", latest = { key = "k", ttl = "1h" } })
function seen:on_publish(msg)
  local before = self:latest(msg.k)
  return { k = msg.k, v = msg.v, before = before and before.v, last = self:latest() and self:latest().k }
end
function seen:rpc_get(args) return { is = self:latest(args.k), last = self:latest() } end
local bare = channel("bare", { call = "anyone" })
function bare:rpc_get() return { is = self:latest() } end
]]
local TEXT = table.concat(RULES)

for _, workers in ipairs { "1", "3" } do
  describe("views with hooks and " .. workers .. " workers", function()
    local it_runs

    lazy_setup(function()
      it_runs = server.start { command = "dev", scripts = { ["a.lua"] = TEXT },
        args = { "--workers", workers, "--ping-ms", "60000", "--hook-ms", "50", "--deflate", "--deflate-min", "32" } }
    end)
    lazy_teardown(function() it_runs:stop() end)
    after_each(function()
      talk.close_all()
      assert.is_nil(it_runs:exit_status())
    end)

    for kind in pairs(KINDS) do
      for _, deflate in ipairs { false, "permessage-deflate" } do
        it(("send none of the bytes that are hidden, %s%s"):format(kind, deflate and ", compressed" or ""), function()
          local channel = ("%s:%s"):format(kind, deflate and "z" or "p")
          local ann = talk.to(it_runs, { as = "ann", deflate = deflate or nil }):connect():join(channel)
          local ben = talk.to(it_runs, { as = "ben", deflate = deflate or nil }):connect():join(channel)
          local ops = talk.to(it_runs, { as = "olga", roles = "ops" }):connect():join(channel)
          local before = http.metric(it_runs, "weir_hooks_run_total")
          for n = 1, 6 do ops:says(channel, { n = n, at = 20 + n, cost = "SECRET", hide = n % 2 == 0 or nil }) end
          for _, who in ipairs { ann, ben } do
            for n = 1, 5, 2 do who:hears(channel, { n = n, at = 20, in_ = deflate and "z" or "p" }) end
          end
          local late = talk.to(it_runs, { as = "late", deflate = deflate or nil }):connect():join(channel)
          assert.equal(3, #late.joined.publications)
          for _, who in ipairs { ann, ben, late } do
            for _, heard in ipairs(who.heard) do assert.is_nil(heard.text:find("SECRET", 1, true), heard.text) end
          end
          assert.equal(before + 6, http.metric(it_runs, "weir_hooks_run_total"), "once a message, for all, whenever they come")
        end)
      end
    end

    it("show nothing where the hook fails, which is logged, and the message stands for others", function()
      local nobody = talk.to(it_runs):connect():join "live:bad"
      local ops = talk.to(it_runs, { as = "olga", roles = "ops" }):connect():join "live:bad"
      for _, how in ipairs { "error", "spin", "wait", "publish", "store", "http", "cache", "reject", "number", "well" } do
        ops:says("live:bad", { how = how, n = how }):hears("live:bad", { how = how, n = how })
      end
      nobody:hears("live:bad", { how = "well", n = "well" })
      it_runs:wait_log "no luck"
      it_runs:wait_log "view_bad"
      it_runs:wait_log "sleep: nothing can wait here"
      it_runs:wait_log "a view only says what is shown"
      it_runs:wait_log "view_bad returns a table, true or nothing"
    end)

    it("and scripts are told what was said last", function()
      local ann = talk.to(it_runs, { as = "ann" }):connect():join "seen:a"
      local function asks(args) return ann:call("seen:a/get", args) end
      ann:says("seen:a", { k = "x", v = 1 }):hears("seen:a", { k = "x", v = 1 })
      ann:says("seen:a", { k = 'y"', v = 2 }):hears("seen:a", { k = 'y"', v = 2, last = "x" })
      ann:says("seen:a", { k = "x", v = 3 }):hears("seen:a", { k = "x", v = 3, before = 1, last = 'y"' })
      assert.same({ is = { k = 'y"', v = 2, last = "x" }, last = { k = "x", v = 3, before = 1, last = 'y"' } },
        asks { k = 'y"' })
      assert.same({ last = { k = "x", v = 3, before = 1, last = 'y"' } }, asks { k = "z" })
      local why = select(2, ann:refused { rpc = { method = "bare/get", data = {} } })
      assert.matches("latest: this channel keeps none; write latest = true among its options", why, 1, true)
    end)
  end)
end
