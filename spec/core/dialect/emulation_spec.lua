local parse = require("room.emulation").parse

describe("the body of a request with commands", function()
  it("is a session, a node and lines, in any order and with more beside", function()
    assert.same({ "s", "n", "{}" }, { parse '{"session":"s","node":"n","data":"{}"}' })
    assert.same({ "s", "n", "{}" }, { parse ' {"data":"{}", "x":[{}], "node":"n" , "session":"s","y":null} ' })
    assert.same({ "", "", "" }, { parse '{"session":"","node":"","data":""}' })
  end)

  it("has its texts decoded, all three at once", function()
    assert.same({ 's"\u{e9}', "n\\", '{"id":1}\n{"id":2}' },
      { parse '{"session":"s\\"\\u00e9","node":"n\\\\","data":"{\\"id\\":1}\\n{\\"id\\":2}"}' })
    assert.same({ "a", "b", "\u{1F600}\u{FFFD}\0" }, { parse '{"session":"\\u0061","node":"b","data":"\\ud83d\\ude00\\ud800\\u0000"}' })
    local long = ('\\"'):rep(10000)
    assert.same({ ('"'):rep(10000), "b", ('"'):rep(10000) }, { parse(('{"session":"%s","node":"b","data":"%s"}'):format(long, long)) })
  end)

  it("counts its last text where a name is repeated", function()
    assert.same({ "2", "n", "d" }, { parse '{"session":"\\u0031","node":"n","session":"2","data":"d"}' })
  end)

  it("is nothing else", function()
    for _, bad in ipairs { "", "null", "[]", '"x"', "{}", '{"session":"s","node":"n"}', '{"session":"s","data":"d"}',
      '{"node":"n","data":"d"}', '{"session":null,"node":"n","data":"d"}', '{"session":"s","node":1,"data":"d"}',
      '{"session":"s","node":"n","data":{}}', '{"session":"s","node":"n","data":"d"} x', '{"session":"s","node":"n","data":"d"',
      '{"session":"s","node":"n","data":"\n"}', '{"session":"s","node":"n","data":"\xff"}', '{"session":"s","node":"n","data":"\\x"}' } do
      assert.is_nil(parse(bad), bad)
    end
  end)
end)
