-- permessage-deflate over a real socket: agreed on or not, one frame for all, what is refused.
local deflate = require "room.deflate"
local http = require "http"
local server = require "server"
local talk = require "talk"

local MIB = 1024 * 1024
local RULES = [[
local room = channel("room:{name}", { subscribe = "anyone", publish = "anyone", max_size = 60000 })
channel("log:{name}", { subscribe = "anyone", publish = "anyone", batch = { size = 8, delay = "5s" } })
function room:rpc_long(args) return { text = ("long "):rep(args) } end
function room:rpc_many(args) for i = 1, args do publish(self.name, { n = i, text = ("again "):rep(200) }) end end
]]

local function start(...)
  return server.start {
    command = "dev", scripts = { ["a.lua"] = RULES }, args = { "--workers", "1", "--test-echo", "/echo", ... },
  }
end

local function packed(text, options)
  return deflate.raw(text, options or {}):sub(1, -5)
end

local long = ("hello everybody "):rep(100)

describe("without --deflate", function()
  it("nothing is agreed on, whatever is offered, and a compressed frame is none", function()
    local it_runs <close> = start()
    for _, offer in ipairs { "permessage-deflate", "permessage-deflate; client_max_window_bits", "=" } do
      local client <close> = talk.to(it_runs, { deflate = offer })
      assert.is_nil(client.extensions)
    end
    local client <close> = talk.to(it_runs, { deflate = true })
    client:connect():join "room:a":says("room:a", long):hears("room:a", long)
    assert.is_nil(client.deflated)
    client:send_deflated '{"id":9,"rpc":{"method":"x"}}'
    assert.equal(1002, (client:closed()))
  end)
end)

describe("with --deflate", function()
  local it_runs

  lazy_setup(function() it_runs = start("--deflate") end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(function()
    talk.close_all()
    assert.is_nil(it_runs:exit_status())
  end)

  local function come(options)
    options = options or { deflate = true }
    options.as = "ann"
    return talk.to(it_runs, options):connect()
  end
  local function metric(name)
    return tonumber(http.get(it_runs, "/metrics").body:match("\n" .. name:gsub("%p", "%%%0") .. " (%d+)"))
  end

  describe("the handshake", function()
    it("agrees without context in either direction", function()
      local client <close> = talk.try(it_runs, { deflate = "permessage-deflate; client_max_window_bits" })
      assert.equal(101, client.status)
      assert.equal("permessage-deflate; server_no_context_takeover; client_no_context_takeover", client.extensions)
      assert.is_nil(talk.to(it_runs).extensions)
    end)

    it("agrees at the echo as well", function()
      local client <close> = talk.to(it_runs, { path = "/echo", deflate = "permessage-deflate; server_max_window_bits=15" })
      assert.truthy(client.extensions:find("; server_max_window_bits=15$"))
    end)

    it("goes on plainly where an offer cannot be kept", function()
      local client = come { deflate = "permessage-deflate; server_max_window_bits=10" }
      assert.is_nil(client.extensions)
      client:join "room:a":says("room:a", long):hears("room:a", long)
      assert.is_nil(client.deflated)
    end)

    it("refuses with 400 a field that is not well made", function()
      local client <close> = talk.try(it_runs, { deflate = "permessage-deflate; =" })
      assert.equal(400, client.status)
      local length = tonumber(client.head:match "Content%-Length: (%d+)")
      assert.truthy(client.tcp:read(length):find("Sec-WebSocket-Extensions", 1, true))
    end)
  end)

  describe("a channel", function()
    it("gives the same messages in the same order to members with and without", function()
      local clients = {}
      for i = 1, 6 do clients[i] = come { deflate = i % 2 == 0 }:join "room:both" end
      local texts = {}
      for i = 1, 30 do
        texts[i] = { n = i, text = ("message %d "):format(i):rep(i % 3 == 0 and 1 or i * 20) }
        clients[i % 6 + 1]:says("room:both", texts[i])
      end
      for i, client in ipairs(clients) do
        for _, text in ipairs(texts) do
          client:hears("room:both", text)
        end
        assert.equal(i % 2 == 0, client.deflated ~= nil)
      end
    end)

    it("gives what is published in one turn as one run, compressed one by one", function()
      local plain, packer = come { deflate = false }:join "room:run", come():join "room:run"
      assert(packer:call("room:run/many", 50))
      for n = 1, 50 do
        for _, client in ipairs { plain, packer } do client:hears("room:run", { n = n, text = ("again "):rep(200) }) end
      end
      assert.is_nil(plain.deflated)
      assert.is_true(packer.deflated >= 50)
    end)

    it("gives a batch in one frame, compressed as a whole", function()
      local plain, packer = come { deflate = false }:join "log:a", come():join "log:a"
      for n = 1, 8 do plain:says("log:a", { n = n, text = "short" }) end
      for n = 1, 8 do
        for _, client in ipairs { plain, packer } do client:hears("log:a", { n = n, text = "short" }) end
      end
      assert.equal(1, packer.deflated)
    end)

    it("compresses once for all who hear it, and not at all where nobody wants it", function()
      local plain = { come { deflate = false }:join "room:c", come { deflate = false }:join "room:c" }
      local before = metric 'weir_deflate_bytes_total{stage="before"}'
      plain[1]:says("room:c", long):hears("room:c", long)
      assert.equal(before, metric 'weir_deflate_bytes_total{stage="before"}')
      local packers = {}
      for i = 1, 5 do packers[i] = come():join "room:c" end
      local after = metric 'weir_deflate_bytes_total{stage="after"}'
      plain[1]:says("room:c", long)
      local line
      for _, packer in ipairs(packers) do
        line = select(3, packer:listen "room:c")
        assert.equal(1, packer.deflated)
      end
      assert.equal(before + #line, metric 'weir_deflate_bytes_total{stage="before"}')
      local size = metric 'weir_deflate_bytes_total{stage="after"}' - after
      assert.is_true(size > 0 and size < #line / 5, size)
    end)

    it("is the same on four workers", function()
      local four <close> = server.start { command = "dev", scripts = { ["a.lua"] = RULES },
        args = { "--workers", "4", "--deflate", "--deflate-min", "1" } }
      local clients = {}
      for i = 1, 12 do clients[i] = talk.to(four, { deflate = i % 3 ~= 0 }):connect():join "room:x":join "room:y" end
      for i = 1, 12 do clients[i]:says(i % 2 == 0 and "room:x" or "room:y", { i, long }) end
      for _, client in ipairs(clients) do
        for _, name in ipairs { "room:x", "room:y" } do
          local sum = 0
          for _ = 1, 6 do
            local data = client:listen(name)
            assert.equal(long, data[2])
            sum = sum + data[1]
          end
          assert.equal(name == "room:x" and 42 or 36, sum)
        end
      end
      talk.close_all()
    end)
  end)

  describe("what the server says", function()
    it("is plain below the threshold, which counts the whole message, and compressed from there on", function()
      local client = come():join "room:t"
      local around = #select(3, client:says("room:t", ""):listen "room:t")
      client:says("room:t", ("x"):rep(511 - around)):listen "room:t"
      assert.is_nil(client.deflated)
      client:says("room:t", ("x"):rep(512 - around)):listen "room:t"
      assert.equal(1, client.deflated)
    end)

    it("compresses replies as well", function()
      local client = come():join "room:t"
      assert.same({ text = ("long "):rep(1000) }, client:call("room:t/long", 1000))
      assert.equal(1, client.deflated)
      assert.same({ text = "long " }, (client:call("room:t/long", 1)))
      assert.equal(1, client.deflated)
    end)

    it("is plain where it would not become shorter", function()
      math.randomseed(4)
      local letters = {}
      for i = 1, 700 do letters[i] = utf8.char(math.random(0x4e00, 0x9fff)) end
      local text = table.concat(letters)
      local client = come { path = "/echo", deflate = true, as = "x" }
      client:close()
      local echo <close> = talk.to(it_runs, { path = "/echo", deflate = true })
      local frame = echo:send("text", text):next_frame()
      assert.is_true(frame.payload == text or #deflate.inflater():take(frame.payload, MIB) == #text)
      assert.is_true(#frame.payload <= #text)
    end)
  end)

  describe("what a client says", function()
    it("may be compressed or not, message by message", function()
      local client = come():join "room:m"
      client:send_deflated('{"id":50,"publish":{"channel":"room:m","data":1}}'):reply(50)
      client:says("room:m", 2)
      client:send_deflated('{"id":51,"publish":{"channel":"room:m","data":3}}', { level = 0 }):reply(51)
      for n = 1, 3 do client:hears("room:m", n) end
    end)

    it("may come in fragments, with control frames between", function()
      local client = come():join "room:m"
      local bytes = packed('{"id":50,"publish":{"channel":"room:m","data":' .. ('"%s"'):format(long) .. "}}")
      client:send("text", bytes:sub(1, 10), { rsv = 4, fin = false })
      client:send("ping", "are you there")
      client:send("continuation", bytes:sub(11, 20), { fin = false })
      client:send("continuation", "", { fin = false })
      client:send("continuation", bytes:sub(21))
      local pong = client:next_frame()
      assert.same({ 10, 0, "are you there" }, { pong.opcode, pong.rsv, pong.payload })
      client:reply(50)
      client:hears("room:m", long)
    end)

    it("may hold several commands", function()
      local client = come()
      client:send_deflated '{"id":60,"subscribe":{"channel":"room:m"}}\n{"id":61,"publish":{"channel":"room:m","data":7}}'
      client:reply(60)
      client:reply(61)
      client:hears("room:m", 7)
    end)

    local function ends(code, words, send)
      local client = come():join "room:m"
      send(client)
      local got, reason = client:closed()
      assert.equal(code, got)
      assert.truthy(reason:find(words, 1, true), reason)
    end

    it("ends it with 1002 where the bit stands on another frame", function()
      ends(1002, "first frame", function(client)
        client:send("text", packed "{}", { rsv = 4, fin = false }):send("continuation", "", { rsv = 4 })
      end)
      ends(1002, "first frame", function(client) client:send("ping", "", { rsv = 4 }) end)
      ends(1002, "reserved bits", function(client) client:send("text", "{}", { rsv = 2 }) end)
    end)

    it("ends it with 1007 where it cannot be inflated, or is not UTF-8 then", function()
      local before = metric 'weir_inflate_refused_total{reason="damaged"}'
      ends(1007, "cannot be inflated", function(client) client:send("text", "\xff\xff", { rsv = 4 }) end)
      ends(1007, "cannot be inflated", function(client) client:send("text", "", { rsv = 4 }) end)
      assert.equal(before + 2, metric 'weir_inflate_refused_total{reason="damaged"}')
      ends(1007, "UTF-8", function(client) client:send_deflated('{"id":1}\xff') end)
    end)

    it("ends it with 1009 where it is a bomb, and is not much larger for it", function()
      local before = metric 'weir_inflate_refused_total{reason="size"}'
      local cut = metric 'weir_cut_total{reason="bad_request"}'
      local bomb = packed((" "):rep(32 * MIB))
      assert.is_true(#bomb < 65536)
      for _ = 1, 3 do
        ends(1009, "when inflated", function(client) client:send("text", bomb, { rsv = 4 }) end)
      end
      assert.equal(before + 3, metric 'weir_inflate_refused_total{reason="size"}')
      assert.equal(cut + 3, metric 'weir_cut_total{reason="bad_request"}')
    end)

    it("ends it with 1009 one byte over --max-message, and not at it", function()
      local head, tail = '{"id":50,"publish":{"channel":"nobody","data":"', '"}}'
      local function of(length) return head .. ("x"):rep(length - #head - #tail) .. tail end
      local client = come()
      assert.equal(102, client:send_deflated(of(65536)):reply(50).error.code)
      ends(1009, "when inflated", function(other) other:send_deflated(of(65537)) end)
    end)

    it("ends it with 1009 where it is too long before it is inflated", function()
      ends(1009, "too large", function(client) client:send("text", "", { rsv = 4, length = 65537 }) end)
    end)
  end)

  describe("the echo", function()
    it("sends back text and bytes, compressed where it pays", function()
      local echo <close> = talk.to(it_runs, { path = "/echo", deflate = true })
      local inflater = deflate.inflater()
      for _, opcode in ipairs { "text", "binary" } do
        for _, length in ipairs { 0, 1, 16, 511, 512, 4096, 131072, 4 * MIB } do
          local text = ("0123456789abcdef"):rep(length // 16 + 1):sub(1, length)
          local frame = echo:send(opcode, packed(text), { rsv = 4 }):next_frame()
          assert.equal(opcode == "text" and 1 or 2, frame.opcode)
          assert.equal(length >= 512 and 4 or 0, frame.rsv)
          assert.is_true((frame.rsv == 0 and frame.payload or inflater:take(frame.payload, length)) == text)
        end
      end
    end)

    it("takes 16 MiB and not a byte more", function()
      local echo <close> = talk.to(it_runs, { path = "/echo", deflate = true })
      local frame = echo:send("binary", packed(("x"):rep(16 * MIB)), { rsv = 4 }):next_frame()
      assert.is_true(#deflate.inflater():take(frame.payload, 16 * MIB) == 16 * MIB)
      echo:send("binary", packed(("x"):rep(16 * MIB + 1)), { rsv = 4 })
      assert.equal(1009, (echo:closed()))
    end)
  end)
end)

describe("--deflate-min", function()
  it("is in bytes, from 1 on", function()
    local it_runs <close> = start("--deflate", "--deflate-min", "300")
    local client <close> = talk.to(it_runs, { deflate = true })
    client:connect():join "room:a"
    local before = client.deflated or 0
    client:says("room:a", ""):hears("room:a", "")
    assert.equal(before, client.deflated or 0)
    client:says("room:a", ("a"):rep(400)):hears("room:a", ("a"):rep(400))
    assert.equal(before + 1, client.deflated)
    local wrong = server.try { scripts = { ["a.lua"] = RULES }, args = { "--deflate-min", "0" } }
    wrong:stop()
    assert.is_nil(wrong.port)
    assert.truthy(wrong.log():find("deflate-min", 1, true))
  end)
end)
