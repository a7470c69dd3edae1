local frames = require "room.outbox"

describe("an outbox", function()
  local function waiting(box)
    local list, n = {}, 0
    while box:peek(n) do
      list[#list + 1] = box:peek(n)
      n = n + 1
    end
    return list
  end

  it("is empty at first", function()
    local box = frames.new(100)
    assert.same({ 0, 0, true, 0 }, { box:size() })
    assert.is_nil(box:peek(0))
    assert.equal(0, box:age(12345))
    assert.is_false(box:sent(0))
  end)

  it("keeps frames in order, with a reference of its own to each", function()
    local box = frames.new(100)
    local a, b = frames.plain "aa", frames.plain "bbb"
    assert.is_true(box:push(a))
    assert.is_true(box:push(b))
    assert.is_true(box:push(a))
    assert.same({ "aa", "bbb", "aa" }, waiting(box))
    assert.equal(3, a:refs())
    assert.equal(2, b:refs())
    box:sent(2)
    assert.equal(2, a:refs())
    box:finish()
    assert.equal(1, a:refs())
    assert.equal(1, b:refs())
  end)

  it("says no past its bytes, and keeps nothing of what it refused", function()
    local box = frames.new(10)
    local frame = frames.plain "12345"
    assert.is_true(box:push(frame))
    assert.is_true(box:push(frame))
    assert.is_false(box:push(frames.plain "1"))
    assert.is_false(box:push(frame))
    assert.equal(3, frame:refs())
    local count, bytes = box:size()
    assert.same({ 2, 10 }, { count, bytes })
    box:sent(1)
    assert.is_true(box:push(frames.plain "1"))
  end)

  it("takes any frame when it is empty", function()
    local box = frames.new(10)
    assert.is_true(box:push(frames.plain(("x"):rep(5000))))
    assert.is_false(box:push(frames.plain "1"))
    box:sent(4999)
    assert.is_true(box:push(frames.plain "123456789"))
    assert.is_false(box:push(frames.plain "1"))
  end)

  it("takes a last word whatever waits", function()
    local box = frames.new(1)
    box:push(frames.plain "full")
    box:push_last(frames.close(3008, "slow"))
    assert.equal(2, (box:size()))
  end)

  it("remembers how much of the first frame has gone", function()
    local box = frames.new(100)
    box:push(frames.plain "abcdef")
    box:push(frames.plain "ghi")
    box:sent(4)
    assert.same({ "ef", "ghi" }, waiting(box))
    box:sent(1)
    assert.same({ "f", "ghi" }, waiting(box))
    box:sent(2)
    assert.same({ "hi" }, waiting(box))
    box:sent(2)
    assert.same({}, waiting(box))
  end)

  it("says when the last frame has gone, not before", function()
    local box = frames.new(100)
    box:push(frames.plain "abc")
    local close = frames.close(1000, "")
    box:push_last(close)
    local all = 3 + #close:bytes()
    assert.is_false(box:sent(3))
    assert.is_false(box:sent(all - 4))
    assert.is_true(box:sent(1))
    box:push(frames.plain "a")
    box:push_last(close)
    assert.is_true(box:sent(all - 2))
  end)

  it("forgets what waits but not a frame that has gone in part", function()
    local box = frames.new(100)
    local a, b = frames.plain "aaaa", frames.plain "bbbb"
    box:push(a)
    box:push(b)
    box:drop_waiting()
    local count, bytes, is_empty = box:size()
    assert.same({ 0, 0, true }, { count, bytes, is_empty })
    assert.equal(1, a:refs())
    box:push(a)
    box:push(b)
    box:sent(1)
    box:drop_waiting()
    assert.same({ "aaa" }, waiting(box))
    assert.equal(1, b:refs())
    box:push(b)
    assert.is_false(box:sent(3))
    assert.same({ "bbbb" }, waiting(box))
  end)

  it("knows the age of its oldest frame, also when the clock's low bits start over", function()
    local box = frames.new(100)
    box:push(frames.plain "a", 1000)
    box:push(frames.plain "b", 1500)
    assert.equal(600, box:age(1600))
    box:sent(1)
    assert.equal(100, box:age(1600))
    box:sent(1)
    assert.equal(0, box:age(1600))
    box:push(frames.plain "c", 0xffffffff)
    assert.equal(11, box:age(0xffffffff + 11))
  end)

  it("is small again after a burst", function()
    local box = frames.new(1 << 20)
    for _ = 1, 1000 do box:push(frames.plain "x") end
    assert.is_true(select(4, box:size()) >= 1000)
    box:sent(1000)
    assert.is_true(select(4, box:size()) <= 16)
  end)

  it("agrees with a list of strings", function()
    math.randomseed(11)
    local box, limit, model, bytes, gone = frames.new(500), 500, {}, 0, 0
    for step = 1, 20000 do
      local dice = math.random(100)
      if dice <= 55 then
        local text = ("%d"):format(step):rep(math.random(0, 8))
        local many = #model >= 16 and #model * 64 > limit -- a frame costs more than its bytes
        local fits = #model == 0 or bytes + #text <= limit and not many
        assert.equal(fits, box:push(frames.plain(text)))
        if fits then
          model[#model + 1] = text
          bytes = bytes + #text
        end
      elseif dice <= 97 then
        local n = math.random(0, bytes)
        if dice <= 65 then n = math.min(n, 3) end
        assert.is_false(box:sent(n))
        bytes = bytes - n
        gone = gone + n
        while model[1] and gone >= #model[1] do gone = gone - #table.remove(model, 1) end
      else
        box:drop_waiting()
        for i = #model, gone > 0 and 2 or 1, -1 do model[i] = nil end
        bytes = model[1] and #model[1] - gone or 0
      end
      local frames_now, bytes_now, is_empty = box:size()
      assert.same({ #model, bytes, #model == 0 }, { frames_now, bytes_now, is_empty })
      if model[1] then assert.equal(model[1]:sub(gone + 1), box:peek(0)) end
      if model[2] then assert.equal(model[#model], box:peek(#model - 1)) end
      assert.is_nil(box:peek(#model))
    end
  end)
end)
