local json = require "room.json"
local reference = require "schema_reference"
local schema = require "room.schema"
local suite = require "schema_suite"

local CASES = "spec/core/rule/schema"
-- Of the random ones; SEED=n SCHEMAS=n for others.
local SEED = tonumber(os.getenv("SEED") or "") or 2020
local SCHEMAS, VALUES = tonumber(os.getenv("SCHEMAS") or "") or 1000, 8

local function compile(text, options)
  local s, why = schema.new(text, options)
  return s or error(text .. ": " .. tostring(why), 2)
end

local function refused(text, options)
  local s, why = schema.new(text, options)
  assert.is_nil(s, text)
  return why
end

local function fault(text, value)
  local fits, why, parts = compile(text):check(value)
  assert.is_false(fits, text .. " with " .. value)
  return why, parts
end

local function lax(text) return compile(text, { strict = false, formats = false }) end

describe("rule/schema", function()
  it("is right about every case of ours, laid out as the public suite's", function()
    local totals = suite.run(CASES)
    assert.same({}, totals.wrong)
    assert.same({}, totals.reasons)
    assert.equal(totals.tests, totals.right)
    assert.is_true(totals.tests >= 370, "cases: " .. totals.tests)
  end)

  it("agrees with a slow reference on random schemas and values", function()
    math.randomseed(SEED)
    local fitting, checked, endless = 0, 0, 0
    for _ = 1, SCHEMAS do
      local wanted = reference.schema(3)
      local text = reference.encode(wanted)
      local s, why = schema.new(text)
      if s then
        for _ = 1, VALUES do
          local value = reference.value_near(wanted, 3)
          local written = reference.encode(value)
          local fits, what = s:check(written)
          local expected = reference.fits(wanted, value)
          assert.equal(expected, fits, ("seed %d: %s with %s: %s"):format(SEED, text, written, tostring(what)))
          checked, fitting = checked + 1, fitting + (fits and 1 or 0)
        end
      else
        assert.matches("refers to itself without going into the value", why, 1, true)
        endless = endless + 1
      end
    end
    -- Or the random ones would prove little.
    assert.is_true(fitting > checked / 10 and fitting < checked * 9 / 10, fitting .. " of " .. checked .. " fit")
    assert.is_true(endless < SCHEMAS / 2, endless .. " schemas would never end")
  end)

  describe("says what does not fit", function()
    it("with the pointer, the rule and the kind of the value", function()
      local order = [[{"properties":{"items":{"items":{"properties":{"qty":{"type":"integer","minimum":1}}}}}}]]
      local why, parts = fault(order, [[{"items":[{},{},{},{"qty":0}]}]])
      assert.equal("/items/3/qty: minimum 1, got number 0", why)
      assert.same({ pointer = "/items/3/qty", keyword = "minimum", expected = "1", got = "number 0", is_limit = false },
        parts)
      assert.equal("/items/0/qty: type integer, got string of 1 character", (fault(order, [[{"items":[{"qty":"1"}]}]])))
    end)

    it("for each kind of rule", function()
      local cases = {
        { [[{"type":["string","null"]}]], "true", "the value: type null or string, got boolean true" },
        { [[{"type":["integer","number"]}]], "null", "the value: type number, got null" },
        { [[{"const":{"a":1}}]], "[]", [[the value: const {"a":1}, got array of 0 items]] },
        { [[{"enum":["buy","sell"]}]], [["hold"]], [[the value: enum ["buy","sell"], got string of 4 characters]] },
        { [[{"maximum":5}]], "5.5", "the value: maximum 5, got number 5.5" },
        { [[{"multipleOf":0.5}]], "0.7", "the value: multipleOf 0.5, got number 0.7" },
        { [[{"minLength":2}]], [["é"]], "the value: minLength 2, got string of 1 character" },
        { [[{"pattern":"^a$"}]], [["b"]], [[the value: pattern "^a$", got string of 1 character]] },
        { [[{"format":"email"}]], [["b"]], [[the value: format "email", got string of 1 character]] },
        { [[{"maxItems":1}]], "[1,2]", "the value: maxItems 1, got array of 2 items" },
        { [[{"minProperties":1}]], "{}", "the value: minProperties 1, got object of 0 members" },
        { [[{"required":["a\"b"]}]], [[{"c":1}]], [[the value: required "a\"b", got object of 1 member]] },
        { [[{"properties":{"quantity":true},"additionalProperties":false}]], [[{"quantty":1}]],
          [[/quantty: additionalProperties false, did you mean "quantity"?, got number 1]] },
        { [[{"additionalProperties":false}]], [[{"a/b~":{}}]],
          [[/a~1b~0: additionalProperties false, got object of 0 members]] },
        { [[{"propertyNames":{"maxLength":1}}]], [[{"a":1,"bc":2}]], "/bc: maxLength 1, got string of 2 characters" },
        { [[{"dependentRequired":{"a":["b"]}}]], [[{"a":1}]], [[the value: dependentRequired "b", got object of 1 member]] },
        { [[{"uniqueItems":true}]], "[1,2,1.0]", "/2: uniqueItems true, got number 1.0" },
        { [[{"contains":{"const":1}}]], "[2]", "the value: contains 1, found 0, got array of 1 item" },
        { [[{"contains":{"const":1},"minContains":2}]], "[1]", "the value: minContains 2, found 1, got array of 1 item" },
        { [[{"contains":{"const":1},"maxContains":1}]], "[1,1]", "the value: maxContains 1, found more, got array of 2 items" },
        { [[{"prefixItems":[true],"items":false}]], "[1,2]", "/1: items false, got number 2" },
        { [[{"anyOf":[{"type":"null"},{"minimum":5}]}]], "1", "the value: anyOf one of 2 at least, fits none, got number 1" },
        { [[{"oneOf":[true,true]}]], "1", "the value: oneOf exactly one of 2, fits more than one, got number 1" },
        { [[{"not":{"type":"number"}}]], "1", "the value: not fits what it must not, got number 1" },
        { [[{"unevaluatedProperties":false}]], [[{"a":[]}]], "/a: unevaluatedProperties false, got array of 0 items" },
        { [[{"properties":{"a":false}}]], [[{"a":null}]], "/a: false schema, nothing fits it, got null" },
      }
      for _, case in ipairs(cases) do assert.equal(case[3], (fault(case[1], case[2]))) end
    end)

    it("in a bounded space, cut between characters", function()
      local deep, close = {}, {}
      for i = 1, 60 do deep[i], close[i] = '{"ééééé":', "}" end
      local _, parts = fault([[{"additionalProperties":{"$ref":"#"},"type":"object"}]],
        table.concat(deep) .. "1" .. table.concat(close))
      assert.is_true(#parts.pointer < 256)
      assert.equal("...", parts.pointer:sub(-3))
      assert.is_true(json.is_utf8(parts.pointer))
      _, parts = fault('{"enum":["' .. ("é"):rep(500) .. '"]}', "1" .. ("0"):rep(500))
      assert.is_true(#parts.expected < 256 and #parts.got < 64)
      assert.is_true(json.is_utf8(parts.expected))
      assert.matches("^number 1000+%.%.%.$", parts.got)
    end)

    it("about the first that is found, not about a branch that need not fit", function()
      assert.equal("/b: type string, got number 1",
        (fault([[{"anyOf":[{"required":["zzz"]},true],"properties":{"b":{"type":"string"}}}]], [[{"b":1}]])))
    end)
  end)

  describe("does not load what is wrong", function()
    it("and says where", function()
      local cases = {
        { "[1]", "the schema: a schema is an object, true or false, not array" },
        { "{", "the schema is not JSON: a member's name in double quotes must come here (byte 2)" },
        { [[{"properties":{"a":1}}]], "/properties/a: a schema is an object, true or false, not number" },
        { [[{"type":"strin"}]], [[/type: there is no type "strin"; did you mean string]] },
        { [[{"type":[]}]], "/type: must list a type at least" },
        { [[{"minLength":-1}]], "/minLength: must be a whole number from 0 on" },
        { [[{"minLength":1.5}]], "/minLength: must be a whole number from 0 on" },
        { [[{"minimum":"1"}]], "/minimum: must be a number" },
        { [[{"multipleOf":0}]], "/multipleOf: must be greater than 0" },
        { [[{"multipleOf":1.2345678901234567890123}]], "/multipleOf: a divisor of more than 19 digits is not supported" },
        { [[{"required":true}]], "/required: must be a list of names" },
        { [[{"required":["a",1]}]], "/required/1: must be a string: a name" },
        { [[{"enum":1}]], "/enum: must be a list of values" },
        { [[{"allOf":[]}]], "/allOf: must have a schema at least" },
        { [[{"items":[true]}]], "/items: is one schema for all items; a list is prefixItems" },
        { [[{"pattern":"(a"}]], "/pattern: not a regular expression: missing closing parenthesis" },
        { [[{"pattern":"\\A"}]], [[/pattern: not a regular expression: \A is no escape in a regular expression of ECMA-262]] },
        { [[{"pattern":"(*LIMIT_MATCH=9)a"}]], "/pattern: not a regular expression: (*L is no group of ECMA-262" },
        { [[{"patternProperties":{"[":true}}]], "/patternProperties/[: not a regular expression: missing terminating ] for character class" },
        { [[{"$ref":"#/$defs/a"}]], [[/$ref: there is no "#/$defs/a"]] },
        { [[{"$ref":"#a"}]], [[/$ref: there is no "#a"]] },
        { [[{"$ref":"http://example.com/a"}]],
          [[/$ref: "http://example.com/a" is not in this document, and no others are fetched]] },
        { [[{"$ref":"#/minimum","minimum":1}]], "/minimum: a schema is an object, true or false, not number" },
        { [[{"$id":"http://example.com/#a"}]], "/$id: an address has no fragment; $anchor names a place" },
        { [[{"$defs":{"a":{"$anchor":"x"},"b":{"$anchor":"x"}}}]], "/$defs/b/$anchor: another place in this schema has this name" },
        { [[{"$anchor":"1"}]], [[/$anchor: must be a name: letters, digits, "_", "-" and "."]] },
        { [[{"$defs":{"a":{"$id":"http://e/x"},"b":{"$id":"http://e/x"}}}]], "/$defs/b/$id: another schema here has this address" },
        { [[{"uniqueItems":1}]], "/uniqueItems: must be true or false" },
      }
      for _, case in ipairs(cases) do assert.equal(case[2], refused(case[1])) end
    end)

    it("nor takes numbers for less than they are", function()
      local s = compile [[{"minimum":1e99999999999999999999,"maxLength":1e30,"minItems":99999999999999999999}]]
      assert.is_true((s:check '"a"'))
      assert.is_false((s:check "[]"))
      assert.is_false((s:check "1e99999"))
      assert.is_true((compile [[{"maximum":1e999999999999999999}]]:check "1e99999"))
    end)

    it("nor what would never end", function()
      local endless = "refers to itself without going into the value, which would never end"
      assert.equal("the schema: " .. endless, refused [[{"$ref":"#"}]])
      assert.matches(endless, refused [[{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"allOf":[{"$ref":"#/$defs/a"}]}}}]])
      assert.matches(endless, refused [[{"not":{"if":{"anyOf":[{"$ref":"#"}]}}}]])
      assert.matches(endless, refused [[{"dependentSchemas":{"a":{"$ref":"#"}}}]])
      assert.is_truthy(schema.new [[{"properties":{"a":{"$ref":"#"}},"items":{"$ref":"#"}}]])
    end)

    it("nor chains of references that are too long, which are no circles", function()
      local function chain(length)
        local defs = {}
        for i = 1, length do defs[i] = ('"d%d":{"$ref":"#/$defs/d%d"}'):format(i, i + 1) end
        return ('{"$ref":"#/$defs/d1","$defs":{%s,"d%d":true}}'):format(table.concat(defs, ","), length + 1)
      end
      assert.is_truthy(schema.new(chain(500)))
      assert.matches("^/%$defs/d%d+: is asked about a value by way of more than 512 others, each by the one before "
        .. "%(%$ref, allOf and so on%): make that chain shorter$", refused(chain(600)))
    end)

    it("nor what is too long or too deep", function()
      assert.matches("longer than 1048576 bytes", refused('"' .. ("x"):rep(1 << 20) .. '"'))
      assert.matches("nested too deeply", refused(('{"not":'):rep(200) .. "{}" .. ("}"):rep(200)))
      local names = {}
      for i = 1, 257 do names[i] = '"k' .. i .. '"' end
      assert.equal("/required: more than 256 names are not supported",
        refused('{"required":[' .. table.concat(names, ",") .. "]}"))
      for i = 1, 8193 do names[i] = '"k' .. i .. '":true' end
      assert.equal("/properties: more than 8192 names are not supported",
        refused('{"properties":{' .. table.concat(names, ",") .. "}}"))
    end)

    it("when strict, what is nearly a keyword or a format", function()
      assert.equal([[/requird: is no keyword; did you mean "required"? Words of your own begin with x-]],
        refused [[{"requird":["a"]}]])
      assert.equal([[/properties/a/minlength: is no keyword; did you mean "minLength"? Words of your own begin with x-]],
        refused [[{"properties":{"a":{"minlength":1}}}]])
      assert.equal("/dependencies: is not of JSON Schema 2020-12, which has dependentRequired or dependentSchemas",
        refused [[{"dependencies":{}}]])
      assert.equal([[/format: the format "emial" is not known and would not be checked; did you mean "email"?]],
        refused [[{"format":"emial"}]])
      assert.equal([[/format: the format "colour" is not known and would not be checked]], refused [[{"format":"colour"}]])
      assert.equal([[/$schema: must be "https://json-schema.org/draft/2020-12/schema"; other drafts are not supported]],
        refused [[{"$schema":"http://json-schema.org/draft-07/schema#"}]])
      for _, text in ipairs { [[{"requird":["a"]}]], [[{"dependencies":{}}]], [[{"format":"colour"}]],
        [[{"$schema":"http://json-schema.org/draft-07/schema#"}]] } do
        assert.is_true(lax(text):check("{}"))
      end
      assert.is_truthy(schema.new [[{"$schema":"https://json-schema.org/draft/2020-12/schema","x-note":1,"title":"t",
        "definitions":{},"$defs":{},"nullable":true,"unit":"kg","x-type":1,"x-items":{},"x-min":0,"x-":1}]])
    end)
  end)

  it("asks formats by default, and does not where told so", function()
    assert.is_false((compile([[{"format":"ipv4"}]]):check [["1.2.3"]]))
    assert.is_true((compile([[{"format":"ipv4"}]], { formats = false }):check [["1.2.3"]]))
  end)

  it("refers to documents it was given", function()
    local documents = { ["http://example.com/a"] = [[{"$defs":{"b":{"type":"integer"}}}]] }
    local s = compile([[{"$ref":"http://example.com/a#/$defs/b"}]], { documents = documents })
    assert.is_true((s:check "1"))
    assert.is_false((s:check [["x"]]))
    documents["http://example.com/a"] = [[{"$defs":{"b":{"type":"integr"}}}]]
    assert.equal([[http://example.com/a#/$defs/b/type: there is no type "integr"; did you mean integer]],
      refused([[{"$ref":"http://example.com/a#/$defs/b"}]], { documents = documents }))
  end)

  describe("ends in time", function()
    local function is_limit(text, value)
      local why, parts = fault(text, value)
      assert.is_true(parts.is_limit, why)
      assert.matches("^the value: limit of %d+ steps: checking it takes more, got ", why)
    end

    local function is_too_deep(text, value)
      local why, parts = fault(text, value)
      assert.is_true(parts.is_limit, why)
      assert.matches("^the value: limit of 512 schemas asked within one another: it goes deeper, got ", why)
    end

    -- So many subschemas about the same value, each with that constraint.
    local function many(count, constraint)
      local list = {}
      for i = 1, count do list[i] = constraint end
      return '{"allOf":[' .. table.concat(list, ",") .. "]}"
    end

    it("with patterns that try without end", function()
      is_limit([[{"pattern":"^(a+)+$"}]], '"' .. ("a"):rep(40) .. 'b"')
      is_limit([[{"pattern":"(.*)*(.*)*(.*)*[xy]$"}]], '"' .. ("a"):rep(5000) .. '"')
      is_limit([[{"patternProperties":{"^(a+)+$":true}}]], '{"' .. ("a"):rep(40) .. 'b":1}')
      is_limit([[{"not":{"pattern":"^(a+)+$"}}]], '"' .. ("a"):rep(40) .. 'b"')
      assert.is_true((compile([[{"pattern":"^(a|b)*$"}]]):check('"' .. ("ab"):rep(10000) .. '"')))
    end)

    it("with branches in branches", function()
      local defs = {}
      for i = 1, 20 do
        defs[i] = ('"d%d":{"anyOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]}'):format(i, i + 1, i + 1)
      end
      is_limit([[{"$ref":"#/$defs/d1","$defs":{]] .. table.concat(defs, ",") .. [[,"d21":{"type":"null"}}}]], "1")
    end)

    it("with what refers to itself in a circle that only shows in the value", function()
      is_too_deep([[{"$id":"http://e/r","$dynamicAnchor":"a","$ref":"b","$defs":{"b":{"$id":"b","$dynamicAnchor":"a",
        "$dynamicRef":"#a"}}}]], "1")
    end)

    it("with deep values", function()
      local deep = ("["):rep(1000) .. ("]"):rep(1000)
      is_too_deep([[{"items":{"$ref":"#"}}]], deep)
      assert.is_true((compile([[{"uniqueItems":true}]]):check("[" .. deep:sub(2, -2) .. "]")))
    end)

    it("with many items that must be unique", function()
      local items = {}
      for i = 1, 20000 do items[i] = tostring(i) end
      local text = table.concat(items, ",")
      local s = compile [[{"uniqueItems":true}]]
      assert.is_true((s:check("[" .. text .. "]")))
      assert.is_false((s:check("[" .. text .. ",7]")))
    end)

    it("with regular expressions that have to be compiled", function()
      is_limit(many(2000, [[{"format":"regex"}]]), '"' .. ("(a|b)*"):rep(100) .. '"')
      assert.is_true((compile(many(2, [[{"format":"regex"}]])):check('"' .. ("(a|b)*"):rep(600) .. '"')))
    end)

    it("with long texts and numbers that are looked at again and again", function()
      local long, digits = '"' .. ("x"):rep(60000) .. '"', "1" .. ("0"):rep(60000)
      is_limit(many(2000, [[{"minLength":50000}]]), long)
      is_limit(many(2000, [[{"not":{"const":1}}]]), long)
      is_limit(many(2000, [[{"not":{"const":1}}]]), digits)
      is_limit(many(2000, [[{"type":"integer"}]]), digits)
      is_limit(many(2000, [[{"format":"json-pointer"}]]), '"/' .. ("x"):rep(60000) .. '"')
    end)

    it("with long names that are escaped", function()
      local long = "\\u0061" .. ("x"):rep(60000)
      is_limit(many(4000, [[{"properties":{"a":true}}]]), '{"' .. long .. '":1}')
      is_limit(many(4000, [[{"dependentRequired":{"a":["b"]}}]]), '{"' .. long .. '":1}')
      is_limit(many(4000, [[{"not":{"const":{"b":1}}}]]), '{"' .. long .. '":1}')
      is_limit(many(4000, [[{"propertyNames":{"pattern":"^a"}}]]), '{"' .. long .. '":1}')
    end)

    it("with marks for what has been evaluated in long arrays", function()
      local items = {}
      for i = 1, 30000 do items[i] = "1" end
      local branches = {}
      for i = 1, 3000 do branches[i] = '{"maxItems":9,"unevaluatedItems":true}' end
      is_limit('{"not":{"anyOf":[' .. table.concat(branches, ",") .. "]}}", "[" .. table.concat(items, ",") .. "]")
    end)

    it("with objects that are equal but for their order", function()
      local forth, back = {}, {}
      for i = 1, 1000 do
        forth[i] = ('"%d":%d'):format(i, i)
        back[1001 - i] = forth[i]
      end
      is_limit([[{"const":{]] .. table.concat(forth, ",") .. "}}", "{" .. table.concat(back, ",") .. "}")
      assert.is_true((compile([[{"const":{]] .. table.concat(forth, ",") .. "}}"):check("{" .. table.concat(forth, ",") .. "}")))
    end)
  end)
end)
