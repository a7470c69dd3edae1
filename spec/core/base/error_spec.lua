local errors = require "room.error"

describe("an error", function()
  it("has a code, a sentence, and no incident of before", function()
    assert.same({ false, 400, "no|7", false, "" }, { errors.fail(400, "no", 7) })
    assert.same({ false, 103, "permission denied", false, "" }, { errors.fail_code(103) })
  end)

  it("tells a client to try again where the list says so", function()
    assert.is_true((select(4, errors.fail(111, "x", 1))))
    assert.is_true((select(4, errors.fail_code(100))))
    assert.is_false((select(4, errors.fail(1999, "x", 1))))
  end)

  it("is cut where it is too long, never in the middle of a character", function()
    for lead = 0, 3 do
      local text = select(3, errors.fail(400, ("x"):rep(lead) .. ("€"):rep(2000), 1))
      assert.is_true(#text < errors.text_max)
      assert.is_true(#text >= errors.text_max - 8)
      assert.is_truthy(utf8.len(text), "cut in the middle of a character")
    end
  end)

  it("has one name and one number of its own", function()
    local names, numbers = {}, {}
    for _, code in ipairs(errors.codes()) do
      local name, number, text = code[1], code[2], code[3]
      assert.is_nil(names[name])
      assert.is_nil(numbers[number])
      names[name], numbers[number] = true, true
      assert.truthy(name:find "^%u[%u_]+$")
      assert.truthy(#text > 0)
    end
    assert.is_true(names.PERMISSION_DENIED)
  end)

  it("has no name when it is an application's own, and is called rejected", function()
    assert.is_nil(errors.name(1234))
    assert.equal("rejected", errors.text(1234))
    assert.equal("UNKNOWN_CHANNEL", errors.name(102))
  end)
end)

describe("a close code", function()
  it("always has a reason, which is no JSON: clients depend on it", function()
    for _, code in ipairs(errors.close_codes()) do
      local text = errors.close_text(code)
      assert.truthy(text:find "^%l[%l ]+$", text)
      assert.is_true(#text <= 123)
    end
    assert.is_true(#errors.close_text(4242) > 0)
    assert.is_true(#errors.close_text(0) > 0)
  end)
end)
