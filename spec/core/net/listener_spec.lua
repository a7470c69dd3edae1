local net = require "room.net"

describe("a listener", function()
  local open

  before_each(function() open = {} end)
  after_each(function()
    for _, fds in ipairs(open) do net.close(fds) end
  end)

  local function listen(address, count)
    local fds, bound, code = net.listen(address, count or 1)
    if fds then open[#open + 1] = fds end
    return fds, bound, code
  end

  it("chooses a port where 0 is asked for, and says which", function()
    local fds, bound = listen "127.0.0.1:0"
    assert.equal(1, #fds)
    assert.truthy(bound:find "^127%.0%.0%.1:%d+$")
    assert.not_equal("127.0.0.1:0", bound)
  end)

  it("opens one socket a worker, all on the port that the first chose", function()
    local fds = listen("127.0.0.1:0", 5)
    assert.equal(5, #fds)
    local seen = {}
    for _, fd in ipairs(fds) do
      assert.is_nil(seen[fd])
      seen[fd] = true
    end
  end)

  it("takes IPv6 in brackets, and all addresses where none is named", function()
    local _, bound = listen "[::1]:0"
    if _ then assert.truthy(bound:find "^%[::1%]:%d+$") end
    _, bound = listen ":0"
    assert.is_table(_)
    assert.truthy(bound:find ":%d+$")
  end)

  it("refuses an address in use, by us or by another, and says what to do", function()
    local _, bound = listen("127.0.0.1:0", 2)
    for _ = 1, 2 do
      local fds, why, code = listen(bound, 2)
      assert.is_nil(fds)
      assert.equal(5, code)
      assert.truthy(why:find("cannot listen on " .. bound .. ": ", 1, true), why)
      assert.truthy(why:find("is another server running? choose another address with --listen", 1, true), why)
    end
  end)

  it("can be opened again at once after it was closed", function()
    local _, bound = listen "127.0.0.1:0"
    net.close(table.remove(open))
    assert.is_table((listen(bound)))
  end)

  it("says what is wrong with an address", function()
    local _, why, code = listen "8000"
    assert.equal('cannot listen on "8000": an address looks like 127.0.0.1:8000', why)
    assert.equal(3, code)
    for _, address in ipairs { "127.0.0.1", "127.0.0.1:80000000", "127.0.0.1:http", "127.0.0.1:",
      ("x"):rep(300) .. ":80", "" } do
      local fds, reason, number = listen(address)
      assert.is_nil(fds, address)
      assert.truthy(reason:find "^cannot listen on ")
      assert.equal(3, number)
    end
  end)

  it("says when the address is not this machine's", function()
    local fds, why, code = listen "203.0.113.7:0"
    assert.is_nil(fds)
    assert.equal(5, code)
    assert.truthy(why:find("cannot listen on 203.0.113.7:0: ", 1, true), why)
  end)
end)
