local parse = require("room.command").parse

local function command(fields)
  fields.id = fields.id or 1
  fields.channel, fields.token, fields.method = fields.channel or "", fields.token or "", fields.method or ""
  fields.type = fields.type or 0
  return fields
end

describe("a command", function()
  it("is an id and one request", function()
    assert.same(command { kind = "publish", channel = "chat", data = '{"a":1}' },
      parse '{"id":1,"publish":{"channel":"chat","data":{"a":1}}}')
    assert.same(command { kind = "connect", token = "t", data = "[]" },
      parse '{"id":1,"connect":{"token":"t","data":[],"name":"js","version":"5"}}')
    assert.same(command { kind = "rpc", method = "a/b", data = "null" }, parse '{"id":1,"rpc":{"method":"a/b","data":null}}')
    assert.same(command { kind = "send", id = 0, data = "1.0" }, parse '{"send":{"data":1.0}}')
    for _, kind in ipairs { "subscribe", "unsubscribe", "presence", "presence_stats", "history", "refresh", "sub_refresh" } do
      assert.same(command { kind = kind, channel = "c", id = 4294967295 },
        parse(('{"id":4294967295,"%s":{"channel":"c"}}'):format(kind)))
    end
  end)

  it("may have its fields in any order, with white space", function()
    assert.same(command { kind = "publish", channel = "chat", data = "{ }" },
      parse ' { "publish" : { "data" : { } , "channel" : "chat" } , "id" : 1 } ')
    assert.same(command { kind = "none", id = 0 }, parse "{}")
    assert.same(command { kind = "none", id = 0 }, parse "{}\r")
    assert.same(command { kind = "none", id = 7 }, parse '{"id":7}')
    assert.same(command { kind = "none", id = 7 }, parse '{"id":7,"ping":{}}')
  end)

  it("keeps data byte for byte", function()
    local odd = '{ "z" : 9007199254740993,"a":1.0e2, "t":"\\u00e4\\n" }'
    assert.equal(odd, parse('{"id":1,"publish":{"channel":"c","data":' .. odd .. "}}").data)
    assert.equal('"x"', parse('{"id":1,"publish":{"channel":"c","data":"x"}}').data)
  end)

  it("decodes texts with escapes, several of them at once", function()
    local got = parse '{"id":1,"connect":{"token":"\\u0041\\"\\\\","channel":"\\ud83d\\ude00\\/","method":"\\t"}}'
    assert.same({ 'A"\\', "😀/", "\t" }, { got.token, got.channel, got.method })
    assert.equal("a\0b", parse('{"id":1,"subscribe":{"channel":"a\\u0000b"}}').channel)
    assert.equal("chat", parse('{"id":1,"s\\u0075bscribe":{"ch\\u0061nnel":"chat"}}').channel)
  end)

  it("with more than one request takes the first of the protocol's order, wherever it stands", function()
    local kinds = { "connect", "subscribe", "unsubscribe", "publish", "presence", "presence_stats", "history", "rpc",
      "send", "refresh", "sub_refresh" }
    for first = 1, #kinds do
      for second = first + 1, #kinds do
        local a, b = ('"%s":{"channel":"a"}'):format(kinds[first]), ('"%s":{"channel":"b"}'):format(kinds[second])
        for _, line in ipairs { '{"id":1,' .. a .. "," .. b .. "}", "{" .. b .. "," .. a .. ',"id":1}' } do
          assert.same({ kinds[first], "a" }, { parse(line).kind, parse(line).channel })
        end
      end
    end
    assert.equal("publish", parse('{"id":1,"connect":null,"publish":{"channel":"c"}}').kind)
  end)

  it("knows delta, filters and kinds of subscription", function()
    assert.same(command { kind = "subscribe", channel = "c", has_delta = true, is_delta_known = true },
      parse '{"id":1,"subscribe":{"channel":"c","delta":"fossil"}}')
    assert.same(command { kind = "subscribe", channel = "c", has_delta = true },
      parse '{"id":1,"subscribe":{"channel":"c","delta":"zip"}}')
    assert.same(command { kind = "subscribe", channel = "c" },
      parse '{"id":1,"subscribe":{"channel":"c","delta":"","tf":null,"filter":null}}')
    assert.same(command { kind = "subscribe", channel = "c", filter = '{"a":1}' },
      parse '{"id":1,"subscribe":{"channel":"c","filter":{"a":1}}}')
    assert.same(command { kind = "subscribe", channel = "c", tags_filter = "{}", type = 4 },
      parse '{"id":1,"subscribe":{"channel":"c","tf":{},"type":4}}')
  end)

  it("ignores what it does not know: new clients add fields", function()
    assert.same(command { kind = "subscribe", channel = "c" },
      parse '{"id":1,"future":{},"subscribe":{"channel":"c","recover":true,"offset":5,"epoch":"x","new":[{}]}}')
  end)

  it("is none when it is no JSON object or a field is of the wrong kind", function()
    for _, line in ipairs {
      "", " ", "x", "[]", "1", '"id"', "null", "{", '{"id":1', '{"id":1}}', '{"id":1}{"id":2}', "{'id':1}", "{\"id\":1,}",
      '{"id":-1,"publish":{}}', '{"id":1.5,"publish":{}}', '{"id":"1","publish":{}}', '{"id":4294967296,"publish":{}}',
      '{"id":1e3,"publish":{}}', '{"id":null,"publish":{}}', '{"id":1,"publish":[]}', '{"id":1,"publish":1}',
      '{"id":1,"publish":{"channel":1}}', '{"id":1,"connect":{"token":{}}}', '{"id":1,"rpc":{"method":[]}}',
      '{"id":1,"subscribe":{"channel":"c","type":"x"}}', '{"id":1,"subscribe":{"channel":"c","type":1.5}}',
      '{"id":1,"subscribe":{"channel":"c","delta":5}}', '{"id":1,"publish":{"channel":"\xff"}}',
      '{"id":1,"publish":{"data":' .. ("["):rep(100) .. ("]"):rep(100) .. "}}", "\0",
    } do
      assert.is_nil(parse(line), line)
    end
  end)
end)
