local bench = require "room.bench"

local OK = "HTTP/1.1 200 OK\r\n"

describe("the head of an answer", function()
  it("is read when it is all there", function()
    assert.equal(0, bench.reply(OK .. "Content-Length: 3\r\n").len)
    local text = OK .. "content-length:3\r\nConnection: Close\r\n\r\n"
    assert.same({ len = #text, status = 200, chunked = false, closing = true, length = 3 }, bench.reply(text .. "abc"))
  end)

  it("says what kind of body follows", function()
    assert.is_true(bench.reply(OK .. "Transfer-Encoding: Chunked\r\n\r\n").chunked)
    assert.is_true(bench.reply("HTTP/1.0 200 OK\r\n\r\n").closing)
    assert.equal(401, bench.reply("HTTP/1.1 401 Unauthorized\r\n\r\n").status)
  end)

  it("is none where nobody speaks HTTP", function()
    assert.equal(0, bench.reply("220 mail\r\n\r\n").status)
    assert.equal(0, bench.reply("\r\n\r\n").status)
  end)
end)

describe("a chunked body", function()
  local BODY = "5\r\nhello\r\n1;x=y\r\n \r\nA\r\n0123456789\r\n0\r\nX-Took: 1\r\nA: b\r\n\r\n"

  it("is the same wherever it was cut", function()
    for cut = 0, #BODY do
      local body, is_over = bench.unchunk { BODY:sub(1, cut), BODY:sub(cut + 1) }
      assert.equal("hello 0123456789", body)
      assert.is_true(is_over)
    end
  end)

  it("is not over before its last chunk, and leaves what follows", function()
    local body, is_over = bench.unchunk { "3\r\nabc\r\n" }
    assert.equal("abc", body)
    assert.is_false(is_over)
    assert.is_false(select(2, bench.unchunk { "3\r\nabc\r\n0\r\n" }))
    for _, trailer in ipairs { "", "X-Took: 1\r\n", "0: 1\r\n" } do
      local _, is_all, rest = bench.unchunk { "3\r\nabc\r\n0\r\n" .. trailer .. "\r\nnext" }
      assert.same({ true, "next" }, { is_all, rest })
    end
  end)
end)

describe("an event stream", function()
  it("is its data lines, and what is not yet a line stays", function()
    local found, rest = bench.events "\r\n: hi\n\ndata: one\n\nevent: x\r\ndata:two\r\n\r\ndata: thr"
    assert.same({ "one", "two" }, found)
    assert.equal("data: thr", rest)
  end)
end)
