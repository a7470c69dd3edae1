local secret = require "room.secret"

describe("auth/secret", function()
  it("finds a secret equal to itself and to nothing else", function()
    assert.is_true(secret.is_equal("hunter2", "hunter2"))
    assert.is_true(secret.is_equal("", ""))
    assert.is_true(secret.is_equal("a\0b", "a\0b"))
    assert.is_false(secret.is_equal("hunter2", "hunter3"))
    assert.is_false(secret.is_equal("hunter2", "hunter"))
    assert.is_false(secret.is_equal("xunter2", "hunter2"))
    assert.is_false(secret.is_equal("a\0b", "a\0c"))
    assert.is_false(secret.is_equal("", "a"))
  end)

  it("draws as many random bytes as asked, and others each time", function()
    assert.equal("", secret.bytes(0))
    assert.equal(1, #secret.bytes(1))
    assert.equal(100000, #secret.bytes(100000))
    assert.not_equal(secret.bytes(16), secret.bytes(16))
  end)

  it("draws every byte value", function()
    local seen, kinds = {}, 0
    for byte in secret.bytes(65536):gmatch "." do
      if not seen[byte] then
        seen[byte], kinds = true, kinds + 1
      end
    end
    assert.equal(256, kinds)
  end)

  it("makes version 4 UUIDs, all of them different", function()
    local seen, shape = {}, "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"
    for _ = 1, 5000 do
      local id = secret.uuid()
      assert.equal(36, #id)
      assert.matches(shape, id)
      assert.equal(id:lower(), id)
      assert.is_nil(seen[id])
      seen[id] = true
    end
  end)
end)
