local deflate = require "room.deflate"
local websocket = require "room.websocket"

local CONTINUATION, TEXT, BINARY, PING, PONG, CLOSE = 0, 1, 2, 9, 10, 8
local DEFLATED = 0x40
local FULL, FINISH = 3, 4
local TAIL = "\0\0\xff\xff"
local MIB = 1024 * 1024

local function noise(length)
  local bytes = {}
  for i = 1, length do bytes[i] = string.char(math.random(0, 255)) end
  return table.concat(bytes)
end

-- As another peer would compress it: the flush, without its last four bytes.
local function packed(text, options)
  local bytes = deflate.raw(text, options or {})
  assert.equal(TAIL, bytes:sub(-4))
  return bytes:sub(1, -5)
end

local texts = {
  "a", "Hello", ("hello "):rep(100), ("日本語 "):rep(5000), ("x"):rep(MIB), ("0123456789abcdef"):rep(4097), ("\0"):rep(70000),
}

describe("wire/deflate, on the way out", function()
  local deflater = deflate.deflater(1)
  local inflater = deflate.inflater()

  it("makes a final frame with the first reserved bit, shorter than the text, which comes out again", function()
    for i = 3, #texts do
      local payload, is_deflated, bytes = deflater:frame(TEXT, texts[i])
      assert.is_true(is_deflated)
      assert.is_true(#payload < #texts[i])
      assert.equal(0xc1, bytes:byte(1))
      assert.equal(websocket.head(TEXT, #payload):sub(2), bytes:sub(2, #bytes - #payload))
      assert.is_true(inflater:take(payload, #texts[i]) == texts[i])
    end
    assert.equal(0xc2, select(3, deflater:frame(BINARY, texts[3])):byte(1))
  end)

  it("leaves the flush's last four bytes away", function()
    local payload = deflater:frame(TEXT, texts[3])
    assert.equal(0, payload:byte(-1))
    assert.not_equal(TAIL, payload:sub(-4))
  end)

  it("says plainly what would not become shorter", function()
    math.randomseed(1)
    for _, text in ipairs { "", "a", "Hello", noise(1000), noise(100000) } do
      local payload, is_deflated, bytes = deflater:frame(BINARY, text)
      assert.is_false(is_deflated)
      assert.is_true(payload == text)
      assert.equal(0x82, bytes:byte(1))
    end
  end)

  it("says plainly what is below the least", function()
    local picky = deflate.deflater(512)
    local payload, is_deflated = picky:frame(TEXT, ("x"):rep(511))
    assert.is_false(is_deflated)
    assert.equal(("x"):rep(511), payload)
    assert.is_true(select(2, picky:frame(TEXT, ("x"):rep(512))))
  end)

  it("takes no context over: what a message becomes does not depend on those before", function()
    local first = deflater:frame(TEXT, texts[3])
    for _, text in ipairs { texts[3], texts[4], noise(3000), texts[5] } do
      deflater:frame(TEXT, text)
      assert.equal(first, (deflater:frame(TEXT, texts[3])))
      assert.equal(first, (deflate.deflater(1):frame(TEXT, texts[3])))
    end
  end)
end)

describe("wire/deflate, on the way in", function()
  local inflater = deflate.inflater()

  local function gives(text, bytes, limit)
    local out, why = inflater:take(bytes, limit or #text)
    assert.is_nil(why)
    assert.is_true(out == text)
  end
  local function is_damaged(bytes)
    local out, why = inflater:take(bytes, MIB)
    assert.is_nil(out)
    assert.equal("damaged", why)
  end

  it("takes the examples of the RFC", function()
    gives("Hello", "\xf2\x48\xcd\xc9\xc9\x07\x00") -- 7.2.3.1
    gives("Hello", "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00") -- 7.2.3.3: a block that is not compressed
    gives("Hello", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00") -- 7.2.3.4: a last block
    gives("Hello", "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00") -- 7.2.3.5: two blocks
    gives("", "\x00") -- 7.2.3.6: nothing
  end)

  it("takes what every level, strategy and window of zlib makes", function()
    math.randomseed(2)
    local all = { noise(5000), "" }
    for i, text in ipairs(texts) do all[#all + 1] = i ~= 5 and text or nil end
    for _, text in ipairs(all) do
      for _, options in ipairs { { level = 0 }, { level = 1 }, { level = 9 }, { bits = 9 }, { bits = 12 }, { strategy = 2 },
        { strategy = 3 }, { strategy = 4 }, { flush = FULL } } do
        if text ~= "" then gives(text, packed(text, options)) end
      end
      gives(text, deflate.raw(text, { flush = FINISH }) .. "\0")
      gives(text, deflate.raw(text, { flush = FINISH })) -- some leave the last byte away
    end
  end)

  it("goes on after a block that says it is the last, and lets what follows look back", function()
    local one = deflate.raw("Hello ", { flush = FINISH })
    gives("Hello Hello Hello ", one .. one .. packed "Hello ")
    gives("Hello Hello ", one .. one)
    -- After "Hello": a block with fixed codes that repeats five bytes from five back.
    gives("HelloHello", deflate.raw("Hello", { flush = FINISH }) .. "\x02\x13\x00\x00")
  end)

  it("goes on so for sixteen times and not for ever", function()
    local empty = deflate.raw("", { flush = FINISH })
    gives("", empty:rep(16) .. "\0")
    is_damaged(empty:rep(18) .. "\0")
    is_damaged(empty:rep(10000))
  end)

  it("takes each message by itself", function()
    local text = ("hello "):rep(50)
    for _ = 1, 3 do
      gives(text, packed(text))
      is_damaged "\x02\x13\x00\x00" -- looks back where nothing is
      is_damaged "\xff\xff"
    end
  end)

  it("takes exactly the limit and not a byte more", function()
    for _, length in ipairs { 1, 1023, 1024, 1025, 4096, 100000 } do
      local text = ("y"):rep(length)
      gives(text, packed(text), length)
      local out, why = inflater:take(packed(text), length - 1)
      assert.is_nil(out)
      assert.equal("too large", why)
    end
    gives("", "\0", 0)
  end)

  it("does not hold more than the limit of what would become a thousand times as large", function()
    local bomb = packed(("\0"):rep(64 * MIB))
    assert.is_true(#bomb < 70000)
    for _, limit in ipairs { 1000, 65536, 100000, MIB } do
      local out, why, held = inflater:take(bomb, limit)
      assert.is_nil(out)
      assert.equal("too large", why)
      assert.is_true(held <= 2 * math.max(limit, 1024), held)
    end
  end)

  it("refuses what ends in the middle", function()
    local text = ("the quick brown fox "):rep(20)
    for _, options in ipairs { { level = 0 }, { level = 6 }, { strategy = 4 } } do
      local bytes = packed(text, options)
      for length = 0, #bytes - 2 do
        if bytes:sub(1, length) ~= "\0" then is_damaged(bytes:sub(1, length)) end -- which is nothing, wholly
      end
    end
    is_damaged ""
  end)

  it("refuses what is no such data", function()
    is_damaged "\x06" -- a block of type 3
    is_damaged "\x00\x05\x00\xfa\xfe\x48\x65\x6c\x6c\x6f\x00" -- a length and its complement that do not fit
    is_damaged(packed("Hello") .. "Hello")
    is_damaged "{\"id\":1,\"connect\":{}}"
    is_damaged "\x78\x9c\xf3\x48\xcd\xc9\xc9\x07\x00\x05\x8c\x01\xf5" -- zlib's own wrapping
  end)

  it("never crashes on changed bytes, and keeps to the limit", function()
    math.randomseed(3)
    local kinds = {}
    for _ = 1, 3000 do
      local text = math.random(2) == 1 and ("abc "):rep(math.random(1, 300)) or noise(math.random(1, 300))
      local bytes = packed(text, { level = math.random(0, 9) })
      local at = math.random(#bytes)
      bytes = bytes:sub(1, at - 1) .. string.char(math.random(0, 255)) .. bytes:sub(at + 1)
      local out, why = inflater:take(bytes, 600)
      assert.is_true(out == nil or #out <= 600)
      kinds[why or "fine"] = true
    end
    assert.is_true(kinds.fine and kinds.damaged and kinds["too large"])
  end)
end)

describe("wire/websocket, with permessage-deflate agreed on", function()
  local limits = { message = 100000, fragments = 8, deflate = true }

  local function frame(opcode, payload, more)
    local first = (more and 0 or 0x80) | opcode
    local length = #payload
    local head = length < 126 and string.pack(">BB", first, 0x80 | length)
      or length < 65536 and string.pack(">BBI2", first, 0xfe, length) or string.pack(">BBI8", first, 0xff, length)
    return head .. "\1\2\3\4" .. websocket.mask(payload, "\1\2\3\4")
  end

  -- The same whether the bytes come at once, one by one, or in pieces.
  local function decode(bytes, bounds)
    local told
    for _, step in ipairs { #bytes, 1, 7, 1000 } do
      local decoder, events = websocket.new(bounds or limits), {}
      for at = 1, #bytes, step do
        for _, event in ipairs(decoder:decode(bytes:sub(at, at + step - 1))) do
          event.is_in_place = nil
          events[#events + 1] = event
        end
        if #events > 0 and events[#events].kind == "broken" then break end
      end
      decoder:decode ""
      assert.equal(0, decoder:owned())
      if #bytes > 20000 and step == 1 then break end
      assert.same(told or events, events)
      told = events
    end
    return told
  end
  local function gives(expected, bytes, bounds)
    local events = decode(bytes, bounds)
    assert.equal(#expected, #events, events[#events] and events[#events].why)
    for i, event in ipairs(events) do
      assert.equal(expected[i][1], event.opcode, event.why)
      assert.is_true(expected[i][2] == event.payload)
    end
  end
  local function breaks(code, is_inflating, bytes, bounds)
    local events = decode(bytes, bounds)
    local last = events[#events]
    assert.equal("broken", last and last.kind)
    assert.equal(code, last.code, last.why)
    assert.equal(is_inflating, last.is_inflating)
    return last.why
  end

  local text = ("hello ünicode "):rep(40)

  it("gives messages inflated, beside plain ones", function()
    gives({ { TEXT, text }, { BINARY, "plain" }, { BINARY, text }, { TEXT, "" }, { TEXT, text } },
      frame(DEFLATED | TEXT, packed(text)) .. frame(BINARY, "plain") .. frame(DEFLATED | BINARY, packed(text)) ..
      frame(DEFLATED | TEXT, "\0") .. frame(TEXT, text))
  end)

  it("gives a message in fragments, cut anywhere, with control frames between", function()
    local bytes = packed(text)
    for at = 0, #bytes do
      gives({ { PING, "?" }, { PONG, "" }, { TEXT, text } }, frame(DEFLATED | TEXT, bytes:sub(1, at), true) ..
        frame(PING, "?") .. frame(CONTINUATION, "", true) .. frame(PONG, "") .. frame(CONTINUATION, bytes:sub(at + 1)))
    end
  end)

  it("wants the bit where a message begins, and nowhere else", function()
    local half = frame(DEFLATED | TEXT, packed(text), true)
    breaks(1002, false, half .. frame(DEFLATED | CONTINUATION, ""))
    breaks(1002, false, frame(TEXT, "a", true) .. frame(DEFLATED | CONTINUATION, ""))
    for _, opcode in ipairs { PING, PONG, CLOSE } do
      breaks(1002, false, frame(DEFLATED | opcode, ""))
      breaks(1002, false, half .. frame(DEFLATED | opcode, ""))
    end
    breaks(1002, false, frame(DEFLATED | 3, ""))
  end)

  it("wants the other reserved bits to be zero", function()
    for _, bits in ipairs { 0x10, 0x20, 0x30, 0x50, 0x60, 0x70 } do breaks(1002, false, frame(bits | TEXT, "\0")) end
  end)

  it("knows no such bit where nothing was agreed on", function()
    local events = websocket.new({ message = 1000, fragments = 8 }):decode(frame(DEFLATED | TEXT, packed(text)))
    assert.same({ "broken", 1002 }, { events[1].kind, events[1].code })
  end)

  it("breaks with 1007 on a message that cannot be inflated", function()
    breaks(1007, true, frame(DEFLATED | BINARY, "\xff\xff\xff"))
    breaks(1007, true, frame(DEFLATED | BINARY, ""))
    breaks(1007, true, frame(DEFLATED | TEXT, packed(text):sub(1, 20), true) .. frame(CONTINUATION, ""))
  end)

  it("breaks with 1007 on text that is not UTF-8 when it is inflated", function()
    for _, bad in ipairs { "\xff", "abc\xc3", ("x"):rep(1000) .. "\xed\xa0\x80" } do
      breaks(1007, false, frame(DEFLATED | TEXT, packed(bad)))
      gives({ { BINARY, bad } }, frame(DEFLATED | BINARY, packed(bad)))
    end
  end)

  it("breaks with 1009 where either form is over the limit", function()
    local bounds = { message = 1000, fragments = 8, deflate = true }
    gives({ { BINARY, ("x"):rep(1000) } }, frame(DEFLATED | BINARY, packed(("x"):rep(1000))), bounds)
    breaks(1009, true, frame(DEFLATED | BINARY, packed(("x"):rep(1001))), bounds)
    breaks(1009, true, frame(DEFLATED | BINARY, packed(("x"):rep(10 * MIB)):sub(1, 900), true) ..
      frame(CONTINUATION, ""), bounds)
    breaks(1009, false, frame(DEFLATED | BINARY, ("x"):rep(1001)), bounds)
  end)

  it("counts fragments as it does of others", function()
    breaks(1008, false, frame(DEFLATED | TEXT, "", true) .. frame(CONTINUATION, "", true):rep(9))
  end)
end)
