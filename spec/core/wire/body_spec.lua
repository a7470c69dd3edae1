local body = require "room.body"

local function whole(bytes) return { bytes } end

local function single_bytes(bytes)
  local pieces = {}
  for i = 1, #bytes do pieces[i] = bytes:sub(i, i) end
  return pieces
end

local function random_pieces(bytes)
  local pieces, at = {}, 1
  while at <= #bytes do
    local length = math.random(0, 9)
    pieces[#pieces + 1] = bytes:sub(at, at + length - 1)
    at = at + length
  end
  return pieces
end

local function read_cut(cut, kind, limit, bytes)
  local reading, status, why = body.new(kind, limit)
  if not reading then return { step = "bad", status = status, why = why } end
  local result = { step = reading:read(""), used = 0 }
  for _, piece in ipairs(cut(bytes)) do
    if result.step ~= "more" then break end
    local used
    result.step, used, result.status, result.why = reading:read(piece)
    result.used = result.used + used
  end
  if result.step == "bad" then
    assert.equal("bad", (reading:read("x"))) -- and it stays so
  end
  result.decoded = reading:decoded()
  return result
end

-- Reads, and makes sure that it does not matter how the bytes were cut.
local function read(kind, limit, bytes)
  local result = read_cut(whole, kind, limit, bytes)
  assert.same(result, read_cut(single_bytes, kind, limit, bytes))
  assert.same(result, read_cut(random_pieces, kind, limit, bytes))
  return result
end

local function gives(expected, kind, bytes, rest)
  local result = read(kind, 1000, bytes .. (rest or ""))
  assert.equal("done", result.step, result.why)
  assert.equal(expected, result.decoded)
  assert.equal(#bytes, result.used)
end

local function refuses(status, bytes, limit)
  local result = read("chunked", limit or 1000, bytes)
  assert.equal("bad", result.step)
  assert.equal(status, result.status, result.why)
  assert.is_true(#result.why > 0)
end

local function waits(bytes)
  assert.equal("more", read("chunked", 1000, bytes).step)
end

describe("wire/body, of known length", function()
  it("is complete at once when there is none", function()
    gives("", nil, "", "GET / HTTP/1.1")
    gives("", 0, "", "GET / HTTP/1.1")
  end)

  it("takes its bytes and no more", function()
    gives("abc\r\n", 5, "abc\r\n", "GET")
    assert.equal("more", read(5, 1000, "abcd").step)
  end)

  it("answers 413 to a length over the limit, before a byte of it", function()
    assert.equal(413, read(1001, 1000, "").status)
    assert.equal("more", read(1000, 1000, "").step)
  end)
end)

describe("wire/body, in chunks", function()
  it("joins the chunks", function()
    gives("hello world", "chunked", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "GET")
    gives("0123456789", "chunked", "A\r\n0123456789\r\n000\r\n\r\n")
    gives("0123456789", "chunked", "00a\r\n0123456789\r\n0\r\n\r\n")
    gives("", "chunked", "0\r\n\r\n", "\r\n")
  end)

  it("waits for every byte", function()
    local bytes = "5;a=b\r\nhello\r\n0;c\r\nTrailer: x\r\n\r\n"
    for length = 0, #bytes - 1 do waits(bytes:sub(1, length)) end
    gives("hello", "chunked", bytes)
  end)

  it("refuses a size that is not hexadecimal digits alone", function()
    for _, size in ipairs { "", "x", "0x5", "+5", "-5", " 5", "5 ", "5\t", "5,", ";a", "g" } do
      refuses(400, size .. "\r\nhello\r\n0\r\n\r\n")
    end
  end)

  it("refuses a size of more than 16 digits, even of zeros", function()
    gives("", "chunked", ("0"):rep(16) .. "\r\n\r\n")
    refuses(400, ("0"):rep(17))
  end)

  it("answers 413 as soon as the size cannot fit", function()
    gives(("x"):rep(1000), "chunked", "3e8\r\n" .. ("x"):rep(1000) .. "\r\n0\r\n\r\n")
    refuses(413, "3e9")
    refuses(413, "ffffffffffffffff")
    refuses(413, "8\r\n12345678\r\n3", 10)
    refuses(413, "8\r\n12345678\r\nffffffffffffffff", 10)
    refuses(413, "1", 0)
  end)

  it("takes no more for good when the greatest limit is reached", function()
    assert.equal("more", read("chunked", -1, "1\r\nx\r\nfffffffffffffffe\r\ny").step)
    refuses(413, "1\r\nx\r\nffffffffffffffff", -1)
  end)

  it("ignores extensions up to a line of 256 bytes", function()
    gives("a", "chunked", "1;name=\"v;v\"; b\t\255\r\na\r\n0;x\r\n\r\n")
    gives("a", "chunked", "1;" .. ("x"):rep(254) .. "\r\na\r\n0\r\n\r\n")
    refuses(400, "1;" .. ("x"):rep(255))
  end)

  it("ignores trailers up to 4096 bytes and answers 431 to more", function()
    gives("", "chunked", "0\r\nA: b\r\nC: d\r\n\r\n", "E: f\r\n")
    gives("", "chunked", "0\r\n" .. ("x"):rep(4092) .. "\r\n\r\n")
    refuses(431, "0\r\n" .. ("x"):rep(4097))
    refuses(431, "0\r\n" .. ("A: b\r\n"):rep(700))
  end)

  it("refuses line ends other than CR LF", function()
    for _, bytes in ipairs { "1\na", "1\ra", "1;x\na", "1\r\nab", "1\r\na\n", "1\r\na\rx", "0\r\n\n", "0\r\nA: b\n",
      "0\r\nA: b\rx", "0\r\n\rx", "0\n" } do
      refuses(400, bytes)
    end
  end)

  it("refuses control bytes in extensions and trailers", function()
    for _, byte in ipairs { "\0", "\1", "\8", "\11", "\27", "\127" } do
      refuses(400, "1;" .. byte)
      refuses(400, "0\r\nA" .. byte)
      refuses(400, "0\r\n" .. byte)
    end
  end)

  it("comes to the same verdict on random changes however the bytes are cut", function()
    math.randomseed(12)
    local seed = "5\r\nhello\r\n1a;x=y\r\n" .. ("z"):rep(26) .. "\r\n0\r\nA: b\r\n\r\n"
    local odd = { "\r", "\n", "\r\n", ";", "0", "f", "\0", "0\r\n\r\n", "1\r\na\r\n", "ffffffff" }
    local steps = {}
    for _ = 1, 2000 do
      local bytes = seed
      for _ = 1, math.random(0, 2) do
        local at = math.random(0, #bytes)
        bytes = bytes:sub(1, at) .. odd[math.random(#odd)] .. bytes:sub(at + math.random(1, 3))
      end
      local step = read("chunked", 100, bytes).step
      steps[step] = (steps[step] or 0) + 1
    end
    assert.is_true(steps.bad > 100 and steps.done > 100 and steps.more > 20)
  end)
end)
