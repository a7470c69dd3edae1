local frames = require "room.outbox"

describe("a frame", function()
  it("is its bytes, when plain", function()
    local frame = frames.plain "HTTP/1.1 200 OK\r\n\r\n\0x"
    assert.equal("HTTP/1.1 200 OK\r\n\r\n\0x", frame:bytes())
    assert.equal(frame:bytes(), frame:payload())
    assert.is_false(frame:is_last())
    assert.equal(1, frame:refs())
    assert.equal("", frames.plain(""):bytes())
  end)

  it("has the shortest WebSocket header in front of its payload", function()
    for len, head in pairs { [0] = "\x81\x00", [1] = "\x81\x01", [125] = "\x81\x7d", [126] = "\x81\x7e\0\x7e",
      [65535] = "\x81\x7e\xff\xff", [65536] = "\x81\x7f\0\0\0\0\0\1\0\0" } do
      local payload = ("p"):rep(len)
      local frame = frames.message(1, payload)
      assert.equal(head .. payload, frame:bytes())
      assert.equal(payload, frame:payload())
      assert.equal(frame:bytes(), frames.room(1, payload):bytes())
    end
    assert.equal("\x8a\x02hi", frames.message(10, "hi"):bytes())
  end)

  it("ends the connection when it is a close: code, then reason, 125 bytes at most", function()
    local frame = frames.close(3501, "bad request")
    assert.equal("\x88\x0d\x0d\xadbad request", frame:bytes())
    assert.is_true(frame:is_last())
    local long = frames.close(1000, ("ä"):rep(100)):bytes()
    assert.equal(2 + 2 + 122, #long) -- 123 is in the middle of a character
    assert.is_truthy(utf8.len(long:sub(5)))
  end)
end)
