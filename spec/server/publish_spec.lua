-- Publishing: who may, what becomes of a message, and that nothing becomes of its bytes.
local http = require "http"
local server = require "server"
local talk = require "talk"

local RULES = [[
channel("room:{name}", { subscribe = "anyone", publish = "anyone" })
channel("kept:{name}", { subscribe = "anyone", publish = "anyone", history = { size = 2, ttl = "1h" } })
channel("members:{name}", { subscribe = "anyone", publish = "user" })
channel("mute:{name}", { subscribe = "anyone" })
channel("small:{name}", { subscribe = "anyone", publish = "anyone", max_size = 20 })
channel("seen:{name}", { subscribe = "anyone" })

local hooked = channel("hooked:{name}", { subscribe = "anyone", history = 5 })
function hooked:on_publish(msg, from)
  if type(msg) ~= "table" then return true end
  if msg.reject then reject(msg.reject) end
  if msg.boom then publish("seen:boom", "never") error("boom") end
  if msg.drop then return nil end
  if msg.spin then pcall(function() while true do end end) end
  if msg.eat then local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1000) .. i end end
  if msg.first then self:publish "before" publish("seen:first", "elsewhere") return true end
  if msg.refused then publish("seen:refused", "stands") reject "but not this" end
  if msg.upper then return { text = msg.upper:upper(), by = from.user, n = 9007199254740993, list = {}, f = 0.1 } end
  return true
end
function hooked:on_published(msg, meta)
  publish("seen:after", { msg = msg, offset = meta and meta.offset })
  if msg == "fail afterwards" then error("too late") end
end
]]

describe("publishing", function()
  local it_runs

  lazy_setup(function()
    it_runs = server.start {
      command = "dev",
      scripts = { ["a.lua"] = RULES },
      args = { "--workers", "1", "--api-key", "key" },
    }
  end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(function()
    talk.close_all()
    assert.is_nil(it_runs:exit_status())
  end)

  local function comes(name)
    return talk.to(it_runs, { as = name }):connect()
  end

  it("reaches all who listen, the publisher too, in one order, with who it was", function()
    local ann, ben, eve = comes "ann", comes "ben", comes "eve"
    ann:join "room:a"
    ben:join "room:a"
    for i = 1, 20 do (i % 2 == 0 and ann or eve):says("room:a", i) end
    for i = 1, 20 do
      ann:hears("room:a", i)
      local data, pub = ben:listen "room:a"
      assert.equal(i, data)
      assert.same(i % 2 == 0 and { user = "ann", client = ann.client } or { user = "eve", client = eve.client }, pub.info)
      assert.is_nil(pub.offset)
    end
  end)

  it("is refused where the rule says so", function()
    local ann, nobody = comes "ann", comes ""
    ann:says("members:a", 1)
    assert.equal(103, (nobody:refused { publish = { channel = "members:a", data = 1 } }))
    assert.equal(103, (ann:refused { publish = { channel = "mute:a", data = 1 } }))
    assert.same({ 102, "unknown channel" }, { ann:refused { publish = { channel = "unknown", data = 1 } } })
  end)

  it("of nothing is 107, of null is a message", function()
    local ann = comes "ann"
    ann:join "room:null"
    assert.equal(107, (ann:refused { publish = { channel = "room:null" } }))
    ann:says_raw("room:null", "null"):hears_raw("room:null", "null")
  end)

  it("counts offsets where there is a history, from 1 and by 1", function()
    local ann = comes "ann"
    ann:join "kept:a"
    for i = 1, 5 do
      ann:says("kept:a", "x")
      local _, pub = ann:listen "kept:a"
      assert.equal(i, pub.offset)
    end
  end)

  it("too much for the channel is refused with the numbers", function()
    local ann = comes "ann"
    ann:says("small:a", ("x"):rep(18))
    local code, message = ann:refused { publish = { channel = "small:a", data = ("x"):rep(19) } }
    assert.equal(413, code)
    assert.truthy(message:find("21", 1, true) and message:find("20", 1, true), message)
  end)

  describe("keeps bytes as they came:", function()
    local cases = {
      ["the order of keys"] = '{"b":1,"a":2,"c":{"z":0,"y":0}}',
      ["a key that is there twice"] = '{"a":1,"a":2}',
      ["1.0 and its relatives"] = "[1.0,1e2,1E+2,-0,-0.0,0.10,1.000000000000000000001]",
      ["big integers"] = "[9007199254740993,18446744073709551615,123456789012345678901234567890,-9223372036854775809]",
      ["escapes"] = [["\u0041\n\/\"\\\u00e4\ud83d\ude00\u0000"]],
      ["unicode"] = '"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xe2\x80\xa8"',
      ["whitespace that is no line end"] = '{ "a" :\t1 , "b":[ ] }',
      ["empty things"] = '[{},[],"",null,true,false]',
      ["a bare string"] = '"x"',
      ["a bare number"] = "-12.5e-3",
      ["what looks like HTML"] = '"<script>&amp;</script>"',
      ["deep nesting"] = ("["):rep(50) .. ("]"):rep(50),
      ["a long text"] = '"' .. ("abc\\u0020"):rep(5000) .. '"',
    }
    for name, json in pairs(cases) do
      it(name, function()
        local ann = comes "ann"
        ann:join "room:bytes":says_raw("room:bytes", json):hears_raw("room:bytes", json)
        http.post(it_runs, "/api/publish", '{"channel":"room:bytes","data":' .. json .. "}", { ["X-API-Key"] = "key" })
        ann:hears_raw("room:bytes", json)
      end)
    end

    it("through a hook that returns true", function()
      local ann = comes "ann"
      for _, json in pairs(cases) do
        ann:join "hooked:bytes":says_raw("hooked:bytes", json):hears_raw("hooked:bytes", json):leaves "hooked:bytes"
      end
    end)

    it("but for carriage returns and line feeds between them", function()
      local ann = comes "ann"
      ann:join "room:lines":says_raw("room:lines", '{\r"a":\r[1,\r2]\r}'):hears_raw("room:lines", '{"a":[1,2]}')
      http.post(it_runs, "/api/publish", '{"channel":"room:lines","data":{\r\n  "a": [\n1,\r\n2 ]\n}}', { ["X-API-Key"] = "key" })
      ann:hears_raw("room:lines", '{  "a": [1,2 ]}')
      ann:says_raw("room:lines", [["\r\n"]]):hears_raw("room:lines", [["\r\n"]])
    end)
  end)

  describe("through a script", function()
    it("delivers what it returns, with big integers, empty lists and floats that read back equal", function()
      local ann = comes "ann"
      ann:join "hooked:a":says("hooked:a", { upper = "hi" })
      local data, _, line = ann:listen "hooked:a"
      assert.same({ "HI", "ann", 0.1 }, { data.text, data.by, data.f })
      assert.truthy(line:find('"n":9007199254740993', 1, true), line)
    end)

    it("is refused in the script's words", function()
      local ann = comes "ann"
      ann:join "hooked:b"
      assert.same({ 400, "too loud" },
        { ann:refused { publish = { channel = "hooked:b", data = { reject = "too loud" } } } })
      ann:hears_nothing "hooked:b"
    end)

    it("drops what it returns nothing for; the publisher is told it is well", function()
      local ann = comes "ann"
      local before = http.metric(it_runs, 'weir_drops_total{reason="script"}')
      ann:join "hooked:c":says("hooked:c", { drop = true }):hears_nothing "hooked:c"
      assert.equal(before + 1, http.metric(it_runs, 'weir_drops_total{reason="script"}'))
    end)

    it("refuses what it fails on, takes back its wishes and names an incident", function()
      local ann = comes "ann"
      ann:join "hooked:d":join "seen:boom"
      assert.equal(500, (ann:refused { publish = { channel = "hooked:d", data = { boom = true } } }))
      assert.truthy(it_runs:wait_log("[^\n]*" .. ann.refusal.incident .. "[^\n]*"):find("a.lua:12", 1, true))
      ann:says("hooked:d", "next"):hears("hooked:d", "next"):hears_nothing "seen:boom"
    end)

    it("stops a hook that spins, inside pcall too, and one that eats memory", function()
      local ann = comes "ann"
      ann:join "hooked:e"
      for _, data in ipairs { { spin = true }, { eat = true } } do
        assert.equal(504, (ann:refused { publish = { channel = "hooked:e", data = data } }))
        assert.truthy(ann.refusal.incident)
      end
      ann:says("hooked:e", "next"):hears("hooked:e", "next")
    end)

    it("does what was wished first, and keeps wishes made before a reject", function()
      local ann = comes "ann"
      ann:join "hooked:f":join "seen:first":join "seen:refused"
      ann:says("hooked:f", { first = true }):hears("hooked:f", "before"):hears("hooked:f", { first = true })
      ann:hears("seen:first", "elsewhere")
      assert.equal(400, (ann:refused { publish = { channel = "hooked:f", data = { refused = true } } }))
      ann:hears("seen:refused", "stands")
    end)

    it("is told afterwards, with the offset; an error then is too late to matter", function()
      local ann = comes "ann"
      ann:join "seen:after":join "hooked:g":says("hooked:g", "one")
      ann:hears("hooked:g", "one"):hears("seen:after", { msg = "one", offset = 1 })
      ann:says("hooked:g", "fail afterwards"):hears("hooked:g", "fail afterwards")
      it_runs:wait_log "too late"
      ann:says("hooked:g", "three")
      local _, pub = ann:listen "hooked:g"
      assert.equal(3, pub.offset)
    end)

    it("is not asked when the house speaks", function()
      local ann = comes "ann"
      ann:join "hooked:h"
      http.api(it_runs, "publish", { channel = "hooked:h", data = { reject = "a stranger's words" } })
      local data, pub = ann:listen "hooked:h"
      assert.same({ reject = "a stranger's words" }, data)
      assert.is_nil(pub.info)
    end)
  end)
end)
