local clock = require "room.error"

describe("the clocks", function()
  it("go on, the one for deadlines never back", function()
    local last = clock.monotonic()
    for _ = 1, 10000 do
      local now = clock.monotonic()
      assert.is_true(now >= last)
      last = now
    end
  end)

  it("show people's time in milliseconds since 1970", function()
    local before = os.time()
    local now = clock.unix_ms()
    assert.is_true(now // 1000 >= before and now // 1000 <= os.time())
  end)
end)
