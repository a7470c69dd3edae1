local codec = require "room.codec"
local cjson = require "cjson"
local json = codec.json

-- SEED=n for others; failures tell it.
local SEED = tonumber(os.getenv "SEED" or "") or 23

local function pick(list)
  return list[math.random(#list)]
end

-- A deep comparison that knows 1 from 1.0, [] from {} and 0.0 from -0.0.
local function is_same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b and math.type(a) == math.type(b) and (a ~= 0 or 1 / a == 1 / b)
  end
  if codec.is_array(a) ~= codec.is_array(b) then return false end
  for key, value in pairs(a) do
    if not is_same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

-- What lua-cjson can be asked: all its numbers are floats, and it does not know [] from {}.
local function is_alike(a, b)
  if type(a) == "number" and type(b) == "number" then return a + 0.0 == b + 0.0 end
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not is_alike(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

local strings = { "", "a", "id", "\u{e9}t\u{e9}", "\u{1f600}", "\0", "\n\t\"\\/", "\127", ("long "):rep(30), "\u{2028}", "1" }

local function random_float()
  local x
  repeat
    x = string.unpack("d", string.pack("i8", math.random(0)))
  until x == x and math.abs(x) < math.huge
  return x
end

local function random_value(depth)
  local what = math.random(depth > 0 and 9 or 6)
  if what == 1 then return pick { true, false, json.null } end
  if what == 2 then return pick { 0, -1, 1, math.random(-1000, 1000), math.random(0), math.maxinteger, math.mininteger } end
  if what == 3 then return pick { 0.0, -0.0, 1.0, 0.1, -2.5, 1e15, 1e300, 5e-324, math.random(), random_float() } end
  if what <= 6 then return pick(strings) end
  local value = {}
  if what == 7 then
    for i = 1, math.random(0, 6) do value[i] = random_value(depth - 1) end
    return json.array(value)
  end
  for _ = 1, math.random(0, pick { 3, 6, 40 }) do
    value[pick(strings) .. math.random(30)] = random_value(depth - 1)
  end
  return value
end

local function refused(value, message, ...)
  local text, reason, code = codec.encode(value, ...)
  assert.is_nil(text)
  assert.equal(message, reason)
  return code
end

describe("script/codec", function()
  describe("decoding", function()
    it("gives each kind of value its Lua type", function()
      assert.equal(true, codec.decode("true"))
      assert.equal(false, codec.decode(" false "))
      assert.equal(json.null, codec.decode("null"))
      assert.equal("a\n\u{1f600}\u{fffd}", codec.decode([["a\n\ud83d\ude00\udc00"]]))
      assert.same({ 1, { a = "b" }, {} }, codec.decode('[1,{"a":"b"},[]]'))
      assert.same({ a = { 1, 2, { b = json.null } }, c = "" }, codec.decode(' {"a":[1,2,{"b":null}],"c":""} '))
    end)

    it("keeps integers exact, and makes floats of all other numbers", function()
      for text, value in pairs {
        ["9007199254740993"] = 9007199254740993, ["-0"] = 0, ["9223372036854775807"] = math.maxinteger,
        ["-9223372036854775808"] = math.mininteger, ["9223372036854775808"] = 2.0 ^ 63, ["1.0"] = 1.0, ["1e2"] = 100.0,
        ["-0.0"] = -0.0, ["0.1"] = 0.1, ["1e-400"] = 0.0, ["123456789012345678901234567890"] = 123456789012345678901234567890.0,
        ["0." .. ("3"):rep(200)] = 1 / 3, ["1" .. ("0"):rep(63) .. "e1"] = 1e64,
      } do
        assert(is_same(value, codec.decode(text)), SEED .. ": " .. text)
        assert(is_same({ value }, (setmetatable(codec.decode("[" .. text .. "]"), nil))), text)
      end
    end)

    it("refuses a number that no float can hold", function()
      assert.same({ nil, "the number 1e400 is too large", 107 }, { codec.decode("1e400") })
      assert.same({ nil, "the number -1e309 is too large", 107 }, { codec.decode('{"a":[1,[-1e309]]}') })
      local _, message = codec.decode(("9"):rep(400))
      assert.equal("the number " .. ("9"):rep(40) .. "... is too large", message)
    end)

    it("takes the last of repeated names", function()
      assert.same({ a = 3, b = 2 }, codec.decode('{"a":1,"b":2,"\\u0061":3}'))
    end)

    it("agrees with lua-cjson over random documents", function()
      math.randomseed(SEED)
      for _ = 1, 1500 do
        local text = codec.encode(random_value(4))
        assert(is_alike(cjson.decode(text), codec.decode(text)), SEED .. ": " .. text)
      end
    end)

    it("makes tables of any size", function()
      for _, size in ipairs { 0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 63, 64, 65, 1000 } do
        local items, members, array, object = {}, {}, {}, {}
        for i = 1, size do
          items[i], array[i] = ("[%d]"):format(i), { i }
          members[i], object["k" .. i] = ('"k%d":%d'):format(i, i), i
        end
        assert.same(array, codec.decode("[" .. table.concat(items, ",") .. "]"))
        assert.same(object, codec.decode("{" .. table.concat(members, ",") .. "}"))
        assert.same(3, codec.decode("{" .. table.concat(members, ",") .. (size > 0 and "," or "") .. '"k1":1,"k1":3}').k1)
      end
    end)
  end)

  describe("encoding", function()
    it("writes each Lua type", function()
      assert.equal("null", codec.encode(nil))
      assert.equal("null", codec.encode(json.null))
      assert.equal("true", codec.encode(true))
      assert.equal("false", codec.encode(false))
      assert.equal('"a\\"\u{e9}\\u0000"', codec.encode('a"\u{e9}\0'))
      assert.equal("[1,[2],null]", codec.encode { 1, { 2 }, json.null })
      assert.equal('{"a":1,"b":[true]}', codec.encode { b = { true }, a = 1 })
      assert.equal('{"":0}', codec.encode { [""] = 0 })
      assert.equal('{"1":2}', codec.encode { ["1"] = 2 })
    end)

    it("writes the same value as the same bytes, names in order of their bytes", function()
      for _, size in ipairs { 5, 16, 17, 300 } do
        local names, forward, backward = {}, {}, {}
        for i = 1, size do names[i] = ("n"):rep(i % 7) .. i * 7919 % 1000 end
        for i = 1, size do forward[names[i]] = i end
        for i = size, 1, -1 do backward[names[i]] = forward[names[i]] end
        table.sort(names)
        local parts, last = {}, nil
        for _, name in ipairs(names) do
          if name ~= last then parts[#parts + 1] = ('"%s":%d'):format(name, forward[name]) end
          last = name
        end
        local text = "{" .. table.concat(parts, ",") .. "}"
        assert.equal(text, codec.encode(forward))
        assert.equal(text, codec.encode(backward))
      end
      assert.equal('{"a":1,"aa":2,"b":3,"\u{e9}":4}', codec.encode { ["\u{e9}"] = 4, b = 3, aa = 2, a = 1 })
      assert.equal('{"a":1,"a\\u0000":2,"a\\u0001":3}', codec.encode { ["a\1"] = 3, a = 1, ["a\0"] = 2 })
    end)

    it("keeps an empty array apart from an empty object", function()
      assert.equal("[]", codec.encode(codec.decode("[]")))
      assert.equal("{}", codec.encode(codec.decode("{}")))
      assert.equal('{"a":[],"b":{},"c":[[],{}]}', codec.encode(codec.decode('{"a":[],"b":{},"c":[[],{}]}')))
      assert.equal("{}", codec.encode {})
      local list = codec.decode("[1,2]")
      list[2], list[1] = nil, nil
      assert.equal("[]", codec.encode(list))
      list[1] = "x"
      assert.equal('["x"]', codec.encode(list))
    end)

    it("writes integers in full and floats as floats that read back equal", function()
      assert.equal("9007199254740993", codec.encode(9007199254740993))
      assert.equal("-9223372036854775808", codec.encode(math.mininteger))
      assert.equal("9223372036854775807", codec.encode(math.maxinteger))
      for _, case in ipairs {
        { 1.5, "1.5" }, { -2.0 ^ 53, "-9007199254740992.0" }, { 0.1, "0.1" }, { 1 / 3, "0.3333333333333333" }, { 1e15, "1e+15" },
        { 0.1 + 0.2, "0.30000000000000004" }, { 1e300, "1e+300" }, { 123456.789, "123456.789" }, { 2.0 ^ 63, "9.223372036854776e+18" },
      } do
        assert.equal(case[2], codec.encode(case[1]))
      end
      assert.equal("1.0", codec.encode(1.0))
      assert.equal("-3.0", codec.encode(-3.0))
      assert.equal("0.0", codec.encode(0.0))
      assert.equal("-0.0", codec.encode(-0.0))
      assert.equal("999999999999999.0", codec.encode(999999999999999.0))
      math.randomseed(SEED)
      for _ = 1, 5000 do
        local x = pick { random_float, math.random, function() return math.random(0) / 1000 end }()
        local back = codec.decode((codec.encode(x)))
        assert(is_same(x, back), ("%a came back as %a"):format(x, back))
      end
    end)

    it("writes and reads short decimals as a person would", function()
      math.randomseed(SEED)
      for _ = 1, 20000 do
        local places = math.random(0, 9)
        local x = math.random(-10 ^ math.random(1, 14) // 1, 10 ^ math.random(1, 14) // 1) / 10 ^ places
        local plain = ("%.15g"):format(x)
        local text = codec.encode(x)
        assert(is_same(x, codec.decode(text)), plain)
        assert(is_same(x, codec.decode(plain:find("[.e]") and plain or plain .. ".0")), plain)
        if plain:find("%.") and not plain:find("e") then assert.equal(plain, text) end
      end
      assert.equal("[0.5,-0.000001,12.34,100.0,-7.1,0.0,1e-07]", codec.encode { 0.5, -0.000001, 12.34, 100.0, -7.1, 0.0, 1e-7 })
      for _, text in ipairs { "0.3", "-0.7", "1.10", "99999999.9999999", "-0.0", "0.000000000001", "1.5e3", "12345678901.2345" } do
        assert(is_same(tonumber(text), codec.decode(text)), SEED .. ": " .. text)
      end
    end)

    it("refuses numbers that JSON does not have", function()
      refused(0 / 0, "data: the number nan is not one of JSON")
      refused({ price = 1 / 0 }, "data.price: the number inf is not one of JSON")
      refused({ 1, -1 / 0 }, "data[2]: the number inf is not one of JSON")
    end)

    it("refuses types that JSON does not have, and says where they are", function()
      assert.equal(500, refused(print, "data: a function, which JSON cannot hold"))
      refused({ a = { b = { 1, coroutine.create(print) } } }, "data.a.b[2]: a thread, which JSON cannot hold")
      refused({ ["two words"] = { io.stdout } }, 'data["two words"][1]: a userdata, which JSON cannot hold')
      refused({ ["\u{e9}\n"] = print }, 'data["\u{e9}\\n"]: a function, which JSON cannot hold')
      refused({ [""] = print }, 'data[""]: a function, which JSON cannot hold')
      refused({ [("x"):rep(39) .. "\u{e9}\u{e9}"] = print },
        'data["' .. ("x"):rep(39) .. '"...]: a function, which JSON cannot hold')
    end)

    it("refuses tables that are neither an array nor an object", function()
      refused({ items = { 1, 2, nil, 4 } }, "data.items[3]: a table with holes")
      refused({ [2] = 1 }, "data[1]: a table with holes")
      refused({ [1] = 1, [math.maxinteger] = 2 }, "data[2]: a table with holes")
      refused({ 1, 2, [0] = 3 }, "data[0]: positions start at 1")
      refused({ [-5] = 3 }, "data[-5]: positions start at 1")
      refused({ 1, a = 2 }, "data.a: a name in an array")
      refused({ t = { [1.5] = 2 } }, "data.t: a key that is a number; keys are strings, or positions from 1")
      refused({ [true] = 2 }, "data: a key that is a boolean; keys are strings, or positions from 1")
      refused({ { [print] = 2 } }, "data[1]: a key that is a function; keys are strings, or positions from 1")
      refused(json.array { a = 1 }, "data.a: a name in an array")
      local mixed = {}
      for i = 1, 40 do mixed["k" .. i] = i end
      mixed[100] = 1
      local _, message = codec.encode { mixed }
      assert(message == "data[1][100]: a position in an object" or message:find("^data%[1%]%.k%d+: a name in an array$"), message)
    end)

    it("writes an array whatever the order it was filled in", function()
      local list = {}
      for i = 20, 1, -1 do list[i] = i end
      assert.equal("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]", codec.encode(list))
      assert.equal("[1,2]", codec.encode { [2.0] = 2, [1.0] = 1 })
    end)

    it("refuses strings that are not valid UTF-8", function()
      refused("\xff", "data: a string that is not valid UTF-8")
      refused({ a = { "ok", "\xed\xa0\x80" } }, "data.a[2]: a string that is not valid UTF-8")
      refused({ ["\xc0\x80"] = 1 }, 'data["(not UTF-8)"]: a string that is not valid UTF-8')
    end)

    it("refuses cycles and what is nested too deeply", function()
      local loop = {}
      loop.self = loop
      refused(loop, "data.self: a table that contains itself")
      local a, b = {}, {}
      a[1], b.up = b, a
      refused({ x = a }, "data.x[1].up: a table that contains itself")
      local shared = { 1 }
      assert.equal("[[1],[1]]", codec.encode { shared, shared })
      local deep = {}
      for _ = 1, 63 do deep = { deep } end
      assert.equal(("["):rep(63) .. "{}" .. ("]"):rep(63), codec.encode(deep))
      refused({ deep }, "data" .. ("[1]"):rep(64) .. ": nested more than 64 deep")
      refused({ { 1 } }, "data[1]: nested more than 1 deep", 1)
      for _ = 1, 100000 do deep = { down = deep } end
      local _, message = codec.encode(deep, 1024)
      assert.equal("data..." .. (".down"):rep(80) .. ": nested more than 1024 deep", message)
    end)

    it("refuses to write more bytes than it may", function()
      assert.equal("[1,2]", codec.encode({ 1, 2 }, 64, 5))
      assert.equal(413, refused({ 1, 2 }, "data: more than 4 bytes of JSON", 64, 4))
      refused(("x"):rep(1000), "data: more than 100 bytes of JSON", 64, 100)
      refused({ a = "\1\1\1\1" }, "data: more than 20 bytes of JSON", 64, 20)
      refused({ [("k"):rep(50)] = 1 }, "data: more than 20 bytes of JSON", 64, 20)
      local value = random_value(4)
      local text = codec.encode(value)
      assert.equal(text, codec.encode(value, 64, #text))
      refused(value, ("data: more than %d bytes of JSON"):format(#text - 1), 64, #text - 1)
      local list, object, same = {}, {}, ("x"):rep(1 << 16)
      for i = 1, 100000 do list[i], object["k" .. i] = same, i end
      refused(list, "data: more than 1048576 bytes of JSON")
      refused(list, "data: more than 1000 bytes of JSON", 64, 1000)
      refused(object, "data: more than 1000 bytes of JSON", 64, 1000)
    end)

    it("looks at nothing through metatables", function()
      local function never() error("called") end
      local all = { __index = never, __pairs = never, __len = never, __tostring = never, __eq = never, __call = never,
        __newindex = never, __name = "x" }
      assert.equal("{}", codec.encode(setmetatable({}, all)))
      assert.equal("[1,2]", codec.encode(setmetatable({ 1, 2 }, all)))
      assert.equal('{"a":{}}', codec.encode(setmetatable({ a = setmetatable({}, all) }, all)))
    end)

    it("comes back from a round trip as it was", function()
      math.randomseed(SEED)
      for _ = 1, 1500 do
        local value = random_value(5)
        local text = assert(codec.encode(value))
        assert(is_same(value, codec.decode(text)), SEED .. ": " .. text)
        assert.equal(text, codec.encode(codec.decode(text)))
      end
    end)

    it("is read by lua-cjson as it was meant", function()
      math.randomseed(SEED)
      for _ = 1, 1500 do
        local value = random_value(4)
        local text = codec.encode(value)
        assert(is_alike(value, cjson.decode(text)), SEED .. ": " .. text)
      end
    end)

    it("reads what lua-cjson writes", function()
      math.randomseed(SEED)
      for _ = 1, 500 do
        local value = cjson.decode((codec.encode(random_value(4))))
        local ok, text = pcall(cjson.encode, value)
        if ok then assert(is_alike(cjson.decode(text), codec.decode(text)), SEED .. ": " .. text) end
      end
    end)

    it("writes objects of many members inside one another", function()
      local value, expected = 1, "1"
      for depth = 1, 20 do
        local outer, parts = {}, {}
        for i = 10, 10 + depth * 3 do
          outer["m" .. i] = i == 12 and value or i
          parts[#parts + 1] = ('"m%d":%s'):format(i, i == 12 and expected or i)
        end
        value, expected = outer, "{" .. table.concat(parts, ",") .. "}"
      end
      assert.equal(expected, codec.encode(value))
    end)
  end)

  describe("when the VM has no memory", function()
    local text = [==[{"id":1,"list":[1,2.5,"\u00e9]==] .. ("long \\n"):rep(300) .. [==[",[],[[[{}]]]],"x":{"a":null,]==]
      .. [==["b":true,"k1":1,"k2":2,"k3":3,"k4":4,"k5":5,"k6":6,"k7":7,"k8":8,"n":1]==] .. ("0"):rep(90)
      .. [==[.5,"s":"]==] .. ("plain"):rep(50) .. [==["},"deep":]==] .. ("["):rep(40) .. ("]"):rep(40) .. "}"

    it("fails as a whole at each single allocation, and leaks nothing", function()
      assert(codec.torture(text, false) > 50)
    end)

    it("still encodes, or fails without raising where the stack would have to grow", function()
      local few = '{"a":[1,2.5,{"b":"x","c":[]}],"d":null}'
      assert.equal(few, codec.encode_starved(few))
      local parts = {}
      for i = 1, 500 do parts[i] = ('"k%d":%d'):format(i, i) end
      assert.same({ nil, "data.x: more members than the Lua stack can hold" },
        { codec.encode_starved('{"x":{' .. table.concat(parts, ",") .. "}}") })
    end)

    it("fails as a whole from each allocation on, and leaks nothing", function()
      assert(codec.torture(text, true) > 50)
    end)
  end)
end)

describe("the Lua module json", function()
  it("reads and writes", function()
    assert.equal('{"a":[1,2.0],"b":[]}', json.encode { a = { 1, 2.0 }, b = json.array() })
    assert.same({ a = { 1, json.null } }, json.decode('{"a":[1,null]}'))
  end)

  it("gives nil and a reason for a text that is not JSON", function()
    assert.same({ nil, "not JSON, at byte 4: a comma or ] must follow an item" }, { json.decode("[1 2]") })
    assert.same({ nil, "not JSON, at byte 1: the text ends where a value must come" }, { json.decode("") })
    assert.same({ nil, "the number 1e999 is too large" }, { json.decode("[1e999]") })
    assert.same({ nil, "not JSON, at byte 65: nested too deeply" }, { json.decode(("["):rep(100000)) })
  end)

  it("raises for a value that JSON cannot say, and for a text that is not a string", function()
    assert.error_matches(function() json.encode { a = { print } } end, "json.encode: value.a%[1%]: a function, which JSON")
    assert.error_matches(function() json.encode(("x"):rep(1 << 21)) end, "value: more than 1048576 bytes of JSON")
    assert.error_matches(function() json.encode() end, "bad argument #1")
    assert.error_matches(function() json.decode(12) end, "string expected, got number")
    assert.error_matches(function() json.decode() end, "string expected")
  end)

  it("still works after a failure and after a large value", function()
    local large = ("x"):rep(1 << 19)
    assert.equal('"' .. large .. '"', json.encode(large))
    assert.is_false(pcall(json.encode, { large, print }))
    assert.equal("[1]", json.encode { 1 })
  end)

  it("has a null that is a value, true in a condition, and the one of lua-cjson", function()
    assert.is_true(json.null and true)
    assert.is_true(json.null ~= nil)
    assert.equal("null", json.encode(json.null))
    assert.equal(json.null, json.decode("null"))
    assert.equal(cjson.null, json.null)
  end)

  it("marks arrays", function()
    local t = {}
    assert.equal(t, json.array(t))
    assert.equal(t, json.array(t))
    assert.equal("[]", json.encode(t))
    assert.equal("[[]]", json.encode { json.array() })
    assert.error_matches(function() json.array(setmetatable({}, {})) end, "this table has a metatable; mark a plain one")
    assert.error_matches(function() json.array(12) end, "table expected")
  end)
end)
