local shape = require "room.shape"
local schema = require "room.schema"

local function field(text)
  local json, optional = shape.field(text)
  assert.is_truthy(json, text .. ": " .. tostring(optional))
  assert.is_truthy(schema.new(json), json)
  return json, optional
end

local function refused(text)
  local json, why = shape.field(text)
  assert.is_nil(json, text)
  return why
end

describe("rule/shape", function()
  it("knows the types", function()
    for _, name in ipairs { "string", "integer", "number", "boolean", "null", "object", "array" } do
      local json, optional = field(name)
      assert.equal('{"type":"' .. name .. '"}', json)
      assert.is_false(optional)
    end
    assert.equal("{}", (field "any"))
  end)

  it("knows the formats", function()
    assert.equal([[{"type":"string","format":"uuid"}]], (field "uuid"))
    assert.equal([[{"type":"string","format":"date-time"}]], (field " date-time "))
    assert.equal([[{"type":"string","format":"email","maxLength":100}]], (field "email ..100"))
  end)

  it("knows what may be left out", function()
    assert.same({ [[{"type":"string"}]], true }, { field "string?" })
    assert.same({ [[{"type":"string","minLength":1,"maxLength":5}]], true }, { field "string 1..5?" })
    assert.same({ [[{"type":"string","minLength":1}]], true }, { field "string 1.. ? " })
    assert.same({ [[{"enum":["a","b"]}]], true }, { field "a|b?" })
    assert.same({ "{}", true }, { field "any?" })
  end)

  it("knows ranges and bounds", function()
    assert.equal([[{"type":"string","minLength":1,"maxLength":500}]], (field "string 1..500"))
    assert.equal([[{"type":"integer","minimum":1}]], (field "integer >=1"))
    assert.equal([[{"type":"integer","minimum":1}]], (field "integer>= 1"))
    assert.equal([[{"type":"number","minimum":-0.5,"maximum":1.25}]], (field "number -0.5..1.25"))
    assert.equal([[{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1}]], (field "number >0 <1"))
    assert.equal([[{"type":"array","maxItems":3}]], (field "array ..3"))
    assert.equal([[{"type":"object","minProperties":1}]], (field "object >=1"))
  end)

  it("knows patterns", function()
    assert.equal([[{"type":"string","pattern":"^[a-z ]+$","maxLength":9}]], (field "string /^[a-z ]+$/ ..9"))
    assert.equal([[{"type":"string","pattern":"a\\/\"b"}]], (field [[string /a\/"b/]]))
  end)

  it("knows strings to choose from", function()
    assert.equal([[{"enum":["buy","sell"]}]], (field "buy|sell"))
    assert.equal([[{"enum":["buy","sell","v1.2","09:00","größer"]}]], (field "buy | sell | v1.2 | 09:00 | größer"))
    assert.equal([[{"enum":["only"]}]], (field "'only'"))
    assert.equal([[{"enum":["a|b","string","it's"]}]], (field [['a|b'|'string'|"it's"]]))
  end)

  it("mixes them", function()
    assert.equal([[{"type":["string","null"]}]], (field "string|null"))
    assert.equal([[{"anyOf":[{"type":"integer","minimum":1},{"enum":["auto","off"]}]}]], (field "auto|integer >=1|off"))
    assert.equal([[{"anyOf":[{"type":"string","format":"ipv4"},{"type":"string","format":"ipv6"}]}]], (field "ipv4|ipv6"))
    assert.equal([[{"anyOf":[{},{"type":"null"}]}]], (field "any|null"))
  end)

  it("knows arrays of such", function()
    assert.equal([[{"type":"array","items":{"type":"string","minLength":1},"maxItems":10}]], (field "[string 1..] ..10"))
    assert.equal([[{"type":"array","items":{"type":"array","items":{"type":"number"},"minItems":2,"maxItems":2}}]],
      (field "[[number] 2..2]"))
    assert.same({ [[{"type":"array","items":{"enum":["a","b"]}}]], true }, { field "[a|b]?" })
    assert.equal([[{"anyOf":[{"type":"array","items":{"type":"string"}},{"type":"string"}]}]], (field "[string]|string"))
  end)

  it("takes a ? at a name's end for what may be left out, of words and of shapes", function()
    local json = shape.object { { "note?", "string" }, { "?", "null" }, { "a??", "any" } }
    assert.equal([[{"type":"object","properties":{"note":{"type":"string"},"?":{"type":"null"},"a?":{}},]]
      .. [["required":["?"],"additionalProperties":false}]], json)
  end)

  it("says what is wrong, and where", function()
    local cases = {
      { "", "a type must be here" },
      { "  ", "a type must come here, such as string, integer or a|b (column 3)" },
      { "strng", [[there is no type "strng"; did you mean "string"? (column 1)]] },
      { "[uid]", [[there is no type "uid"; did you mean "uuid"? (column 2)]] },
      { "foo", [[there is no type "foo"; a single string to choose is 'foo' (column 1)]] },
      { "string 5", [[".." must follow: a range is 1..500, 1.. or ..500 (column 9)]] },
      { "string ..", "a range has a number at one end at least (column 8)" },
      { "string 5..1", "the range is empty (column 8)" },
      { "string -1..", "it counts, so it is a whole number from 0 on (column 8)" },
      { "string 1.5..", "it counts, so it is a whole number from 0 on (column 8)" },
      { "string >1", "what is counted has >= (column 8)" },
      { "integer 01..2", "a number must not start with an extra 0 (column 9)" },
      { "integer >=x", "a number must come here (column 11)" },
      { "integer 1.. >=2", "this limit is there already (column 15)" },
      { "integer /a/", "only strings have patterns (column 9)" },
      { "string /a", "the pattern must end with a / (column 8)" },
      { "boolean 1..2", [["boolean" has no limits (column 9)]] },
      { "[string?]", "an item cannot be left out; the ? of a field comes at its end (column 8)" },
      { "[string", "a ] must come here (column 8)" },
      { "'a", "the quote is not closed (column 1)" },
      { "a|", "a type must come here, such as string, integer or a|b (column 3)" },
      { "string? 5", "nothing may follow here but | and ? (column 9)" },
      { "string string", "nothing may follow here but | and ? (column 8)" },
      { ("["):rep(9) .. "any", "nested more than 8 deep (column 9)" },
      { "\xff", "must be UTF-8 text of at most 1024 bytes" },
      { ("x"):rep(1025), "must be UTF-8 text of at most 1024 bytes" },
      { ("a|"):rep(300) .. "a", "more than 256 to choose from (column 514)" },
    }
    for _, case in ipairs(cases) do assert.equal(case[2], refused(case[1])) end
  end)

  it("puts an object together that has no other members", function()
    local json = shape.object {
      { "text", "string 1..500" }, { "qty", "integer >=1" }, { "side", "buy|sell" }, { "note", "string?" },
      { "at", schema = shape.object { { "x", "number" } }, optional = true },
    }
    assert.equal([[{"type":"object","properties":{"text":{"type":"string","minLength":1,"maxLength":500},]]
      .. [["qty":{"type":"integer","minimum":1},"side":{"enum":["buy","sell"]},"note":{"type":"string"},]]
      .. [["at":{"type":"object","properties":{"x":{"type":"number"}},"required":["x"],"additionalProperties":false}},]]
      .. [["required":["text","qty","side"],"additionalProperties":false}]], json)
    local s = assert(schema.new(json))
    assert.is_true((s:check [[{"text":"a","qty":1,"side":"buy"}]]))
    assert.is_true((s:check [[{"text":"a","qty":1,"side":"sell","note":"","at":{"x":1}}]]))
    for value, why in pairs {
      [ [[{"text":"a","qty":0,"side":"buy"}]] ] = "/qty: minimum 1, got number 0",
      [ [[{"text":"a","qty":1}]] ] = [[the value: required "side", got object of 2 members]],
      [ [[{"text":"a","qty":1,"side":"buy","nte":""}]] ] =
        [[/nte: additionalProperties false, did you mean "note"?, got string of 0 characters]],
      [ [[{"text":"a","qty":1,"side":"buy","at":{}}]] ] = [[/at: required "x", got object of 0 members]],
    } do
      assert.equal(why, select(2, s:check(value)))
    end
    assert.equal([[{"type":"object","properties":{},"additionalProperties":false}]], (shape.object {}))
  end)

  it("names the field that is wrong", function()
    local json, why = shape.object { { "a", "string" }, { "side", "bool" } }
    assert.is_nil(json)
    assert.equal([[side: there is no type "bool"; a single string to choose is 'bool' (column 1)]], why)
  end)
end)
