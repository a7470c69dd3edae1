local cjson = require "cjson"
local log = require "room.log"

local LINE_MAX = 4096
local JSON = "\1" -- LOG_JSON_MARK: begins a key whose value is JSON

local function logfmt(...)
  local line = log.event("logfmt", "debug", "info", ...)
  return (line:gsub("^time=%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ ", "")) -- else it stays and fails
end

-- One line of valid JSON in valid UTF-8, as a table.
local function json(...)
  local line = log.event("json", "debug", "info", ...)
  assert.is_true(#line <= LINE_MAX)
  assert.equal("}\n", line:sub(-2))
  local body = line:sub(1, -2)
  assert.is_nil(body:find("[%c\127]"))
  assert.is_truthy(utf8.len(body))
  return cjson.decode(body)
end

-- A logfmt line taken apart: keys, and values with their quotes.
local function take_apart(line)
  assert.is_true(#line <= LINE_MAX)
  assert.equal("\n", line:sub(-1))
  local body, pairs_found, at = line:sub(1, -2), {}, 1
  assert.is_nil(body:find("[%c\127]"))
  assert.is_truthy(utf8.len(body))
  while at <= #body do
    local key, quoted, plain, after
    key, quoted, after = body:match('^([^ ="\\]+)=("[^"\\]*")()', at)
    if not key then
      key, after = body:match('^([^ ="\\]+)="()', at)
      if key then -- with escapes inside
        local from = after - 1
        while body:sub(after, after) ~= '"' do
          if after > #body then error("a quote is open at the end of the line") end
          after = after + (body:sub(after, after) == "\\" and 2 or 1)
        end
        quoted, after = body:sub(from, after), after + 1
      end
    end
    if not key then key, plain, after = body:match('^([^ ="\\]+)=([^ ="\\]*)()', at) end
    assert.is_truthy(key, "no pair at: " .. body:sub(at, at + 40))
    pairs_found[#pairs_found + 1] = { key, quoted or plain }
    assert.is_true(after > #body or body:sub(after, after) == " ")
    at = after + 1
  end
  return pairs_found
end

describe("base/log, in logfmt", function()
  it("writes time, level, event and the pairs in order", function()
    assert.equal("level=info event=reload generation=2 files=chat.lua\n",
      logfmt("reload", "generation", "2", "files", "chat.lua"))
  end)

  it("quotes values that are not one plain word", function()
    assert.equal('level=info event=e a="" b="x y" c="x=y" d="say \\"x\\"" e="back\\\\slash" f=ünï\n',
      logfmt("e", "a", "", "b", "x y", "c", "x=y", "d", 'say "x"', "e", "back\\slash", "f", "ünï"))
  end)

  it("takes a missing value for an empty one", function()
    assert.equal('level=info event=e a="" b=x\n', logfmt("e", "a", false, "b", "x"))
  end)

  it("escapes control bytes, so that nobody can forge a line or steer a terminal", function()
    assert.equal('level=info event=e a="x\\nlevel=error event=forged" b="\\u001b[2J\\u007f\\u0009\\u000d"\n',
      logfmt("e", "a", "x\nlevel=error event=forged", "b", "\27[2J\127\t\r"))
    assert.equal('level=info event=e a="\\u009b2J\\u0085"\n', logfmt("e", "a", "\u{9b}2J\u{85}"))
  end)

  it("replaces what is not UTF-8", function()
    assert.equal("level=info event=e a=x\u{FFFD}y\u{FFFD}\u{FFFD}\n", logfmt("e", "a", "x\xffy\xe2\x82"))
  end)

  it("keeps a key one word", function()
    assert.equal("level=info event=e a_b_=1 c_d=2 _=3 k\u{FFFD}=4\n",
      logfmt("e", "a b\n", "1", 'c"d', "2", "", "3", "k\xff", "4"))
  end)

  it("has whole pairs in a line of any length", function()
    for length = 3900, 4200 do
      local found = take_apart(log.event("logfmt", "debug", "info", "e", "a", ("x"):rep(length), "b", "y z", "c", ("ü"):rep(90)))
      assert.equal("a", found[4][1])
      local quoted = take_apart(log.event("logfmt", "debug", "info", "e", "a", ("x \n"):rep(length // 4), "b", "y z", "c", "ü"))
      assert.equal("a", quoted[4][1])
    end
  end)
end)

describe("base/log, in JSON", function()
  it("writes one object of strings", function()
    local line = json("reload", "generation", "2", "files", "a b")
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", line.time)
    line.time = nil
    assert.same({ level = "info", event = "reload", generation = "2", files = "a b" }, line)
  end)

  it("has numbers as numbers and JSON as JSON, where the caller says so", function()
    local line = json("e", "text", "7", JSON .. "n", "7", JSON .. "ms", "2.1", JSON .. "data", '{"a":["x\\"y",null]}')
    assert.same({ "7", 7, 2.1 }, { line.text, line.n, line.ms })
    assert.same({ a = { 'x"y', cjson.null } }, line.data)
    assert.equal('level=info event=e n=7 data="{\\"a\\":1}"\n', logfmt("e", JSON .. "n", "7", JSON .. "data", '{"a":1}'))
  end)

  it("lets no value, only a key, say so", function()
    assert.equal(JSON .. "7", json("e", "text", JSON .. "7").text)
  end)

  it("takes a JSON value that is missing for an empty text", function()
    assert.equal("", json("e", JSON .. "n", false).n)
  end)

  it("keeps the terminal safe from what is inside of JSON", function()
    assert.same({ "\127\u{9b}" }, json("e", JSON .. "data", '["\127\u{9b}"]').data)
  end)

  it("makes a text of JSON that does not fit, and cuts it", function()
    for length = 3900, 4200 do
      local value = '["' .. ("x"):rep(length) .. '"]'
      local line = json("e", JSON .. "data", value, "b", "y")
      if type(line.data) == "table" then
        assert.equal(length, #line.data[1])
      else
        assert.equal(value:sub(1, #line.data), line.data)
        assert.is_true(#line.data > 3900)
      end
    end
    assert.is_table(json("e", JSON .. "data", '["' .. ("x"):rep(3900) .. '"]').data)
    assert.is_string(json("e", JSON .. "data", '["' .. ("x"):rep(4200) .. '"]').data)
  end)

  it("keeps every byte of valid text, in keys and values", function()
    local texts = { 'say "x"', "back\\slash", "\n\r\t\8\12\27\127", "ünï €😀", "\u{85}\u{9b}", "a=b" }
    for byte = 2, 127 do texts[#texts + 1] = string.char(byte) .. "x" end
    for _, text in ipairs(texts) do
      assert.equal(text, json("e", "a", text).a)
      assert.equal("x", json("e", text, "x")[text])
      assert.equal(text, json(text).event)
    end
  end)

  it("replaces what is not UTF-8, byte by byte", function()
    for bytes, text in pairs { ["\xff"] = "?", ["a\xc3"] = "a?", ["\xe2\x82x"] = "??x", ["\xed\xa0\x80"] = "???",
      ["\xc0\xaf"] = "??", ["\xf4\x90\x80\x80"] = "????", ["\x80ä"] = "?ä" } do
      local expected = text:gsub("?", "\u{FFFD}")
      assert.equal(expected, json("e", "k", bytes).k)
      assert.equal("v", json("e", bytes, "v")[expected])
    end
  end)

  it("stays one valid object when it is cut, wherever that is", function()
    for length = 3900, 4200 do
      local line = json("e", "a", ("x"):rep(length), "b", "y", "key", ("€"):rep(50), "d", "z")
      assert.equal(("x"):rep(#line.a), line.a)
      assert.is_true(#line.a == length or #line.a > 3900)
      json("e", "a", ("x"):rep(length), ('k"\n'):rep(30), "y", "c", "\xff")
      json("e", ("k"):rep(length), "y", "c", "z")
    end
  end)

  it("cuts at whole characters and whole escapes", function()
    for _, unit in ipairs { "\n", "\1", '"', "\\", "ü", "€", "😀", "\u{85}" } do
      for before = 0, 8 do
        local line = json("e", "a", ("x"):rep(before) .. unit:rep(4000))
        assert.equal(("x"):rep(before) .. unit:rep((#line.a - before) // #unit), line.a)
        assert.is_true(#line.a > 100)
      end
    end
  end)
end)

describe("base/log", function()
  it("fills a line to 4096 bytes and not one more", function()
    assert.is_true(#log.event("json", "debug", "info", "e", "a", ("x"):rep(9000)) >= 4095)
    assert.is_true(#log.event("logfmt", "debug", "info", "e", "a", ("x"):rep(9000)) >= 4094)
  end)

  it("writes nothing below its level", function()
    local levels = { "debug", "info", "warn", "error" }
    for i, least in ipairs(levels) do
      for j, level in ipairs(levels) do
        local line = log.event("logfmt", least, level, "e")
        assert.equal(j >= i, line:find("level=" .. level, 1, true) ~= nil)
        assert.equal(j >= i, line ~= "")
      end
    end
  end)

  it("may be written to when there is no log", function()
    log.to_nobody()
  end)

  it("makes text of numbers", function()
    assert.equal("-9223372036854775808", log.number(math.mininteger))
    assert.equal("0", log.number(0))
  end)

  it("knows its levels and formats by name", function()
    for _, name in ipairs { "debug", "info", "warn", "error" } do assert.is_true(log.knows_level(name)) end
    for _, name in ipairs { "", "Info", "warning", "infos" } do assert.is_false(log.knows_level(name)) end
    for _, name in ipairs { "logfmt", "json" } do assert.is_true(log.knows_format(name)) end
    assert.is_false(log.knows_format("xml"))
  end)
end)
