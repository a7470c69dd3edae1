-- Four workers are one server.
local http = require "http"
local server = require "server"
local talk = require "talk"

local RULES = [[
local room = channel("room:{name}", { subscribe = "anyone", publish = "anyone", presence = true })
function room:rpc_count(args)
  self.state.count = (self.state.count or 0) + (args or 1)
  return self.state.count
end
function room:rpc_kick(args) return kick(self.name, args) end
function room:rpc_pass(args) publish(args.to, args.data) return true end
function room:rpc_tell(_, from) from:send { from = self.name } return true end
function room:rpc_end(_, from) from:close(4002, "over") return true end
local kept = channel("kept:{name}", { subscribe = "anyone", publish = "anyone", history = 10 })
local tracked = channel("tracked:{name}", { subscribe = "anyone", publish = "anyone" })
function tracked:on_subscribe(client)
  self.state.here = (self.state.here or 0) + 1
  return { here = self.state.here }
end
function tracked:on_unsubscribe() self.state.here = self.state.here - 1 end
function tracked:rpc_here() return self.state.here or 0 end
]]

describe("with four workers", function()
  local it_runs

  lazy_setup(function()
    it_runs = server.start {
      command = "dev",
      scripts = { ["a.lua"] = RULES },
      args = { "--workers", "4", "--api-key", "key" },
    }
  end)
  lazy_teardown(function() it_runs:stop() end)
  after_each(function()
    talk.close_all()
    assert.is_nil(it_runs:exit_status())
  end)

  -- Enough connections that every worker has some.
  local function come(count)
    local clients = {}
    for i = 1, count do clients[i] = talk.to(it_runs, { as = "u" .. i }):connect() end
    return clients
  end

  local function who(client, channel)
    return client:ask({ presence = { channel = channel } }).presence.presence
  end

  it("a message reaches everybody, wherever they and it came in", function()
    local clients = come(16)
    for _, client in ipairs(clients) do client:join "room:a":join "room:b" end
    for i, client in ipairs(clients) do client:says(i % 2 == 0 and "room:a" or "room:b", i) end
    for _, client in ipairs(clients) do
      local seen = {}
      for _ = 1, 8 do seen[(client:listen "room:a")] = true end
      for _ = 1, 8 do seen[(client:listen "room:b")] = true end
      for i = 1, 16 do assert.truthy(seen[i], i) end
    end
  end)

  it("every subscriber sees every message once, and all see one order, that of each publisher within", function()
    local clients = come(12)
    local channels = { "room:order1", "kept:order2", "room:order3" }
    for _, client in ipairs(clients) do
      for _, channel in ipairs(channels) do client:join(channel) end
    end
    local each = 20
    for n = 1, each do
      for i, client in ipairs(clients) do
        local lines = {}
        for c, channel in ipairs(channels) do
          lines[c] = { id = client:next_id(), publish = { channel = channel, data = { by = i, n = n } } }
        end
        client:say(table.unpack(lines))
      end
    end
    for _, channel in ipairs(channels) do
      local first
      for _, client in ipairs(clients) do
        local order, last, offset = {}, {}, 0
        for k = 1, each * #clients do
          local data, pub = client:listen(channel)
          order[k] = data.by .. "/" .. data.n
          assert.equal((last[data.by] or 0) + 1, data.n)
          last[data.by] = data.n
          if pub.offset then
            assert.equal(offset + 1, pub.offset)
            offset = pub.offset
          end
        end
        first = first or table.concat(order, " ")
        assert.equal(first, table.concat(order, " "))
        client:hears_nothing(channel)
      end
    end
  end)

  it("replies and own messages of one connection keep their order", function()
    local clients = come(8)
    for _, client in ipairs(clients) do
      client:join "room:own"
      client:say('{"id":101,"publish":{"channel":"room:own","data":1}}', '{"id":102,"publish":{"channel":"room:own","data":2}}',
        '{"id":103,"unsubscribe":{"channel":"room:own"}}', '{"id":104,"publish":{"channel":"room:own","data":3}}')
      local order = {}
      client:reply(104)
      for _, heard in ipairs(client.heard) do
        if heard.message.id and heard.message.id > 100 and heard.message.id ~= 103 then order[#order + 1] = heard.message.id end
      end
      assert.same({ 101, 102, 104 }, order)
    end
  end)

  it("presence is one list", function()
    local clients = come(12)
    for _, client in ipairs(clients) do client:join "room:here" end
    for _, client in ipairs(clients) do
      local all = who(client, "room:here")
      for _, other in ipairs(clients) do assert.truthy(all[other.client]) end
    end
    for i = 1, 12, 2 do clients[i]:leaves "room:here" end
    assert.same({ num_clients = 6, num_users = 6 }, clients[1]:ask({ presence_stats = { channel = "room:here" } }).presence_stats)
    for i = 2, 12, 2 do clients[i].tcp:reset() end
    assert.truthy(server.wait(5, function() return next(who(clients[1], "room:here")) == nil end))
  end)

  it("a channel has one state, whoever calls", function()
    local clients = come(12)
    for round = 1, 10 do
      for _, client in ipairs(clients) do client:say { id = 1000 + round, rpc = { method = "room:sum/count", data = 1 } } end
    end
    local seen = {}
    for round = 1, 10 do
      for _, client in ipairs(clients) do
        local count = client:reply(1000 + round).rpc.data
        assert.is_nil(seen[count])
        seen[count] = true
      end
    end
    assert.equal(121, (clients[1]:call("room:sum/count", 1)))
  end)

  it("a kick finds its user on any worker; nothing is heard after it", function()
    local clients = come(12)
    for _, client in ipairs(clients) do client:join "room:kick" end
    for i = 1, 12, 3 do
      assert.is_true(clients[2]:call("room:kick/kick", { user = "u" .. i, reason = "out" }))
      local code, reason = clients[i]:thrown_out "room:kick"
      assert.truthy(code >= 2000 and code < 2500, code)
      assert.truthy(reason:find "out")
    end
    clients[2]:says("room:kick", "after")
    for i = 1, 12 do
      if i % 3 == 1 then
        clients[i]:hears_nothing "room:kick"
      else
        clients[i]:hears("room:kick", "after")
      end
    end
  end)

  it("send and close find the caller on any worker", function()
    local clients = come(8)
    for i, client in ipairs(clients) do
      client:call("room:tell" .. i .. "/tell")
      local heard = client:wait(function(m) return m.push and m.push.message end, "a word")
      assert.equal("room:tell" .. i, heard.message.push.message.data.from)
    end
    for i, client in ipairs(clients) do
      client:say { id = 500, rpc = { method = "room:end" .. i .. "/end" } }
      assert.same({ 4002, "over" }, { client:closed() })
    end
  end)

  it("a caller that is closed by what it called gets its answer first, as with one worker", function()
    for i, client in ipairs(come(8)) do
      assert.is_true((client:call("room:end" .. i .. "/end")))
      assert.same({ 4002, "over" }, { client:closed() })
    end
  end)

  it("scripts publish from one worker's channel to another's", function()
    local clients = come(4)
    for i = 1, 8 do clients[1]:join("room:to" .. i) end
    for i = 1, 8 do clients[2]:call("room:from" .. i .. "/pass", { to = "room:to" .. i, data = i }) end
    for i = 1, 8 do clients[1]:hears("room:to" .. i, i) end
  end)

  it("leaving and joining quickly ends in what was wished last", function()
    local clients = come(8)
    for round = 1, 10 do
      local id = 2000 + round * 10
      for i, client in ipairs(clients) do
        local channel = "tracked:" .. (i % 3)
        client:say({ id = id, subscribe = { channel = channel } }, { id = id + 1, unsubscribe = { channel = channel } },
          { id = id + 2, subscribe = { channel = channel } }, { id = id + 3, unsubscribe = { channel = channel } })
      end
      for _, client in ipairs(clients) do
        for step = 0, 3 do assert.is_nil(client:reply(id + step).error) end
      end
    end
    for c = 0, 2 do
      assert.truthy(server.wait(5, function() return clients[1]:call("tracked:" .. c .. "/here") == 0 end))
      assert.equal(0, http.api(it_runs, "channels").result.channels["tracked:" .. c].num_clients)
    end
    clients[1]:join "tracked:0"
    clients[2]:join "tracked:0":says("tracked:0", "x"):hears("tracked:0", "x")
    clients[1]:hears("tracked:0", "x")
  end)

  it("nothing of a channel is heard between the answers to leaving and to joining it again", function()
    for i, client in ipairs(come(6)) do
      local channel = "room:seam" .. i
      client:join(channel)
      client:say({ id = 300, publish = { channel = channel, data = 1 } }, { id = 301, unsubscribe = { channel = channel } },
        { id = 302, publish = { channel = channel, data = 2 } }, { id = 303, subscribe = { channel = channel } },
        { id = 304, publish = { channel = channel, data = 3 } })
      client:reply(304)
      client:wait(function(m) return m.push and m.push.pub and m.push.pub.data == 3 end, "message 3")
      local is_in = true
      for _, heard in ipairs(client.heard) do
        if heard.message.id == 301 then is_in = false end
        if heard.message.id == 303 then is_in = true end
        if heard.message.push then assert.truthy(is_in, heard.text) end
      end
    end
  end)

  it("those who go in the middle of joining leave nothing behind", function()
    for _ = 1, 30 do
      local client = talk.to(it_runs, { as = "ghost" })
      client:say('{"id":1,"connect":{}}', '{"id":2,"subscribe":{"channel":"tracked:ghost"}}',
        '{"id":3,"subscribe":{"channel":"room:ghost"}}', '{"id":4,"unsubscribe":{"channel":"tracked:ghost"}}',
        '{"id":5,"subscribe":{"channel":"tracked:ghost"}}')
      client.tcp:reset()
      client:close()
    end
    local ann = come(1)[1]
    assert.truthy(server.wait(5, function() return ann:call "tracked:ghost/here" == 0 end))
    assert.truthy(server.wait(5, function() return next(who(ann, "room:ghost")) == nil end))
  end)

  it("the metrics are the sums", function()
    local clients = come(12)
    for _, client in ipairs(clients) do client:join "room:m" end
    assert.equal(12, http.metric(it_runs, "weir_sessions"))
    assert.equal(12, http.metric(it_runs, "weir_subscriptions"))
    local before = http.metric(it_runs, "weir_messages_out_total")
    clients[1]:says("room:m", 1)
    for _, client in ipairs(clients) do client:hears("room:m", 1) end
    assert.equal(before + 12, http.metric(it_runs, "weir_messages_out_total"))
  end)
end)
