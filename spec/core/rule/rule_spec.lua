local rule = require "room.rule"

local PARAMS = { "tenant", "room" }

local function compile(text)
  local r, why = rule.new(text, PARAMS)
  return r or error(text .. ": " .. tostring(why), 2)
end

local function refused(text)
  local r, why = rule.new(text, PARAMS)
  assert.is_nil(r, text)
  return why
end

local ANN = {
  user = "ann",
  roles = [=[["ops", "m\u006fd"]]=],
  claims = [[{"tenant":"acme","age":30,"score":2.5,"big":9007199254740993,"ok":true,"no":false,"gone":null,
    "rooms":["lobby","caf\u00e9",7,null,true,2.0],"by":{"lobby":1,"a\"b":2},"a":{"b":{"c":"deep"}},
    "esc":"caf\u00e9","quote":"\"","huge":18446744073709551615,"beyond":18446744073709551616}]],
  ip = "10.0.0.7",
  names = PARAMS,
  values = { "acme", "lobby" },
}
local NOBODY = { user = "", ip = "10.0.0.8", names = PARAMS, values = { "acme", "lobby" } }

local function allows(text, facts)
  local r = compile(text)
  local loudly = r:allows(facts or ANN)
  assert.equal(loudly, (r:allows(facts or ANN, true)), text)
  return loudly
end

local function why(text, facts)
  return select(2, compile(text):allows(facts or ANN))
end

local function all(answer, texts, facts)
  for _, text in ipairs(texts) do
    assert.equal(answer, allows(text, facts), text)
  end
end

local function is_error(text)
  assert.is_false(allows(text), text)
  assert.matches("error, so a no", why(text))
end

describe("rule/rule", function()
  it("lets anyone in, or those who are known, or nobody", function()
    all(true, { "anyone", "user", "not nobody", "user.id == 'ann'" })
    all(false, { "nobody", "not user", "not anyone" })
    all(true, { "anyone", "not user", [[user.id == ""]] }, NOBODY)
    all(false, { "nobody", "user" }, NOBODY)
  end)

  it("knows the roles", function()
    all(true, { "role.ops", "role.mod", "role.x or role.ops", "role.ops and role.mod" })
    all(false, { "role.op", "role.opsx", "role.admin", "role.ops and role.x" })
    all(false, { "role.ops" }, NOBODY)
    all(false, { "role.ops" }, { user = "x", roles = "[]" })
    all(true, { "role.in and role.user" }, { user = "x", roles = [=[["in","user"]]=] })
  end)

  it("looks into the claims by path, and finds nil where nothing is", function()
    all(true, {
      [[claims.tenant == "acme"]], [[claims.a.b.c == "deep"]], "claims.ok", "claims.ok == true", "claims.gone == nil",
      "claims.nothing == nil", "claims.a.x.y == nil", "claims.tenant.x == nil", "claims.no == false", "not claims.no",
      "claims.age", "claims.rooms", "claims.quote == '\"'",
    })
    all(false, { "claims.nothing", "claims.gone", "claims.no", "claims.a.x" })
    all(true, { "claims.a == nil" }, NOBODY)
  end)

  it("looks into the message where it is a rule of one, and knows nobody there", function()
    local msg = [[{"public":true,"cost":12.5,"by":{"t\u0065am":"red"},"tags":["a"],"public":false,"huge":18446744073709551616}]]
    local function judged(text, of)
      return (assert(rule.new(text, PARAMS, true)):allows { msg = of or msg, names = PARAMS, values = { "acme", "lobby" } })
    end
    for _, text in ipairs { "msg.public == false", "msg.cost > 12", "msg.by.team == 'red'", "'a' in msg.tags", "msg.nope == nil",
      "msg", "'cost' in msg", "params.room == 'lobby' and not msg.public" } do
      assert.is_true(judged(text), text)
    end
    for _, text in ipairs { "msg.public", "msg.by.team == 'blue'", "msg.by > 1", "msg.huge > 1", "msg.cost.x" } do
      assert.is_false(judged(text), text)
    end
    assert.is_true(judged("msg > 41", "42"))
    assert.is_true(judged("msg == nil", "null"))
    for _, text in ipairs { "user", "user.id == 'ann'", "role.ops", "claims.a", "ip == '1'", "anyone", "nobody" } do
      local _, reason = rule.new("msg.a and " .. text, PARAMS, true)
      assert.matches("asked once a message, for all who hear it: it has msg and params; %w+ is for `when` %(column 11%)", reason)
    end
    assert.matches("did you mean 'msg'", select(2, rule.new("mgs.a", PARAMS, true)))
    assert.matches("msg is for `where` of a view %(column 5%)", refused "not msg.a")
  end)

  it("knows the parameters of the channel and the address", function()
    all(true, { "params.tenant == claims.tenant", "params.room == 'lobby'", "ip == '10.0.0.7'" })
    all(false, { "params.room == claims.tenant", "ip ~= '10.0.0.7'" })
  end)

  it("finds a parameter by its name when the names come in another order, or not at all", function()
    local turned = { user = "u", names = { "room", "tenant" }, values = { "r", "t" } }
    all(true, { "params.room == 'r'", "params.tenant == 't'" }, turned)
    all(true, { "params.room == nil" }, { user = "u" })
  end)

  it("has every comparison", function()
    all(true, {
      "1 == 1", "1 ~= 2", "1 < 2", "1 <= 1", "2 > 1", "2 >= 2", "-1 < 0", "-3.5 < -3", "1e2 == 100", "2.0 == 2",
      "'a' < 'b'", "'a' < 'ab'", "'' < 'a'", "'b' >= 'ab'", [["x" == 'x']], "true == true", "nil == nil", "1 == 1.0",
      "claims.age >= 18", "claims.score == 2.5", "claims.score > 2", "2 < claims.score", "claims.age == 30.0",
      "claims.esc == 'café'", "claims.esc > 'caf'", "claims.esc <= claims.esc",
    })
    all(false, {
      "1 == 2", "1 ~= 1", "2 < 1", "2 <= 1", "1 > 2", "1 >= 2", "1 < 1", "1 > 1", "'b' < 'a'", "true == false",
      "claims.esc ~= 'café'",
    })
  end)

  it("compares whole numbers of 64 bits exactly", function()
    all(true, {
      "claims.big == 9007199254740993", "claims.big > 9007199254740992.0", "9007199254740992 == 9007199254740992.0",
      "9223372036854775807 < 9223372036854775808.0", "claims.huge == 18446744073709551615",
      "claims.huge < 18446744073709551616.0", "claims.huge > 18446744073709551614",
      "-9223372036854775808 == -9223372036854775808.0", "-9223372036854775808 > -1e30", "9223372036854775808 > -1",
    })
    all(false, { "claims.big == 9007199254740992", "claims.big == 9007199254740992.0" })
    is_error "claims.beyond == claims.beyond"
    is_error "claims.beyond ~= 1"
    is_error "not (claims.beyond == 1)"
    assert.matches("beyond 64 bits", refused "18446744073709551616 == 1")
    assert.matches("beyond 64 bits", refused "1 < 1e999")
    assert.matches("beyond 64 bits", refused("1 < 1." .. ("0"):rep(200)))
    assert.is_false(allows("claims.n == 1 or claims.n ~= 1", { claims = '{"n":1.' .. ("0"):rep(200) .. "}" }))
  end)

  it("finds different kinds different, and gives them no order", function()
    all(true, { "1 ~= '1'", "nil ~= false", "claims.tenant ~= 1", "true ~= 'true'", "claims.nothing ~= 0" })
    all(false, { "1 == '1'", "nil == false", "0 == false", "'' == nil" })
    for _, text in ipairs {
      "1 < '2'", "nil < 1", "true < false", "claims.nothing < 1", "'a' >= nil", "claims.a < 1", "not (1 < '2')",
      "1 < '2' or anyone", "nobody or not (nil > 1)",
    } do
      is_error(text)
    end
  end)

  it("does not compare arrays and objects", function()
    for _, text in ipairs {
      "claims.rooms == claims.rooms", "claims.a ~= 1", "1 ~= claims.a", "claims.rooms == nil", "claims.a < claims.a",
      "claims.a in claims.rooms", "not (claims.rooms == 1)",
    } do
      is_error(text)
    end
  end)

  it("finds things in arrays and keys in objects", function()
    all(true, {
      "params.room in claims.rooms", "'café' in claims.rooms", "7 in claims.rooms", "7.0 in claims.rooms",
      "2 in claims.rooms", "nil in claims.rooms", "true in claims.rooms", "params.room in claims.by",
      [['a"b' in claims.by]], "'c' in claims.a.b", "not ('x' in claims.rooms)", "claims.esc in claims.rooms",
    })
    all(false, { "'x' in claims.rooms", "'7' in claims.rooms", "8 in claims.rooms", "false in claims.rooms",
      "1 in claims.by", "nil in claims.by", "'a' in claims.by" })
    for _, text in ipairs { "1 in 2", "'a' in 'abc'", "'a' in nil", "'a' in claims.nothing", "'x' in claims.tenant",
      "not ('a' in claims.nothing)" } do
      is_error(text)
    end
  end)

  it("binds as Lua does: or, and, comparison, not", function()
    all(true, {
      "anyone or nobody and nobody", "nobody and nobody or anyone", "not nobody and anyone", "not nobody or nobody",
      "1 < 2 == true", "not 1 == false", "1 == 1 and 2 == 2", "not not anyone", "(anyone or nobody) and anyone",
      "1 < 2 and 2 < 3 or nobody", "nobody == not anyone", "'lobby' in claims.rooms == true",
    })
    all(false, { "(anyone or nobody) and nobody", "not (anyone or nobody)", "not anyone or nobody", "not 1 == 1" })
  end)

  it("gives operands, as Lua does", function()
    all(true, { "(claims.nothing or 'acme') == claims.tenant", "(claims.ok and 5) == 5", "(nil and 1) == nil",
      "0", "''", "(false or nil) == nil", "(1 and 2 and 3) == 3", "(nil or false or 'x') == 'x'" })
    all(false, { "nil", "false", "claims.ok and nil" })
  end)

  it("does not look further once the answer is there", function()
    all(true, { "anyone or 1 < 'x'", "nobody and 1 < 'x' or anyone" })
    all(false, { "nobody and 1 < 'x'" })
    is_error "1 < 'x' or anyone"
  end)

  it("explains itself with the values", function()
    local ann = { user = "ann", claims = [[{"tenant":"acme"}]], names = { "tenant" }, values = { "evil" } }
    assert.equal([[claims.tenant == params.tenant -> "acme" == "evil" -> false]],
      why("claims.tenant == params.tenant", ann))
    assert.equal("anyone -> true", why "anyone")
    assert.equal("role.admin -> false", why "role.admin")
    assert.equal("role.admin or role.ops -> false or true -> true", why "role.admin or role.ops")
    assert.equal("(user and not role.x) == true -> (true and not false) == true -> true",
      why "(user and not role.x) == true")
    assert.equal("claims.nothing -> nil -> false", why "claims.nothing")
    assert.equal("claims.score -> 2.5 -> true", why "claims.score")
    assert.equal([[user.id == 'ann' -> "ann" == 'ann' -> true]], why "user.id == 'ann'")
    assert.equal([[user.id -> "" -> true]], why("user.id", NOBODY))
    assert.equal([['c' in claims.a.b -> 'c' in {"c":"deep"} -> true]], why "'c' in claims.a.b")
    assert.equal("1 == 2 -> false", why "1 == 2")
  end)

  it("explains an error as the no that it is", function()
    assert.equal([[claims.age > "5" -> 30 > "5" -> error, so a no: a number and a text have no order]],
      why [[claims.age > "5"]])
    assert.equal([[claims.a == 1 -> {"b":{"c":"deep"}} == 1 -> error, so a no: an object cannot be compared]],
      why "claims.a == 1")
    assert.equal([['a' in claims.no -> 'a' in false -> error, so a no: ]]
      .. "nothing is in a boolean, only in an array or an object", why "'a' in claims.no")
    assert.equal("claims.beyond == 1 -> ? == 1 -> error, so a no: claims.beyond is a number beyond 64 bits",
      why "claims.beyond == 1")
    assert.matches("a number and a text have no order$", why "1 < 'x' or claims.beyond")
  end)

  it("cuts long values in its explanation, and keeps it one line of valid text", function()
    local claims = '{"long":"' .. ("ä"):rep(200) .. '","list":[\n"a",\r\n"b"]}'
    local text = why("claims.long == 'x'", { user = "u", claims = claims })
    assert.is_true(#text < 200)
    assert.matches("%.%.%. == 'x' %-> false$", text)
    assert.is_truthy(utf8.len(text))
    assert.equal([['b' in claims.list -> 'b' in ["a","b"] -> true]],
      why("'b' in claims.list", { user = "u", claims = claims }))
    assert.is_truthy(utf8.len((why("ip == 'x'", { ip = "\255\n" }))))
    assert.is_nil(why("user.id == 'x'", { user = "a\nb" }):find "\n")
  end)

  it("reads texts in either quotes, with escapes", function()
    all(true, {
      [["it's" == 'it\'s']], [['"' == "\""]], [["\\" == '\\']], [["a\nb" ~= "anb"]], [["" == '']],
      [["tab\t" == 'tab\t']], [["é" == 'é']],
    })
    assert.equal([[in a text, \ is for \\ \" \' \n \t \r (column 3)]], refused [["a\q"]])
    assert.equal("this text has no closing \" (column 9)", refused [[user == "abc]])
    assert.matches("no closing", refused [["abc\"]])
    assert.matches("no closing", refused [["\]])
    assert.matches("no closing '", refused [[']])
  end)

  it("says where a rule stops making sense", function()
    assert.equal("expected a value after 'and' (column 12)", refused "anyone and ")
    assert.equal("expected a value after 'and', not ')' (column 13)", refused "(anyone and )")
    assert.equal("expected a value, not '==' (column 1)", refused "== 1")
    assert.equal("expected a value after 'not' (column 4)", refused "not")
    assert.equal("expected a value after '(' (column 2)", refused "(")
    assert.equal("expected a value after '(', not ')' (column 2)", refused "()")
    assert.equal("expected an operator such as 'and' after 'anyone', not 'anyone' (column 8)", refused "anyone anyone")
    assert.equal("expected an operator such as 'and' after 'user.id', not 'not' (column 9)",
      refused "user.id not in claims.a")
    assert.equal("this ')' has no '(' (column 7)", refused "anyone)")
    assert.equal("this '(' has no ')' (column 1)", refused "(anyone")
    assert.equal("expected ')' or an operator after 'anyone', not '1' (column 9)", refused "(anyone 1)")
    assert.equal("the rule is empty: write 'anyone' or 'nobody'", refused "")
    assert.equal("the rule is empty: write 'anyone' or 'nobody'", refused " \n\t ")
    assert.equal("'#' has no meaning in a rule (column 1)", refused "#x")
    assert.equal("'#' has no meaning in a rule (column 2)", refused "(#")
    assert.equal("'#' has no meaning in a rule (column 5)", refused "not #")
    assert.equal("byte 0xc3 has no meaning in a rule (column 9)", refused "user == é")
    assert.equal("byte 0x00 has no meaning in a rule (column 7)", refused "anyone\0")
    assert.equal("expected a name after 'claims.' (column 8)", refused "claims.")
    assert.equal("expected a name after 'claims.' (column 8)", refused "claims..a")
    for _, number in ipairs { "007", "1.", ".5", "1e", "-", "1.2.3", "12abc", "0x10", "--1", "- 1" } do
      refused(number .. " == 1")
    end
  end)

  it("knows what other languages write", function()
    assert.equal("write '==' instead of '=' (column 9)", refused "user.id = 'x'")
    assert.equal("write '~=' instead of '!=' (column 9)", refused "user.id != 'x'")
    assert.equal("write 'and' instead of '&&' (column 6)", refused "user && user")
    assert.equal("write 'or' instead of '||' (column 6)", refused "user || user")
    assert.equal("write 'not' instead of '!' (column 1)", refused "!user")
  end)

  it("asks whether another name was meant", function()
    assert.equal("unknown name 'anyon' (column 1); did you mean 'anyone'?", refused "anyon")
    assert.equal("unknown name 'claim' (column 6); did you mean 'claims'?", refused "1 == claim.tenant")
    assert.equal("unknown name 'roles' (column 1); did you mean 'role'?", refused "roles.admin")
    assert.equal("unknown name 'moderator' (column 1): a text stands in quotes, a role is role.moderator",
      refused "moderator")
    assert.equal("the channel's name has no {rom} (column 8); did you mean 'params.room'?", refused "params.rom")
    assert.equal("the channel's name has no {zzzzzz} (column 8)", refused "params.zzzzzz")
    assert.matches("has no {room}", select(2, rule.new("params.room", {})), 1, true)
    assert.equal("write claims.NAME, with one name or more (column 1)", refused "claims")
    assert.equal("write role.NAME, with one name (column 1)", refused "role")
    assert.equal("write role.NAME, with one name (column 1)", refused "role.a.b")
    assert.equal("write params.NAME, with one name (column 1)", refused "params.room.x")
    assert.equal("a user has an id only: user.id (column 1)", refused "user.name")
    refused "ip.x"
    refused "true.x"
    refused "and.x"
  end)

  it("refuses to compare `user`, which is a yes or no, with a name", function()
    for _, text in ipairs { "user == 'ann'", "claims.owner == user", "user in claims.members", "params.room ~= user" } do
      assert.matches("'user' is only true or false: compare user.id", refused(text))
    end
    all(true, { "user == true", "user == anyone" })
  end)

  it("bounds how long and how deep a rule may be", function()
    all(true, { ("("):rep(64) .. "anyone" .. (")"):rep(64), ("not "):rep(62) .. "anyone" })
    assert.matches("nested deeper than 64", refused(("("):rep(65) .. "anyone" .. (")"):rep(65)))
    assert.matches("nested deeper than 64", refused(("not "):rep(65) .. "anyone"))
    assert.matches("nested deeper than 64", refused(("1 == "):rep(70) .. "1"))
    assert.matches("nested deeper than 64", refused(("("):rep(4096)))
    assert.matches("4097 bytes, and 4096", refused(("x"):rep(4097)))
    local chain = ("nobody or "):rep(400) .. "anyone"
    all(true, { chain, ("anyone and "):rep(370) .. "anyone" })
    all(false, { ("nobody or "):rep(400) .. "nobody" })
    assert.is_true(allows((" "):rep(4090) .. "anyone"))
  end)

  it("answers as Lua does over thousands of random expressions", function()
    math.randomseed(23)
    local numbers = { "0", "1", "-1", "2.5", "1e2", "9007199254740993", "9007199254740992.0", "9223372036854775807" }
    local texts = { '""', '"a"', '"b"', '"ab"', '"café"', '"a\\"b"' }
    local json = { n = "1", f = "2.5", b = "9007199254740993", s = [["a"]], e = [["caf\u00e9"]], q = [["a\"b"]],
      t = "true", u = "false", z = "null" }
    local values = { n = 1, f = 2.5, b = 9007199254740993, s = "a", e = "café", q = 'a"b', t = true, u = false }
    local claims, names = {}, {}
    for name, text in pairs(json) do
      claims[#claims + 1] = '"' .. name .. '":' .. text
      names[#names + 1] = "claims." .. name
      names[#names + 1] = "claims.deep." .. name
    end
    table.sort(names)
    local object = table.concat(claims, ",")
    local facts = { user = "a", ip = "b", roles = [=[["x"]]=], claims = "{" .. object .. ',"deep":{' .. object .. "}}",
      names = PARAMS, values = { "ab", "café" } }
    local deep = {}
    for name, value in pairs(values) do
      deep[name] = value
    end
    values.deep = deep
    local env = { anyone = true, nobody = false, user = { id = "a" }, ip = "b", role = { x = true, y = false },
      claims = values, params = { tenant = "ab", room = "café" } }
    local others = { "anyone", "nobody", "user.id", "ip", "role.x", "role.y", "params.tenant", "params.room", "true",
      "false", "nil", "claims.absent" }
    local signs = { " == ", " ~= ", "<", " <= ", ">", " >= ", " and ", " or ", " and ", " or " }

    local function pick(list)
      return list[math.random(#list)]
    end
    local function expression(depth)
      local kind = math.random(depth > 0 and 9 or 4)
      if kind <= 4 then
        return pick(({ numbers, texts, names, others })[kind])
      elseif kind == 5 then
        return "not " .. expression(depth - 1)
      elseif kind == 6 then
        return "(" .. expression(depth - 1) .. ")"
      end
      return expression(depth - 1) .. pick(signs) .. expression(depth - 1)
    end

    local count = { [true] = 0, [false] = 0, error = 0 }
    for _ = 1, 20000 do
      local text = expression(5)
      local ok, answer = pcall(assert(load("return " .. text, text, "t", env)))
      local expected = ok and not not answer
      local kind = not ok and "error" or expected
      count[kind] = count[kind] + 1
      local r = compile(text)
      local got, reason = r:allows(facts)
      if got ~= expected or got ~= r:allows(facts, true) or ok == (reason:find("error, so a no", 1, true) ~= nil) then
        error(("%s: Lua says %s, the rule %s"):format(text, tostring(answer), reason))
      end
    end
    assert.is_true(count[true] > 2000, count[true])
    assert.is_true(count[false] > 2000, count[false])
    assert.is_true(count.error > 2000, count.error)
  end)
end)
