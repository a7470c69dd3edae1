local websocket = require "room.websocket"

local CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
local limits = { message = 100000, fragments = 8 }

-- A masked frame as a client would send it; options break the rules one by one.
local function frame(opcode, payload, options)
  options = options or {}
  local key = options.key or "\x12\x34\xf5\x81"
  local first = (options.more and 0 or 0x80) | (options.reserved or 0) | opcode
  local length = options.length or #payload
  local form = options.form or (length < 126 and 7 or length < 65536 and 16 or 64)
  local mask = options.unmasked and 0 or 0x80
  local head
  if form == 7 then head = string.pack(">BB", first, mask | length)
  elseif form == 16 then head = string.pack(">BBI2", first, mask | 126, length)
  else head = string.pack(">BBI8", first, mask | 127, length) end
  if options.unmasked then return head .. payload end
  return head .. key .. websocket.mask(payload, key)
end

local function close(code, reason)
  return frame(CLOSE, string.pack(">I2", code) .. (reason or ""))
end

local function whole(bytes) return { bytes } end

local function single_bytes(bytes)
  local pieces = {}
  for i = 1, #bytes do pieces[i] = bytes:sub(i, i) end
  return pieces
end

local function random_pieces(bytes)
  local pieces, at = {}, 1
  local longest = math.random(2) == 1 and 9 or #bytes
  while at <= #bytes do
    local length = math.random(0, longest)
    pieces[#pieces + 1] = bytes:sub(at, at + length - 1)
    at = at + length
  end
  return pieces
end

local function decode_cut(cut, bytes, bounds)
  local decoder, events = websocket.new(bounds or limits), {}
  for _, piece in ipairs(cut(bytes)) do
    for _, event in ipairs(decoder:decode(piece)) do
      event.is_in_place = nil
      events[#events + 1] = event
    end
    if #events > 0 and events[#events].kind == "broken" then
      assert.equal("broken", decoder:decode("x")[1].kind) -- and it stays so
      assert.equal(0, decoder:owned())
      break
    end
  end
  return events
end

-- Decodes, and makes sure that it does not matter how the bytes were cut.
local function decode(bytes, bounds)
  local events = decode_cut(whole, bytes, bounds)
  if #bytes < 3000 then
    assert.same(events, decode_cut(single_bytes, bytes, bounds))
  end
  for _ = 1, 3 do assert.same(events, decode_cut(random_pieces, bytes, bounds)) end
  return events
end

local function gives(expected, bytes, bounds)
  local events = decode(bytes, bounds)
  assert.equal(#expected, #events, events[#events] and events[#events].why)
  for i, event in ipairs(events) do
    assert.equal(expected[i][1], event.opcode, event.why)
    assert.is_true(expected[i][2] == event.payload)
  end
end

local function breaks(code, bytes, bounds)
  local events = decode(bytes, bounds)
  assert.is_true(#events > 0, "nothing was refused")
  assert.equal("broken", events[#events].kind)
  assert.equal(code, events[#events].code, events[#events].why)
  assert.is_true(#events[#events].why > 0)
  return #events - 1
end

describe("wire/websocket, reading messages", function()
  it("gives text and binary messages of every length form", function()
    for _, length in ipairs { 0, 1, 7, 8, 9, 125, 126, 127, 65535, 65536, 100000 } do
      local payload = ("abcdefgh"):rep(length // 8 + 1):sub(1, length)
      gives({ { TEXT, payload } }, frame(TEXT, payload))
      gives({ { BINARY, payload } }, frame(BINARY, payload))
    end
  end)

  it("takes off any mask from any position", function()
    local payload = "0123456789abcdefghijklmnopqrstuvwxyz"
    for _, key in ipairs { "\0\0\0\0", "\1\2\3\4", "\255\0\255\0", "\x80\x7f\x01\xfe" } do
      for length = 0, #payload do
        gives({ { BINARY, payload:sub(1, length) } }, frame(BINARY, payload:sub(1, length), { key = key }))
      end
    end
  end)

  it("gives all messages that came together, in order", function()
    gives({ { TEXT, "a" }, { PING, "p" }, { BINARY, "" }, { TEXT, "" }, { PONG, "" }, { TEXT, "z" } },
      frame(TEXT, "a") .. frame(PING, "p") .. frame(BINARY, "") .. frame(TEXT, "") .. frame(PONG, "") .. frame(TEXT, "z"))
  end)

  it("joins fragments, empty ones too", function()
    gives({ { TEXT, "abcd" } }, frame(TEXT, "ab", { more = true }) .. frame(CONTINUATION, "", { more = true }) ..
      frame(CONTINUATION, "cd"))
    gives({ { BINARY, "cd" } }, frame(BINARY, "", { more = true }) .. frame(CONTINUATION, "cd"))
    gives({ { BINARY, "" } }, frame(BINARY, "", { more = true }) .. frame(CONTINUATION, ""))
  end)

  it("gives control frames between fragments", function()
    gives({ { PING, "1" }, { PONG, "" }, { TEXT, "abcd" }, { TEXT, "e" } },
      frame(TEXT, "ab", { more = true }) .. frame(PING, "1") .. frame(CONTINUATION, "c", { more = true }) ..
      frame(PONG, "") .. frame(CONTINUATION, "d") .. frame(TEXT, "e"))
  end)

  it("hands a message that lies whole in the input out without a copy", function()
    local events = websocket.new(limits):decode(frame(TEXT, "hello") .. frame(PING, "x") .. frame(BINARY, "y"))
    assert.equal(3, #events)
    for _, event in ipairs(events) do assert.is_true(event.is_in_place) end
  end)

  it("owns no memory between messages", function()
    local decoder = websocket.new(limits)
    local bytes = frame(TEXT, ("x"):rep(5000))
    assert.equal(0, #decoder:decode(bytes:sub(1, 3000)))
    assert.is_true(decoder:owned() > 0)
    assert.equal(1, #decoder:decode(bytes:sub(3001)))
    assert.equal(0, decoder:owned())
    local ping = frame(PING, ("x"):rep(100))
    decoder:decode(ping:sub(1, 50))
    assert.is_true(decoder:owned() > 0)
    decoder:decode(ping:sub(51))
    assert.equal(0, decoder:owned())
  end)

  it("keeps memory for what has come, not for what is announced", function()
    local decoder = websocket.new { message = 1 << 24, fragments = 8 }
    decoder:decode(frame(BINARY, ("x"):rep(100), { length = 1 << 24 }))
    assert.is_true(decoder:owned() <= 256)
    decoder:decode(("x"):rep(100000))
    assert.is_true(decoder:owned() <= 250000)
  end)
end)

describe("wire/websocket, being strict about frames", function()
  it("wants masks", function()
    breaks(1002, frame(TEXT, "a", { unmasked = true }))
    breaks(1002, frame(PING, "", { unmasked = true }))
  end)

  it("wants reserved bits to be zero", function()
    for _, bit in ipairs { 0x10, 0x20, 0x40, 0x70 } do
      for _, opcode in ipairs { TEXT, BINARY, PING, CLOSE } do
        breaks(1002, frame(opcode, "", { reserved = bit }))
      end
      assert.equal(1, breaks(1002, frame(TEXT, "a") .. frame(BINARY, "a", { reserved = bit })))
    end
  end)

  it("knows no other opcodes", function()
    for _, opcode in ipairs { 3, 4, 5, 6, 7, 11, 12, 13, 14, 15 } do breaks(1002, frame(opcode, "")) end
  end)

  it("wants lengths in their shortest form", function()
    breaks(1002, frame(TEXT, ("x"):rep(125), { form = 16 }))
    breaks(1002, frame(TEXT, "", { form = 16 }))
    breaks(1002, frame(TEXT, ("x"):rep(125), { form = 64 }))
    breaks(1002, frame(TEXT, ("x"):rep(65535), { form = 64 }))
  end)

  it("refuses a length with its top bit set", function()
    breaks(1002, "\x82\xff\x80\0\0\0\0\0\0\1")
    breaks(1002, "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff", { message = math.maxinteger, fragments = 1 })
  end)

  it("wants control frames of at most 125 bytes", function()
    for _, opcode in ipairs { PING, PONG } do
      gives({ { opcode, ("x"):rep(125) } }, frame(opcode, ("x"):rep(125)))
      breaks(1002, frame(opcode, ("x"):rep(126)))
      breaks(1002, frame(opcode, "", { form = 16 }))
      breaks(1002, frame(opcode, "", { form = 64 }))
    end
    breaks(1002, close(1000, ("x"):rep(124)))
  end)

  it("wants control frames in one piece", function()
    for _, opcode in ipairs { PING, PONG, CLOSE } do breaks(1002, frame(opcode, "", { more = true })) end
  end)

  it("refuses a continuation of nothing", function()
    breaks(1002, frame(CONTINUATION, "a"))
    breaks(1002, frame(CONTINUATION, "", { more = true }))
    assert.equal(1, breaks(1002, frame(TEXT, "a") .. frame(CONTINUATION, "b")))
    assert.equal(1, breaks(1002, frame(TEXT, "a", { more = true }) .. frame(CONTINUATION, "b") ..
      frame(CONTINUATION, "c")))
  end)

  it("refuses a new message inside an unfinished one", function()
    breaks(1002, frame(TEXT, "a", { more = true }) .. frame(TEXT, "b"))
    breaks(1002, frame(BINARY, "a", { more = true }) .. frame(TEXT, "b", { more = true }))
  end)

  it("refuses each of these at the first byte that shows it", function()
    for _, bytes in ipairs { "\xc1", "\x83", "\x80", "\x09", "\x81\x05", "\x89\xfe", "\x82\xfe\0\x7d",
      "\x82\xff\0\0\0\0\0\0\xff\xff" } do
      breaks(1002, bytes)
      assert.equal(0, #decode(bytes:sub(1, -2)))
    end
  end)
end)

describe("wire/websocket, keeping limits", function()
  it("answers 1009 to a message over the limit as soon as it is announced", function()
    local bounds = { message = 1000, fragments = 8 }
    gives({ { BINARY, ("x"):rep(1000) } }, frame(BINARY, ("x"):rep(1000)), bounds)
    breaks(1009, "\x82\xfe\x03\xe9", bounds)
    breaks(1009, "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", bounds)
    breaks(1009, "\x81\x81", { message = 0, fragments = 1 })
  end)

  it("counts all fragments of a message, and no control frames", function()
    local bounds = { message = 1000, fragments = 8 }
    local begun = frame(BINARY, ("x"):rep(600), { more = true }) .. frame(PING, ("x"):rep(125))
    gives({ { PING, ("x"):rep(125) }, { BINARY, ("x"):rep(1000) } }, begun .. frame(CONTINUATION, ("x"):rep(400)), bounds)
    assert.equal(1, breaks(1009, begun .. "\x80\xfe\x01\x91", bounds))
  end)

  it("answers 1008 to too many fragments", function()
    local function fragments(count)
      return frame(BINARY, "a", { more = true }) .. frame(CONTINUATION, "", { more = true }):rep(count - 2) ..
        frame(CONTINUATION, "b")
    end
    gives({ { BINARY, "ab" }, { BINARY, "ab" } }, fragments(8):rep(2))
    breaks(1008, fragments(9))
    breaks(1008, frame(TEXT, "", { more = true }) .. frame(CONTINUATION, "", { more = true }):rep(1000))
    gives({ { TEXT, "a" } }, frame(TEXT, "a"), { message = 10, fragments = 1 })
  end)
end)

describe("wire/websocket, checking text", function()
  local valid = { "ä", "€", "\u{10FFFF}", "\u{FFFF}", "\u{7FF}\u{800}\u{D7FF}\u{E000}\u{10000}", "a\0b",
    "Καλημέρα κόσμε", "日本語のテキスト", "😀😀😀", ("ascii and ünicode "):rep(20), "\u{FEFF}x" }
  local invalid = { "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
    "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe", "\xff",
    "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc3\x28", "\xe2\x28\xa1", "\xe2\x82\x28", "\xf0\x28\x8c\xbc", "\xf0\x90\x28\xbc",
    "\xf0\x90\x8c\x28", "\xc3\xc3\xa4", "ä\xa4" }

  it("gives valid UTF-8, cut into fragments anywhere", function()
    for _, text in ipairs(valid) do
      gives({ { TEXT, text } }, frame(TEXT, text))
      for at = 1, #text - 1 do
        gives({ { PING, "" }, { TEXT, text } }, frame(TEXT, text:sub(1, at), { more = true }) .. frame(PING, "") ..
          frame(CONTINUATION, text:sub(at + 1)))
      end
    end
  end)

  it("breaks with 1007 on what is not, cut into fragments anywhere", function()
    for _, bytes in ipairs(invalid) do
      for _, text in ipairs { bytes, "hello " .. bytes, bytes .. " hello, hello, hello", ("x"):rep(100) .. "日本" .. bytes } do
        breaks(1007, frame(TEXT, text))
        breaks(1007, frame(TEXT, text, { more = true }) .. frame(CONTINUATION, ""))
        for at = #text - #bytes, #text - 1 do
          breaks(1007, frame(TEXT, text:sub(1, at), { more = true }) .. frame(CONTINUATION, text:sub(at + 1)))
        end
      end
    end
  end)

  it("finds every byte that is wrong at any place of a long text", function()
    local text = ("0123456789 ä日本語😀"):rep(8)
    for at = 1, #text do breaks(1007, frame(TEXT, text:sub(1, at - 1) .. "\xff" .. text:sub(at + 1))) end
  end)

  it("breaks before the rest of the frame has come", function()
    local decoder = websocket.new(limits)
    local events = decoder:decode(frame(TEXT, "abc\xff" .. ("x"):rep(1000)):sub(1, 12))
    assert.equal(1007, events[1].code)
    decoder = websocket.new(limits)
    assert.equal(1007, decoder:decode(frame(TEXT, "\xed\xa0", { more = true }))[1].code)
  end)

  it("lets binary messages hold any bytes", function()
    for _, bytes in ipairs(invalid) do
      gives({ { BINARY, bytes } }, frame(BINARY, bytes))
      gives({ { BINARY, bytes .. bytes } }, frame(BINARY, bytes, { more = true }) .. frame(CONTINUATION, bytes))
    end
  end)

  it("agrees with Lua on random bytes", function()
    math.randomseed(13)
    local parts = { "a", "ä", "€", "😀", "\x80", "\xc3", "\xe2\x82", "\xf0\x9f", "\xed\xa0\x80", "0123456789abcdef", "日本", "\xe0\xa0\x80" }
    local good = 0
    for _ = 1, 2000 do
      local text = {}
      for i = 1, math.random(1, 6) do text[i] = parts[math.random(math.random(3) == 1 and #parts or 4)] end
      text = table.concat(text)
      if utf8.len(text) then
        good = good + 1
        gives({ { TEXT, text } }, frame(TEXT, text))
      else
        breaks(1007, frame(TEXT, text))
      end
    end
    assert.is_true(good > 200 and good < 1800)
  end)
end)

describe("wire/websocket, being closed", function()
  it("takes the codes that may be sent", function()
    for _, code in ipairs { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999 } do
      gives({ { CLOSE, string.pack(">I2", code) .. "bye" } }, close(code, "bye"))
      assert.equal(code, websocket.close_code(string.pack(">I2", code) .. "bye"))
    end
    gives({ { CLOSE, "" } }, frame(CLOSE, ""))
    assert.equal(1005, websocket.close_code(""))
  end)

  it("refuses all other codes", function()
    for _, code in ipairs { 0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 65535 } do
      breaks(1002, close(code))
      breaks(1002, close(code, "bye"))
    end
  end)

  it("refuses half a code", function()
    breaks(1002, frame(CLOSE, "\3"))
  end)

  it("wants a reason in UTF-8", function()
    gives({ { CLOSE, "\3\xe8" .. ("ä"):rep(61) .. "x" } }, close(1000, ("ä"):rep(61) .. "x"))
    for _, reason in ipairs { "\xff", "a\xc3", "\xed\xa0\x80" } do breaks(1007, close(1000, reason)) end
  end)
end)

describe("wire/websocket, however the input is cut", function()
  it("comes to the same events on random frames with random changes", function()
    math.randomseed(14)
    local codes = {}
    for _ = 1, 1500 do
      local bytes, is_open = {}, false
      for i = 1, math.random(1, 6) do
        local kind = math.random(10)
        local payload = ("ä€x"):rep(math.random(0, 30)):sub(1, math.random(2) == 1 and -1 or math.random(0, 90))
        if kind <= 2 then
          bytes[i] = frame(PING, payload)
        elseif kind == 3 and math.random(4) == 1 then
          bytes[i] = close(math.random(998, 1016), payload)
        else
          local more = math.random(3) == 1
          bytes[i] = frame(is_open and CONTINUATION or math.random(5) == 1 and TEXT or BINARY, payload, { more = more })
          is_open = more
        end
      end
      bytes = table.concat(bytes)
      if math.random(2) == 1 then
        local at = math.random(#bytes)
        bytes = bytes:sub(1, at - 1) .. string.char(math.random(0, 255)) .. bytes:sub(at + 1)
      end
      local events = decode(bytes, { message = 300, fragments = 3 })
      local last = events[#events]
      local code = last and last.code or 0
      codes[code] = (codes[code] or 0) + 1
    end
    for _, code in ipairs { 0, 1002, 1007, 1008, 1009 } do assert.is_true((codes[code] or 0) > 5, code) end
  end)
end)

describe("wire/websocket, writing", function()
  it("writes heads in their shortest form", function()
    assert.equal("\x81\0", websocket.head(TEXT, 0))
    assert.equal("\x82\x7d", websocket.head(BINARY, 125))
    assert.equal("\x81\x7e\0\x7e", websocket.head(TEXT, 126))
    assert.equal("\x81\x7e\xff\xff", websocket.head(TEXT, 65535))
    assert.equal("\x81\x7f\0\0\0\0\0\1\0\0", websocket.head(TEXT, 65536))
    assert.equal("\x8a\4", websocket.head(PONG, 4))
  end)

  it("writes a close frame with code and reason", function()
    assert.equal("\x88\5\x0d\xaebye", websocket.close(3502, "bye"))
    assert.equal("\x88\2\3\xe8", websocket.close(1000, ""))
  end)

  it("cuts a long reason at a character", function()
    assert.equal("\x88\x7d\3\xe8" .. ("x"):rep(123), websocket.close(1000, ("x"):rep(200)))
    assert.equal("\x88\x7c\3\xe8" .. ("ä"):rep(61), websocket.close(1000, ("ä"):rep(100)))
    assert.equal("\x88\x7d\3\xe8x" .. ("ä"):rep(61), websocket.close(1000, "x" .. ("ä"):rep(100)))
  end)

  it("never writes a reason that is not UTF-8", function()
    assert.equal("\x88\4\3\xe8ab", websocket.close(1000, "ab\xffcd"))
  end)
end)
