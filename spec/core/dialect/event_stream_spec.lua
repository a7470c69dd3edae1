local halls = require "hall"

describe("the event stream dialect", function()
  local hall, ann

  local function open(options)
    options = options or {}
    options.types = options.types or { { pattern = "chat", presence = true }, { pattern = "log", history = 5 } }
    hall = halls.open(options)
    ann = hall:talk(0, { as = "ann", dialect = 2 })
  end

  after_each(function() hall:finish() end)

  -- What goes out for these commands, as one run of bytes.
  local function says(...)
    ann.conn:hear(table.concat({ ... }, "\n"))
    hall:turn()
    return table.concat((ann.conn:flush()))
  end

  local function connects()
    return says('{"id":1,"connect":{}}'):match '"client":"([^"]*)"'
  end

  it("says each reply as an event: data, the same JSON as ever, an empty line", function()
    open()
    assert.matches('^data: {"id":1,"connect":{"client":"[%x-]+","version":"weir [%d.]+","ping":25,"pong":true}}\n\n$',
      says '{"id":1,"connect":{}}')
    assert.equal('data: {"id":2,"subscribe":{}}\n\n', says '{"id":2,"subscribe":{"channel":"chat"}}')
    assert.equal('data: {"id":3,"error":{"code":102,"message":"unknown channel"}}\n\n',
      says '{"id":3,"subscribe":{"channel":"no"}}')
  end)

  it("says what is said in one turn in one run, an event each", function()
    open()
    connects()
    assert.equal('data: {"id":2,"subscribe":{}}\n\ndata: {"id":3,"unsubscribe":{}}\n\ndata: {"id":4,"subscribe":{}}\n\n',
      says('{"id":2,"subscribe":{"channel":"chat"}}', '{"id":3,"unsubscribe":{"channel":"chat"}}', '{"id":4,"subscribe":{"channel":"log"}}'))
  end)

  it("says every push as a WebSocket would have it", function()
    open()
    local id = connects()
    says('{"id":2,"subscribe":{"channel":"chat"}}', '{"id":3,"subscribe":{"channel":"log"}}')
    local function wish(what)
      hall:wish(0, what)
      hall:turn()
      return table.concat((ann.conn:flush()))
    end
    assert.equal('data: {"push":{"channel":"chat","pub":{"data":null}}}\n\n', wish { kind = "publish", channel = "chat", data = "null" })
    assert.equal('data: {"push":{"channel":"log","pub":{"data":[1],"offset":1}}}\n\n', wish { kind = "publish", channel = "log", data = "[1]" })
    assert.equal('data: {"push":{"message":{"data":{"m":1}}}}\n\n', wish { kind = "send", client = id, data = '{"m":1}' })
    assert.equal('data: {"push":{"channel":"chat","unsubscribe":{"code":2000,"reason":"a \\"b\\"\\n"}}}\n\n',
      wish { kind = "kick", channel = "chat", client = id, code = 2000, reason = 'a "b"\n' })
  end)

  it("says the same to a WebSocket and a stream of one channel, each in its own way", function()
    open()
    connects()
    says '{"id":2,"subscribe":{"channel":"chat"}}'
    local bob = hall:join("bob", 0):joins "chat"
    local id = bob.id
    local line = '{"push":{"channel":"chat","pub":{"data":"ä\\n","info":{"user":"bob","client":"' .. id .. '"}}}}'
    assert.same({ line, '{"id":8,"publish":{}}' }, bob:publishes("chat", '"ä\\n"'))
    assert.equal("data: " .. line .. "\n\n", table.concat((ann.conn:flush())))
  end)

  it("has no line end inside an event, whatever the client's JSON had between its tokens", function()
    open()
    connects()
    says '{"id":2,"subscribe":{"channel":"chat"}}'
    local text = says '{"id":3,"publish":{"channel":"chat","data":{\r"a" :\r 1}}}'
    assert.is_nil(text:find("\r", 1, true))
    assert.truthy(text:find('"data":{"a" : 1}', 1, true), text)
  end)

  it("ends with an event that says why, and nothing behind it", function()
    open()
    connects()
    assert.equal('data: {"id":2,"subscribe":{}}\n\ndata: {"push":{"disconnect":{"code":3501,"reason":"bad request"}}}\n\n',
      says('{"id":2,"subscribe":{"channel":"chat"}}', "nonsense"))
    assert.equal("", says '{"id":3,"unsubscribe":{"channel":"chat"}}')
  end)

  it("quotes the reason it ends with", function()
    open()
    connects()
    ann.conn:close(4001, 'say "no"\n')
    hall:turn()
    assert.equal('data: {"push":{"disconnect":{"code":4001,"reason":"say \\"no\\"\\n"}}}\n\n', table.concat((ann.conn:flush())))
  end)
end)
