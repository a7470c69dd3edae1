local json = require "room.json"
local cjson = require "cjson"

-- A second opinion: a recogniser written from the grammar, slow and plain.
local grammar = {}

local function space(text, at)
  return text:match("^[ \t\r\n]*()", at)
end

function grammar.string(text, at)
  local from = at
  at = at + 1
  while true do
    at = text:match('^[^"\\%c]*()', at)
    at = text:match("^\127*()", at)
    local byte = text:sub(at, at)
    if byte == '"' then
      return utf8.len(text:sub(from, at)) and at + 1
    elseif byte == "\\" then
      at = text:match('^["\\/bfnrt]()', at + 1) or text:match("^u%x%x%x%x()", at + 1)
      if not at then return nil end
    elseif byte ~= "\127" and not (byte ~= "" and text:match("^[^%c]", at)) then
      return nil
    end
  end
end

function grammar.number(text, at)
  at = text:match("^-?0()", at) or text:match("^-?[1-9]%d*()", at)
  if not at then return nil end
  at = text:match("^%.%d+()", at) or at
  return text:match("^[eE][+-]?%d+()", at) or at
end

function grammar.list(text, at, closer, each)
  at = space(text, at + 1)
  if text:sub(at, at) == closer then return at + 1 end
  while true do
    at = each(text, at)
    if not at then return nil end
    at = space(text, at)
    local byte = text:sub(at, at)
    if byte == closer then return at + 1 end
    if byte ~= "," then return nil end
    at = space(text, at + 1)
  end
end

function grammar.member(text, at)
  at = text:sub(at, at) == '"' and grammar.string(text, at)
  at = at and space(text, at)
  return at and text:sub(at, at) == ":" and grammar.value(text, space(text, at + 1)) or nil
end

function grammar.value(text, at)
  local byte = text:sub(at, at)
  if byte == '"' then return grammar.string(text, at) end
  if byte == "[" then return grammar.list(text, at, "]", grammar.value) end
  if byte == "{" then return grammar.list(text, at, "}", grammar.member) end
  return text:match("^true()", at) or text:match("^false()", at) or text:match("^null()", at)
    or grammar.number(text, at)
end

function grammar.accepts(text)
  local at = grammar.value(text, space(text, 1))
  return at ~= nil and space(text, at) == #text + 1
end

-- Random documents as text.
local pieces = {
  "a", "id", "\u{e9}", "\u{4e2d}\u{6587}", "\u{1f600}", "\127", "plain text of some length", " ",
  "\\n", "\\\\", '\\"', "\\/", "\\u00e9", "\\ud83d\\ude00", "\\u0000", "\u{10ffff}", "[{]},:",
}
local numbers = { "0", "-0", "1", "-12", "3.25", "1e5", "1E-2", "0.5e+3", "9007199254740993", "123456789" }
local spaces = { "", "", "", "", " ", "\n", "\t ", "\r\n" }

local function pick(list)
  return list[math.random(#list)]
end

local function random_string()
  local parts = {}
  for i = 1, math.random(0, 5) do parts[i] = pick(pieces) end
  return '"' .. table.concat(parts) .. '"'
end

local function random_text(depth)
  local what = math.random(depth > 0 and 8 or 5)
  if what == 1 then return pick { "true", "false", "null" } end
  if what <= 3 then return pick(numbers) end
  if what <= 5 then return random_string() end
  local parts = {}
  for i = 1, math.random(0, 4) do
    local value = pick(spaces) .. random_text(depth - 1) .. pick(spaces)
    parts[i] = what == 6 and value or pick(spaces) .. random_string() .. pick(spaces) .. ":" .. value
  end
  local inside = table.concat(parts, ",")
  return what == 6 and "[" .. inside .. "]" or "{" .. inside .. "}"
end

local function mutated(text)
  local at, what = math.random(#text), math.random(3)
  local byte = pick { ",", ":", '"', "\\", "{", "}", "[", "]", "0", ".", "e", "-", "\0", "\n", "\x80", "\xc3",
    "\xed\xa0\x80", "t", "u", " ", "\239\187\191" }
  if what == 1 then return text:sub(1, at - 1) .. text:sub(at + 1) end
  if what == 2 then return text:sub(1, at - 1) .. byte .. text:sub(at + 1) end
  return text:sub(1, at - 1) .. byte .. text:sub(at)
end

-- What a document means, taken apart by walking.
local function walked(text)
  local kind = json.kind(text)
  if kind == "null" then return cjson.null end
  if kind == "boolean" then return json.trim(text) == "true" end
  if kind == "number" then return tonumber(json.trim(text)) + 0.0 end
  if kind == "string" then return json.unquote(text) end
  local value = {}
  if kind == "array" then
    for i, item in ipairs(json.items(text)) do value[i] = walked(item) end
  else
    local members = json.members(text)
    for i = 1, #members, 2 do value[json.unquote(members[i])] = walked(members[i + 1]) end
  end
  return value
end

local function accepts(list)
  for _, text in ipairs(list) do
    local ok, at, why = json.check(text)
    assert(ok, ("%q was refused at %s: %s"):format(text, at, why))
    assert(grammar.accepts(text), ("the recogniser of this spec refuses %q"):format(text))
  end
end

local function refuses(list)
  for _, text in ipairs(list) do
    assert(not json.check(text), ("%q was accepted"):format(text))
    assert(not grammar.accepts(text), ("the recogniser of this spec accepts %q"):format(text))
  end
end

describe("wire/json", function()
  describe("checking", function()
    it("accepts every kind of value on its own", function()
      accepts { "null", "true", "false", "0", "-1", "1.5", '""', '"x"', "[]", "{}" }
    end)

    it("accepts the four whitespace bytes around everything, and no other", function()
      accepts { " \t\r\n1 \t\r\n", "[ ]", "{ }", '{ "a" : 1 , "b" : 2 }', "[\n1\n,\n2\n]", "\n[]" }
      refuses { "\v1", "1\f", "[\u{a0}]", "\u{feff}1", "[\u{2060}]", "1\0", "\0", "[1]\0", "[\b]" }
    end)

    it("refuses a text that is empty or holds more or less than one value", function()
      refuses { "", " ", "1 2", "[] []", "{}{}", "[]]", "{}}", "[][]", "1,", ",1", "[1]x", '"a" "b"', "nulltrue",
        "{},", "[1],", "# x", "/**/1", "1 // x", "[1]/", "*" }
    end)

    it("takes the words in lower case and whole", function()
      refuses { "nul", "nulll", "True", "NULL", "tru", "fals", "falsE", "nan", "NaN", "Infinity", "-Infinity", "inf",
        "undefined", "[nul]", "[tru]", "[fals]", "n", "t", "f", "[a]", "yes", "[true false]" }
    end)

    it("takes numbers as the grammar has them", function()
      accepts { "0", "-0", "10", "-10", "0.0", "0.10", "1e0", "1E+0", "1e-0", "-0.0e-00", "1e400", "-1e-400", "123456789",
        "1" .. ("0"):rep(400), "0." .. ("1"):rep(400), "[0e1]", "[0e+1]", "20e1", "1.5e9" }
      refuses { "+1", "01", "-01", "00", "0123", ".5", "-.5", "5.", "-5.", "1.e1", "1e", "1e+", "1E-", "1e1.0", "1e1e1",
        "0x1", "0x", "1_000", "1a", "-", "--1", "- 1", "-a", "1 000", "1.2.3", "0e", "0e+", "0E", "1eE2", "[1+2]",
        "\u{ff11}", "[-]", "[2.]", "[-2.]", "[0.e1]", "[1-1]", "[+]", "[-012]", "[.123]", "[1.]", "2.e3", "-1x", "12\xe5" }
    end)

    it("takes strings without raw control bytes and with the nine escapes", function()
      accepts { '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uFFFF\\uabCD"', '"\127"', '"\u{2028}\u{2029}"', '"/"', '"\'"' }
      for byte = 0, 31 do refuses { '"' .. string.char(byte) .. '"', '"12345678' .. string.char(byte) .. '12345678"' } end
      refuses { '"', '"abc', '"abc\\"', "'abc'", '"\\x00"', '"\\a"', '"\\v"', '"\\0"', "\"\\'\"", '"\\', '"\\"', '"\\u"',
        '"\\u1"', '"\\u12"', '"\\u123"', '"\\u123g"', '"\\U0041"', '"\\u00G0"', '"\\u 041"', '"\\\u{e9}"', '"\\\n"',
        '"\\\0"', "\\n", 'abc"', '"a"b"', "a", '["\\u00A"]', '["\\uD834\\uDd"]', '"\\u', '"\\u0', '"\\\xe5"', '"\\\t"' }
    end)

    it("allows escapes of unpaired surrogates, as the grammar does", function()
      accepts { '"\\ud800"', '"\\udc00"', '"\\udc00\\ud800"', '"\\ud800\\u0041"', '"\\ud800\\n"', '"\\ud800abc"' }
    end)

    it("refuses bytes that are not valid UTF-8, wherever they stand", function()
      accepts { '"\u{80}\u{7ff}\u{800}\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}"', '"\u{feff}"', '{"\u{e9}":1}' }
      local bad = { "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc3\x28", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xe2\x82",
        "\xe2\x28\xa1", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x98",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "\xfe", "\xe9", "\xf0\x28\x8c\xbc",
        "\xed\xa0\x81\xed\xb0\x80", "\xfc\x83\xbf\xbf\xbf\xbf" }
      for _, bytes in ipairs(bad) do
        for before = 0, 9 do
          local text = ("x"):rep(before) .. bytes
          refuses { '"' .. text .. '"', '"' .. text .. 'yyyyyyyyyy"', '{"' .. text .. '":1}' }
          assert.is_false(json.is_utf8(text))
          assert.is_false(json.is_utf8(text .. "yyyyyyyyyy"))
        end
        refuses { bytes, "[" .. bytes .. "]", "[1" .. bytes .. "]", '"' .. bytes }
      end
      refuses { "\xff\xfe1\0", "\0001", "\239\187\191{}" }
    end)

    it("refuses arrays and objects that are malformed", function()
      refuses { "[", "]", "{", "}", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1,,2]", "[1 2]", "[1:2]", "[1}", '{"a":1]', "[[]",
        "[]]", '{"a"}', '{"a":}', '{"a":1,}', '{,"a":1}', '{"a":1,,"b":2}', '{"a" 1}', '{"a",1}', "{a:1}", "{1:1}",
        "{null:1}", '{"a":1 "b":2}', '{"a"::1}', '{:1}', '{"a":1', '{"a":', '{"a"', '{"a', "{'a':1}", '{"a":1,"b"}',
        "[\"a\"", "[\"\"", "[1\n", "<>", "[<null>]", '{"a":"b"}/**/', '{"a":"b"}#', '{"a":"b",,"c":1}', '{"a":"b"}//',
        '["a",\n4\n,1,', "[{", "{[", '{"a":[', '[{"":[{"":', "[\"x\", truth]", "[\\u000A\"\"]", '{"a" b}', "{ }}" , "{\"a\":/1}",
        '{"id":0,,,,,}', "['", "[\"\\n]", '"]', "[*]", "[()]", "{\"\":" }
    end)

    it("allows a repeated name, an empty one and strange ones", function()
      accepts { '{"a":1,"a":2}', '{"":0}', '{"a":{},"a":{}}', '{"\\u0000":1}', '{"a\\u0000b":{}}', '[[],{},[[{}]]]' }
    end)

    it("says where it went wrong and what should have come", function()
      local cases = {
        { "[1,2", 4, "a comma or ] must follow an item" },
        { '{"a":1;', 6, "a comma or } must follow a member" },
        { '{"a" 1}', 5, "a colon must follow a member's name" },
        { "{1:2}", 1, "a member's name in double quotes must come here" },
        { "[1] x", 4, "nothing may follow the value" },
        { "[x]", 1, "a value must come here" },
        { "  ", 2, "the text ends where a value must come" },
        { '["a\n"]', 3, "a control character in a string is written as an escape" },
        { '["\\x"]', 3, "a backslash is followed by one of \" \\ / b f n r t u" },
        { '"ab\xff"', 3, "a string is not valid UTF-8" },
        { "012", 0, "a number must not start with an extra 0" },
        { "1.", 2, "a digit must come here" },
      }
      for _, case in ipairs(cases) do
        local ok, at, why = json.check(case[1])
        assert.same({ false, case[2], case[3] }, { ok, at, why })
      end
    end)

    it("counts depth, and refuses a hundred thousand brackets without harm", function()
      assert.is_true(json.check("1", 0))
      assert.is_false(json.check("[]", 0))
      assert.is_true(json.check("[[[]]]", 3))
      assert.is_false(json.check("[[[]]]", 2))
      assert.is_true(json.check('{"a":[{}]}', 3))
      assert.is_true(json.check("[[],[],[[]]]", 3))
      assert.is_true(json.check(("["):rep(64) .. ("]"):rep(64)))
      assert.same({ false, 64, "nested too deeply" }, { json.check(("["):rep(65) .. ("]"):rep(65)) })
      assert.is_true(json.check(("["):rep(1024) .. ("]"):rep(1024), 1024))
      assert.is_false(json.check(("["):rep(1025) .. ("]"):rep(1025), 1024))
      assert.is_false(json.check(("["):rep(100000), 1024))
      assert.is_false(json.check(('{"":'):rep(100000), 1024))
      assert.is_false(json.check(("["):rep(100000) .. ("]"):rep(100000), 1024))
    end)

    it("counts the members of each object by itself", function()
      assert.is_true(json.check('{"a":{"b":1,"c":2},"d":{"e":1,"f":2}}', 8, 2))
      assert.is_false(json.check('{"a":1,"b":2,"c":3}', 8, 2))
      assert.is_false(json.check('{"a":1,"a":2,"a":3}', 8, 2))
      assert.is_false(json.check('{"a":1}', 8, 0))
      assert.is_true(json.check("{}", 8, 0))
      assert.is_false(json.check('[[{"a":{"b":1,"c":2},"d":[{"x":[]},{}],"e":0}]]', 8, 2))
    end)

    it("agrees with lua-cjson and with the grammar over random documents", function()
      math.randomseed(11)
      for _ = 1, 3000 do
        local text = pick(spaces) .. random_text(5) .. pick(spaces)
        local ok, at, why = json.check(text)
        assert(ok, ("%q was refused at %s: %s"):format(text, at, why))
        assert(pcall(cjson.decode, text))
      end
    end)

    it("agrees with the grammar over documents with an error or two", function()
      math.randomseed(12)
      local refused = 0
      for _ = 1, 20000 do
        local text = mutated(random_text(3))
        if #text > 0 and math.random(3) == 1 then text = mutated(text) end
        local ok = json.check(text)
        refused = refused + (ok and 0 or 1)
        assert(ok == grammar.accepts(text), ("%q: %s"):format(text, ok))
        if ok and not text:find("\\u[dD]") then assert(pcall(cjson.decode, text), text) end
      end
      assert(refused > 5000)
    end)

    it("refuses every cut of a document", function()
      local text = '{"a":[1,-2.5e3,true,null,"x\\u00e9\\n\u{1f600}"],"b":{"c":{}}}'
      for len = 0, #text - 1 do assert.is_false(json.check(text:sub(1, len))) end
      assert.is_true(json.check(text))
    end)

    it("finds a bad byte at every place of a long string", function()
      for len = 1, 40 do
        for at = 1, len do
          local text = ("x"):rep(at - 1) .. "\1" .. ("x"):rep(len - at)
          assert.same({ false, at }, { table.unpack({ json.check('"' .. text .. '"') }, 1, 2) })
          assert.is_false(json.check('"' .. text:gsub("\1", "\xff") .. '"'))
          assert.is_false(json.check('"' .. text:gsub("\1", '"') .. '"'))
          assert.is_true(json.check('"' .. text:gsub("\1", "\\n") .. '"'))
        end
      end
    end)
  end)

  describe("walking", function()
    it("names the kind of a value", function()
      local kinds = { null = "null", ["true"] = "boolean", ["false"] = "boolean", ["-1"] = "number", ["[]"] = "array",
        ['"x"'] = "string", ["{}"] = "object", [" \n[1]"] = "array", ["0"] = "number" }
      for text, kind in pairs(kinds) do assert.equal(kind, json.kind(text)) end
    end)

    it("hands out items and members trimmed", function()
      assert.same({ "1", "[2, 3]", '"a,]"', "{ }", "null" }, json.items(' [ 1 ,[2, 3],"a,]" , { } ,null ] '))
      assert.same({ '"a"', "1", '"b:"', '{"c" : "}"}', '""', "[]" },
        json.members('{"a":1 , "b:" : {"c" : "}"},"":[]}'))
      assert.same({}, json.items("[ ]"))
      assert.same({}, json.members("{}"))
      assert.same({}, json.items("12"))
    end)

    it("is not led astray by quotes and backslashes in strings", function()
      local strings = { [["\\"]], [["\""]], [["a\\\""]], [["]"]], [["\\\\"]], [["\u005c"]], [["12345678\\"]], [["1234567\""]] }
      local text = "[" .. table.concat(strings, ",") .. "]"
      assert.same(strings, json.items(text))
      assert.same({ text, "1" }, json.items("[" .. text .. ",1]"))
    end)

    it("gives the same values as lua-cjson over random documents", function()
      math.randomseed(13)
      for _ = 1, 2000 do
        local text = random_text(5)
        assert.same(cjson.decode(text), walked(text))
      end
    end)

    it("reads a document flat, token by token", function()
      assert.same({ "{", '"a"', "[", "1", "{", "}", "]", '"b"', "null", "}" }, json.tokens(' {"a" : [1, {}] ,"b":null} '))
      assert.same({ "-1.5" }, json.tokens(" -1.5 "))
      math.randomseed(14)
      for _ = 1, 500 do
        local text = random_text(5)
        local bare = text:gsub('"', "\0"):gsub("%s", "")
        local rejoined = table.concat(json.tokens(text)):gsub('"', "\0"):gsub("%s", "")
        assert.equal((bare:gsub("[,:]", "")), (rejoined:gsub("[,:]", "")))
      end
    end)

    it("finds a member by name, the last one where it is repeated", function()
      local text = '{"a":1,"b":{"a":2},"a":[3],"\\u0063\\n":4,"e\\u00e9":5,"\u{e9}":6}'
      assert.equal("[3]", json.find(text, "a"))
      assert.equal('{"a":2}', json.find(text, "b"))
      assert.equal("4", json.find(text, "c\n"))
      assert.equal("5", json.find(text, "e\u{e9}"))
      assert.equal("6", json.find(text, "\u{e9}"))
      assert.is_nil(json.find(text, "c"))
      assert.is_nil(json.find(text, ""))
      assert.is_nil(json.find("[]", "a"))
      assert.is_nil(json.find('"a"', "a"))
      assert.equal("1", json.find(' { "" : 1 } ', ""))
    end)

    it("compares names by what they mean", function()
      assert.is_true(json.key_is('"data"', "data"))
      assert.is_true(json.key_is('"d\\u0061ta"', "data"))
      assert.is_true(json.key_is('"\\ud83d\\ude00!"', "\u{1f600}!"))
      assert.is_true(json.key_is('"\\ud83d"', "\u{fffd}"))
      assert.is_true(json.key_is('"a\\\\b"', "a\\b"))
      assert.is_false(json.key_is('"a\\\\b"', "a\\\\b"))
      assert.is_false(json.key_is('"data"', "dat"))
      assert.is_false(json.key_is('"dat"', "data"))
      assert.is_false(json.key_is('"data\\u0000"', "data"))
      assert.is_false(json.key_is('"\\u0000"', ""))
      assert.is_false(json.key_is('"d\\u0061t"', "data"))
      assert.is_true(json.key_is('""', ""))
    end)
  end)

  describe("strings", function()
    it("decodes every escape", function()
      assert.equal('"\\/\b\f\n\r\tA\0\u{e9}\u{4e2d}', json.unquote([["\"\\\/\b\f\n\r\t\u0041\u0000\u00e9\u4E2D"]]))
      assert.equal("\u{1f600}", json.unquote([["\ud83d\ude00"]]))
      assert.equal("\u{10ffff}\u{10000}", json.unquote([["\udbff\uDFFF\uD800\uDC00"]]))
      assert.equal("", json.unquote('""'))
      assert.equal("", json.unquote("12"))
    end)

    it("puts a replacement character for an unpaired surrogate", function()
      assert.equal("\u{fffd}", json.unquote([["\ud800"]]))
      assert.equal("\u{fffd}", json.unquote([["\udfff"]]))
      assert.equal("\u{fffd}\u{fffd}", json.unquote([["\udc00\ud800"]]))
      assert.equal("\u{fffd}\u{fffd}", json.unquote([["\udc00\udc00"]]))
      assert.equal("\u{fffd}\u{fffd}", json.unquote([["\udfff\udfff"]]))
      assert.equal("\u{fffd}A", json.unquote([["\ud800\u0041"]]))
      assert.equal("\u{fffd}\n", json.unquote([["\ud800\n"]]))
      assert.equal("\u{fffd}\u{1f600}", json.unquote([["\ud83d\ud83d\ude00"]]))
      assert.equal("\u{fffd}x", json.unquote([["\ud83dx"]]))
    end)

    it("borrows a string that has no escape", function()
      assert.equal("a\u{e9}", json.plain(' "a\u{e9}" '))
      assert.equal("", json.plain('""'))
      assert.is_nil(json.plain('"a\\n"'))
      assert.is_nil(json.plain("12"))
    end)

    it("quotes what must be and no more, and reads it back", function()
      assert.equal('"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\127\u{e9}\u{2028}"', json.quote('"\\/\b\f\n\r\t\0\31\127\u{e9}\u{2028}'))
      math.randomseed(15)
      for _ = 1, 1000 do
        local parts = {}
        for i = 1, math.random(0, 30) do parts[i] = utf8.char(pick { math.random(0, 127), math.random(128, 0xd7ff), 0x1f600 }) end
        local text = table.concat(parts)
        local quoted = json.quote(text)
        assert.is_true(json.check(quoted))
        assert.equal(text, json.unquote(quoted))
        assert.equal(text, cjson.decode(quoted))
      end
    end)

    it("knows valid UTF-8", function()
      assert.is_true(json.is_utf8(""))
      assert.is_true(json.is_utf8("abc\0\127"))
      for point = 0, 0x10ffff, 7 do
        local surrogate = point >= 0xd800 and point <= 0xdfff
        assert(json.is_utf8(utf8.char(point)) == not surrogate, point)
      end
    end)

    it("agrees with Lua's own idea of UTF-8 over random bytes", function()
      math.randomseed(16)
      local heads = { 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0x41 }
      for _ = 1, 20000 do
        local text = string.char(pick(heads), math.random(0x70, 0xc8), math.random(0x7e, 0xc1), math.random(0x7e, 0xc1))
        text = text:sub(1, math.random(4))
        assert(json.is_utf8(text) == (utf8.len(text) ~= nil), ("%q"):format(text))
      end
    end)
  end)

  describe("numbers", function()
    it("reads integers in range and nothing else", function()
      assert.equal(0, json.integer("0"))
      assert.equal(0, json.integer("-0"))
      assert.equal(9007199254740993, json.integer(" 9007199254740993 "))
      assert.equal(math.maxinteger, json.integer("9223372036854775807"))
      assert.equal(math.mininteger, json.integer("-9223372036854775808"))
      for _, text in ipairs { "9223372036854775808", "-9223372036854775809", "99999999999999999999999", "1.0", "1e2",
        '"1"', "null", "[1]" } do
        assert.is_nil(json.integer(text))
      end
    end)

    it("reads unsigned integers to the last", function()
      assert.equal("18446744073709551615", json.unsigned("18446744073709551615"))
      assert.equal("0", json.unsigned("-0"))
      assert.is_nil(json.unsigned("18446744073709551616"))
      assert.is_nil(json.unsigned("-1"))
      assert.is_nil(json.unsigned("1e3"))
    end)
  end)

  it("puts a document on one line without touching anything else", function()
    assert.equal('{"a": [1,  2],"b":"\\n\\r" }', json.line('{"a":\n [1,\r\n  2],\r"b":"\\n\\r" }\n'))
    assert.equal("1", json.line("1"))
    assert.equal("1", json.line("\r\n1\n\n"))
    math.randomseed(17)
    for _ = 1, 500 do
      local text = random_text(4)
      assert.equal((text:gsub("[\r\n]", "")), json.line(text))
    end
  end)
end)
