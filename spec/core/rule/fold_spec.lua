local fold = require "room.fold"
local rules = require "room.rule"

describe("rule/fold", function()
  local function rule(text, of_message)
    return assert(rules.new(text, { "room", "team" }, of_message))
  end

  it("finds rules that come out the same for everybody", function()
    for text, want in pairs {
      ["nobody and role.x"] = "never", ["role.x and nobody"] = "never", ["user and not user"] = "never",
      ["role.a and not (role.b or role.a)"] = "never", ["user and (role.a and not role.a or nobody)"] = "never",
      ["anyone or role.x"] = "always", ["user or not user"] = "always", ["not nobody"] = "always",
      ["role.a or not (role.a and role.b)"] = "always", ["user.id"] = "always", ["params.room"] = "always",
      ["'staff'"] = "always", ["nil and user"] = "never", ["claims.a and not claims.a"] = "never",
      ["claims.n > 5 and not (claims.n > 5)"] = "never", ["params.room == 'a' and params.room ~= 'a' and user"] = nil,
    } do
      assert.equal(want, fold.fixed(rule(text)), text)
    end
  end)

  it("says nothing of one that depends on who asks", function()
    for _, text in ipairs { "user", "user and role.a", "user or role.a", "not user", "role.a and not role.b",
      "claims.a", "claims.a or not claims.a", -- a claim may be a number that is none: an error
      "claims.team == params.team", "user.id == params.room", "user.id == ''", "ip == '127.0.0.1'", "claims.a ~= nil",
      "claims.n >= 18", "params.room in claims.rooms", "role.a == role.b", "user == true" } do
      assert.is_nil(fold.fixed(rule(text)), text)
      assert.is_nil(fold.comparison(rule(text)), text)
    end
  end)

  it("leaves alone what is one word: that is meant", function()
    for _, text in ipairs { "anyone", "nobody", "true", "false", "nil" } do
      assert.is_nil(fold.fixed(rule(text)), text)
    end
  end)

  it("finds comparisons that come out the same, and says why", function()
    for text, want in pairs {
      ["user and params.room == 'a:b'"] = "params.room == 'a:b' never holds: {room} takes what has no ':', no '/' and no space, and is not empty",
      ["'' ~= params.room"] = "'' ~= params.room always holds: {room} takes what has no ':', no '/' and no space, and is not empty",
      ["role.a or params.room == 5"] = "params.room == 5 never holds: a text is never equal to a number",
      ["role.a == 'yes'"] = "role.a == 'yes' never holds: a boolean is never equal to a text",
      ["user.id > 5"] = "user.id > 5 never holds: a text and a number have no order",
      ["claims.n > nil"] = "claims.n > nil never holds: anything and nil have no order",
      ["not (role.a < role.b)"] = "role.a < role.b never holds: a boolean and a boolean have no order",
      ["claims.a in user.id"] = "claims.a in user.id never holds: nothing is in a text, only in an array or an object",
      ["1 == 1"] = "1 == 1 always holds: nothing in it depends on anybody",
      ["2 < 1 or user"] = "2 < 1 never holds: nothing in it depends on anybody",
      ["user.id == user.id"] = "user.id == user.id always holds: both sides are the same",
    } do
      assert.equal(want, fold.comparison(rule(text)), text)
    end
  end)

  it("knows that a parameter may be any visible text without a separator", function()
    for _, text in ipairs { "params.room == 'a.b'", "params.room == 'lobby'", "params.room ~= '{x}'", "params.room < 'a:b'",
      "params.room == claims.room", "params.room == params.team" } do
      assert.is_nil(fold.comparison(rule(text)), text)
    end
    assert.is_nil(fold.comparison(rule("msg.room == 'a:b'", true)))
  end)

  it("knows who is left when others are not let in", function()
    local staff, user, guest = rule "role.staff", rule "user", rule "not user"
    assert.is_true(fold.possible(staff, false, user, true))
    assert.is_true(fold.possible(staff, false, user, false, guest, true))
    assert.is_false(fold.possible(user, false, guest, false, staff, true))
    assert.is_false(fold.possible(user, false, rule "user and role.staff", true))
    assert.is_false(fold.possible(staff, false, staff, true))
  end)

  it("says that all is possible where there are too many parts to try", function()
    local parts = {}
    for i = 1, 12 do parts[i] = "role.r" .. i end
    local all = table.concat(parts, " and ")
    assert.is_true(fold.possible(rule(all .. " and not role.r1"), true))
  end)

  -- What is said of a rule is compared with what comes out for those who may come.
  it("is right about every rule of three words", function()
    local words = { "user", "role.a", "nobody", "anyone", "claims.n", "user.id == 'ann'" }
    local people = {}
    for _, who in ipairs { "", "ann", "ben" } do
      for _, roles in ipairs { "[]", '["a"]' } do
        for _, claims in ipairs { "{}", '{"n":1}', '{"n":false}', '{"n":99999999999999999999999}' } do
          people[#people + 1] = { user = who, roles = roles, claims = claims, ip = "1.2.3.4", names = {}, values = {} }
        end
      end
    end
    local told = 0
    for _, a in ipairs(words) do
      for _, b in ipairs(words) do
        for _, c in ipairs(words) do
          for _, form in ipairs { "%s and not (%s or %s)", "%s or not %s and %s", "not %s and (%s or %s)", "(%s and %s) == (%s)" } do
            local text = form:format(a, b, c)
            local fixed, one = fold.fixed(rule(text)), rule(text)
            told = told + (fixed and 1 or 0)
            for _, who in ipairs(people) do
              if fixed then assert.equal(fixed == "always", one:allows(who, true), text) end
            end
          end
        end
      end
    end
    assert.is_true(told > 100)
  end)
end)
