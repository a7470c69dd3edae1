local halls = require "hall"

describe("the Centrifuge JSON dialect", function()
  local hall, alice

  local function open(options)
    options = options or {}
    options.types = options.types or { { pattern = "chat", presence = true }, { pattern = "log", history = 5 } }
    hall = halls.open(options)
    alice = hall:join("alice", 0)
  end

  after_each(function() hall:finish() end)

  local function ended(talk, code, reason)
    assert.same({ code = code, reason = reason }, talk.goodbye)
  end

  it("says every reply as the protocol has it, byte for byte", function()
    open()
    assert.same({ '{"id":2,"subscribe":{}}' }, alice:says '{"id":2,"subscribe":{"channel":"chat"}}')
    assert.same({ '{"push":{"channel":"chat","pub":{"data":{"x":1},"info":{"user":"alice","client":"' .. alice.id .. '"}}}}',
      '{"id":3,"publish":{}}' }, alice:says '{"id":3,"publish":{"channel":"chat","data":{"x":1}}}')
    assert.same({ '{"id":4,"presence":{"presence":{"' .. alice.id .. '":{"user":"alice","client":"' .. alice.id .. '"}}}}' },
      alice:says '{"id":4,"presence":{"channel":"chat"}}')
    assert.same({ '{"id":5,"presence_stats":{"num_clients":1,"num_users":1}}' },
      alice:says '{"id":5,"presence_stats":{"channel":"chat"}}')
    assert.same({ '{"id":6,"unsubscribe":{}}' }, alice:says '{"id":6,"unsubscribe":{"channel":"chat"}}')
    assert.same({ '{"id":4294967295,"error":{"code":102,"message":"unknown channel"}}' },
      alice:says '{"id":4294967295,"subscribe":{"channel":"no"}}')
  end)

  it("says every push as the protocol has it, byte for byte", function()
    open()
    alice:joins("chat", "log")
    hall:wish(0, { kind = "publish", channel = "chat", data = "null" })
    assert.same({ '{"push":{"channel":"chat","pub":{"data":null}}}' }, alice:hears())
    hall:wish(0, { kind = "publish", channel = "log", data = "[1]" })
    assert.same({ '{"push":{"channel":"log","pub":{"data":[1],"offset":1}}}' }, alice:hears())
    hall:wish(0, { kind = "send", client = alice.id, data = '{"m":1}' })
    assert.same({ '{"push":{"message":{"data":{"m":1}}}}' }, alice:hears())
    hall:wish(0, { kind = "kick", channel = "chat", client = alice.id, code = 2000, reason = 'a "b"\n' })
    assert.same({ '{"push":{"channel":"chat","unsubscribe":{"code":2000,"reason":"a \\"b\\"\\n"}}}' }, alice:hears())
  end)

  it("tells a publisher's info with its messages", function()
    open { server_hooks = { "connect" },
      on = { connect = function(event)
        return { verdict = "replace", who = { user = event.facts.user, info = '{"name":"Ä"}' } }
      end } }
    alice:joins "chat"
    assert.equal('{"push":{"channel":"chat","pub":{"data":1,"info":{"user":"alice","client":"' .. alice.id
      .. '","conn_info":{"name":"Ä"}}}}}', alice:publishes("chat", "1")[1])
  end)

  it("reads several commands of one message in order, with or without a last newline", function()
    open()
    local lines = { '{"id":2,"subscribe":{"channel":"chat"}}', '{"id":3,"unsubscribe":{"channel":"chat"}}' }
    local replies = { '{"id":2,"subscribe":{}}', '{"id":3,"unsubscribe":{}}' }
    assert.same(replies, alice:says(table.concat(lines, "\n")))
    assert.same(replies, alice:says(table.concat(lines, "\n") .. "\n"))
    assert.same(replies, alice:says(table.concat(lines, "\r\n") .. "\r\n"))
    assert.equal(1, alice.frames)
    assert.is_nil(alice.goodbye)
  end)

  it("ends with 3501 at what is no command, after the answers to what came before, and reads no further", function()
    for _, bad in ipairs { "", "\n", "x", "[]", "{}\n{}", '{"id":5}', '{"id":5,"ping":{}}', '{"subscribe":{"channel":"chat"}}',
      '{"id":0,"publish":{"channel":"chat","data":1}}', "\n{}", '{"id":5,"publish":{"channel":1}}' } do
      open()
      alice:says(bad)
      ended(alice, 3501, "bad request")
      hall:finish()
    end
    open()
    assert.same({ '{"id":2,"subscribe":{}}' },
      alice:says('{"id":2,"subscribe":{"channel":"chat"}}', "nonsense", '{"id":3,"subscribe":{"channel":"log"}}'))
    ended(alice, 3501, "bad request")
    assert.is_nil(hall:channel "log")
    assert.equal(1, hall:stat "CUT_BAD_REQUEST")
  end)

  it("refuses what it does not offer, command by command", function()
    open()
    local unavailable = '{"id":2,"error":{"code":108,"message":"not available"}}'
    assert.same({ unavailable }, alice:says '{"id":2,"history":{"channel":"log"}}')
    assert.same({ unavailable }, alice:says '{"id":2,"refresh":{"token":"x"}}')
    assert.same({ unavailable }, alice:says '{"id":2,"sub_refresh":{"channel":"log"}}')
    assert.same({ unavailable }, alice:says '{"id":2,"subscribe":{"channel":"log","type":4}}')
    assert.same({ '{"id":2,"error":{"code":103,"message":"permission denied"}}' },
      alice:says '{"id":2,"subscribe":{"channel":"log","type":1}}')
    assert.same({ '{"id":2,"error":{"code":107,"message":"bad request: this channel has no `filter`"}}' },
      alice:says '{"id":2,"subscribe":{"channel":"log","tf":{"op":"and"}}}')
    assert.same({ '{"id":2,"subscribe":{}}' }, alice:says '{"id":2,"subscribe":{"channel":"log","delta":"fossil"}}')
    assert.is_nil(alice.goodbye)
    alice:says '{"id":2,"subscribe":{"channel":"chat","delta":"zip"}}'
    ended(alice, 3501, "bad request")
  end)

  it("counts the commands it hears", function()
    open()
    alice:says('{"id":2,"subscribe":{"channel":"chat"}}', '{"id":3,"unsubscribe":{"channel":"chat"}}')
    assert.equal(3, hall:stat "COMMANDS_IN")
  end)

  it("answers only what is valid UTF-8 JSON on lines of its own", function()
    local cjson = require "cjson"
    open { on = { subscribe = function() return { verdict = "refuse", code = 400, text = 'quo"te\n\1 ü \226\128\168' } end },
      types = { { pattern = "*", hooks = { "subscribe" } } } }
    local reply = alice:says '{"id":2,"subscribe":{"channel":"chat"}}'
    assert.equal(1, #reply)
    assert.equal('quo"te\n\1 ü \226\128\168', cjson.decode(reply[1]).error.message)
  end)

  it("has a goodbye with the code and a reason that is never empty and never JSON", function()
    open()
    alice.conn:close(3001)
    alice:hears()
    ended(alice, 3001, "shutdown")
  end)
end)
