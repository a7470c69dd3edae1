local cjson = require "cjson"
local halls = require "hall"

for _, workers in ipairs { 1, 3 } do
  describe("the server API, with " .. workers .. " worker(s)", function()
    local hall

    after_each(function()
      if hall then hall:finish() end
      hall = nil
    end)

    local function open(options)
      options = options or {}
      options.workers = workers
      options.types = options.types or {
        { pattern = "chat:{room}", presence = true, publish = "nobody", max_size = 20 }, { pattern = "log", history = 5 },
      }
      hall = halls.open(options)
    end

    local function ask(method, body, worker)
      local asked = hall:api(worker or 0, method, body)
      hall:turn()
      local status, answer, times = asked:answer()
      assert.equal(1, times, "answered exactly once")
      return answer, status
    end

    local function refusal(code, message)
      return ('{"error":{"code":%d,"message":%s}}'):format(code, cjson.encode(message):gsub("\\/", "/"))
    end

    it("publishes as the house: no client's rule, no info", function()
      open()
      local alice = hall:join("alice", workers - 1):joins("chat:1", "log")
      assert.same({ '{"result":{"durable":false}}', 200 }, { ask("publish", '{"channel":"chat:1","data":{"a":1}}') })
      assert.same({ '{"push":{"channel":"chat:1","pub":{"data":{"a":1}}}}' }, alice:hears())
      assert.equal('{"result":{"durable":false,"offset":1,"epoch":"' .. hall:channel("log").epoch .. '"}}',
        (ask("publish", '{"channel":"log","data":null}')))
      assert.same({ '{"push":{"channel":"log","pub":{"data":null,"offset":1}}}' }, alice:hears())
    end)

    it("takes raw line ends out of data", function()
      open()
      local alice = hall:join("alice", 0):joins "log"
      ask("publish", '{"channel":"log",\n "data":[1,\r\n 2]}')
      assert.equal(1, #alice:hears())
    end)

    it("says what is wrong with a request", function()
      open()
      assert.equal(refusal(102, "unknown channel"), (ask("publish", '{"channel":"no","data":1}')))
      assert.equal(refusal(107, 'bad request: "channel" is missing'), (ask("publish", '{"data":1}')))
      assert.equal(refusal(107, 'bad request: "channel" must be a string'), (ask("publish", '{"channel":1,"data":1}')))
      assert.equal(refusal(107, 'bad request: "data" is missing'), (ask("publish", '{"channel":"log"}')))
      assert.equal(refusal(413, "message too large: 30 bytes, max_size of this channel is 20"),
        (ask("publish", '{"channel":"chat:1","data":"' .. ("x"):rep(28) .. '"}')))
      assert.equal(refusal(108, 'not available: "delta" is not supported in this version'),
        (ask("publish", '{"channel":"log","data":1,"delta":true}')))
      assert.equal(refusal(107, "bad request: the body must be a JSON object"), (ask("publish", "[]")))
      assert.equal(400, select(2, ask("publish", "[]")))
      local answer, status = ask("publish", '{"channel":')
      assert.equal(400, status)
      assert.truthy(answer:find('"code":107,"message":"bad request: the body is not JSON: ', 1, true), answer)
      assert.same({ '{"error":{"code":104,"message":"method not found"}}', 404 }, { ask("explode", "{}") })
      assert.equal(404, select(2, ask("", "{}")))
    end)

    it("broadcasts to many channels and answers for each, in order", function()
      open()
      local alice = hall:join("alice", 0):joins("chat:1", "chat:2")
      local answer = ask("broadcast", '{"channels":["chat:1","no","log","chat:2"],"data":7}')
      assert.equal('{"result":{"responses":[{"result":{"durable":false}},{"error":{"code":102,"message":"unknown channel"}},'
        .. '{"result":{"durable":false,"offset":1,"epoch":"' .. hall:channel("log").epoch
        .. '"}},{"result":{"durable":false}}]}}', answer)
      assert.equal(2, #alice:hears())
      assert.equal('{"result":{"responses":[]}}', (ask("broadcast", '{"channels":[],"data":7}')))
      assert.equal(refusal(107, 'bad request: "channels" must be a list of names'),
        (ask("broadcast", '{"channels":["a",1],"data":7}')))
      assert.equal(refusal(107, 'bad request: "data" is missing'), (ask("broadcast", '{"channels":["log"]}')))
    end)

    it("tells who is present", function()
      open()
      local alice = hall:join("alice", workers - 1):joins "chat:1"
      assert.equal('{"result":{"presence":{"' .. alice.id .. '":{"user":"alice","client":"' .. alice.id .. '"}}}}',
        (ask("presence", '{"channel":"chat:1"}')))
      hall:join("alice", 0):joins "chat:1"
      assert.equal('{"result":{"num_clients":2,"num_users":1}}', (ask("presence_stats", '{"channel":"chat:1"}')))
      assert.equal('{"result":{"presence":{}}}', (ask("presence", '{"channel":"chat:2"}')))
      assert.equal(refusal(108, "not available"), (ask("presence", '{"channel":"log"}')))
    end)

    it("lists the live channels of all workers, by pattern if asked", function()
      open()
      for i = 1, 9 do hall:join("u" .. i, i % workers):joins("chat:" .. i) end
      hall:join("u", 0):joins("log", "chat:1")
      local all = cjson.decode((ask("channels", "{}"))).result.channels
      assert.same({ num_clients = 1 }, all.log)
      assert.same({ num_clients = 2 }, all["chat:1"])
      local count = 0
      for _ in pairs(all) do count = count + 1 end
      assert.equal(10, count)
      assert.same({ log = { num_clients = 1 } }, cjson.decode((ask("channels", '{"pattern":"l*"}'))).result.channels)
      assert.equal('{"result":{"channels":{}}}', (ask("channels", '{"pattern":"x*"}')))
    end)

    it("tells about the server", function()
      open()
      hall:join("alice", 0):joins "log"
      hall:join("alice", workers - 1):joins "log"
      hall:join("bob", workers - 1)
      local node = cjson.decode((ask("info", "{}"))).result.nodes[1]
      assert.same({ 3, 2, 1, 2, workers, 1, "node-1", "weir" }, { node.num_clients, node.num_users, node.num_channels,
        node.num_subs, node.workers, node.generation, node.uid, node.name })
      assert.is_true(node.process.rss > 0)
    end)

    it("disconnects a user everywhere, but for a client that is spared or not meant", function()
      open()
      local first, second = hall:join("bob", 0), hall:join("bob", workers - 1)
      local alice = hall:join("alice", 0)
      assert.equal('{"result":{}}', (ask("disconnect", '{"user":"bob","whitelist":["' .. first.id .. '"]}')))
      first:hears()
      second:hears()
      alice:hears()
      assert.is_nil(first.goodbye)
      assert.same({ code = 3503, reason = "force disconnect" }, second.goodbye)
      assert.is_nil(alice.goodbye)
      ask("disconnect", '{"user":"bob","client":"' .. first.id .. '","disconnect":{"code":4001,"reason":"over"}}')
      first:hears()
      assert.same({ code = 4001, reason = "over" }, first.goodbye)
      assert.equal(refusal(107, 'bad request: "disconnect.code" must be 3000 to 4999'),
        (ask("disconnect", '{"user":"bob","disconnect":{"code":1000}}')))
      assert.equal(refusal(107, 'bad request: "user" is missing'), (ask("disconnect", "{}")))
    end)

    it("counts the connections it ends", function()
      open()
      hall:join("bob", 0)
      ask("disconnect", '{"user":"bob"}')
      assert.equal(1, hall:stat "CUT_OTHER")
    end)

    it("calls a channel's methods and the server's", function()
      open {
        types = { { pattern = "game", hooks = { "call" } } }, server_hooks = { "call" },
        on = { call = function(event)
          if event.method == "bad" then return { verdict = "refuse", code = 500, text = "script failed", incident = "x1" } end
          return { out = ('{"server":%s,"who":%s}'):format(event.server or false, event.who ~= nil) }
        end },
      }
      assert.equal('{"result":{"data":{"server":false,"who":false}}}', (ask("rpc", '{"channel":"game","method":"go"}')))
      assert.equal('{"result":{"data":{"server":true,"who":false}}}', (ask("rpc", '{"method":"go","params":{"a":1}}')))
      assert.equal('{"a":1}', hall:last("call").data)
      assert.equal('{"error":{"code":500,"message":"script failed","incident":"x1"}}',
        (ask("rpc", '{"channel":"game","method":"bad"}')))
      assert.equal(refusal(107, 'bad request: "method" is missing'), (ask("rpc", "{}")))
    end)

    it("finds no method where no script has any", function()
      open()
      assert.truthy(ask("rpc", '{"method":"go"}'):find '"code":104,"message":"method not found')
      assert.truthy(ask("rpc", '{"channel":"log","method":"go"}'):find '"code":104,"message":"method not found')
    end)

    it("reloads by its host, and answers when that is done", function()
      open()
      local asked = hall:api(0, "reload", "")
      assert.is_nil(asked:answer())
      hall:answer_reload '{"generation":2}'
      assert.same({ 200, '{"result":{"generation":2}}', 1 }, { asked:answer() })
      asked = hall:api(0, "reload", "{}")
      hall:answer_reload(nil, 4, "1 problem", ',"problems":[]')
      assert.same({ 200, '{"error":{"code":4,"message":"1 problem","problems":[]}}', 1 }, { asked:answer() })
    end)

    it("forgets who has gone before the answer", function()
      open()
      local asked = hall:api(0, "reload", "{}")
      asked:abandon()
      hall:answer_reload "{}"
      for _, request in ipairs { { "publish", '{"channel":"log","data":1}' }, { "channels", "{}" }, { "info", "{}" },
        { "disconnect", '{"user":"x"}' }, { "broadcast", '{"channels":["log","chat:1","chat:2","chat:3"],"data":1}' } } do
        hall:api(workers - 1, request[1], request[2]):abandon()
        hall:turn()
      end
    end)

    it("takes no channel name that no client could join", function()
      open { types = { { pattern = "*" } } }
      for _, name in ipairs { "a b", "a\\nb", "ä", "a\\u0000b", ("x"):rep(256) } do
        assert.truthy(ask("publish", '{"channel":"' .. name .. '","data":1}'):find '"error"', name)
      end
      assert.equal(0, hall:stat "CHANNELS")
    end)
  end)
end
