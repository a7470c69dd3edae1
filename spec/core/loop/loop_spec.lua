local loops = require "room.loop"

describe("a loop", function()
  local loop

  before_each(function() loop = loops.new() end)
  after_each(function() loop:finish() end)

  it("turns without waiting when there is nothing to do", function()
    for _ = 1, 10 do loop:turn() end
  end)

  it("runs until a callback stops it", function()
    local reader, writer = loops.pipe()
    local read
    loop:poll(reader, function()
      read = loops.read_fd(reader)
      loop:stop()
    end)
    loops.write_fd(writer, "hello")
    loop:run()
    assert.equal("hello", read)
    loop:stop_polling()
    loops.close_fd(reader)
    loops.close_fd(writer)
  end)

  it("calls back again as long as something is left to read", function()
    local reader, writer = loops.pipe()
    local calls = 0
    loop:poll(reader, function()
      calls = calls + 1
      if calls == 3 then loops.read_fd(reader) end
    end)
    loops.write_fd(writer, "x")
    for _ = 1, 10 do loop:turn() end
    assert.equal(3, calls)
    loop:stop_polling()
    loops.close_fd(reader)
    loops.close_fd(writer)
  end)

  it("does not close the descriptor it polls, and polls no more once told so", function()
    local reader, writer = loops.pipe()
    local calls = 0
    loop:poll(reader, function()
      calls = calls + 1
      loop:stop_polling() -- from its own callback
    end)
    loops.write_fd(writer, "x")
    for _ = 1, 5 do loop:turn() end
    assert.equal(1, calls)
    assert.equal("x", loops.read_fd(reader))
    assert.is_true(loops.close_fd(reader))
    assert.is_true(loops.close_fd(writer))
  end)

  it("notices the other end's closing", function()
    local reader, writer = loops.pipe()
    local calls = 0
    loop:poll(reader, function()
      calls = calls + 1
      loop:stop_polling()
    end)
    loops.close_fd(writer)
    loop:turn()
    assert.equal(1, calls)
    loops.close_fd(reader)
  end)

  it("has an end to every turn, before it waits and after what woke it", function()
    local reader, writer = loops.pipe()
    local happened = {}
    loop:at_turn_end(function() happened[#happened + 1] = "end" end)
    loop:poll(reader, function()
      loops.read_fd(reader)
      happened[#happened + 1] = "read"
    end)
    loops.write_fd(writer, "x")
    loop:turn()
    assert.same({ "end", "read", "end" }, happened)
    loop:stop_polling()
    loops.close_fd(reader)
    loops.close_fd(writer)
  end)

  it("has a clock that stands still within a turn and never goes back", function()
    loop:turn()
    local before = loop:now()
    loops.sleep(30)
    assert.equal(before, loop:now())
    loop:turn()
    assert.is_true(loop:now() >= before + 29)
  end)

  it("hands over the signals that end or reload a server", function()
    local numbers = {}
    loop:signals(function(number) numbers[#numbers + 1] = number end)
    for count, number in ipairs { 15, 2, 1 } do
      loops.raise(number)
      for _ = 1, 2000 do
        loop:turn()
        if #numbers == count then break end
        loops.sleep(1)
      end
    end
    assert.same({ 15, 2, 1 }, numbers)
  end)

  it("has destructors that take nothing", function()
    loops.destroy_nothing()
  end)
end)
