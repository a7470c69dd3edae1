-- `make bench` without the measuring: what it would run, and what its page makes of figures.
package.path = "spec/bench/?.lua;" .. package.path
local page = require "page"
local peers = require "peers"
local rows = require "rows"
local server = require "server"
local servers = require "servers"

local function find(list, name)
  for _, each in ipairs(list) do
    if each.name == name or each.id == name then return each end
  end
end

-- What `weir bench` says where nobody listens: it has understood the flags.
local function ask(flags)
  local pipe = io.popen(("%s bench %s 2>&1"):format(server.binary(), flags:gsub("PORT", "1")))
  local said = pipe:read "a"
  pipe:close()
  return said
end

describe("make bench", function()
  it("runs nothing that weir bench does not understand", function()
    for _, row in ipairs(rows) do
      for _, peer in ipairs(peers) do
        local flags = servers.flags_of(peer, row)
        if flags then assert.matches("Connection refused", ask(flags), row.id .. " of " .. peer.name) end
      end
    end
  end)

  it("publishes by POST with one request at a time, from as many connections as the row says", function()
    for id, publishers in pairs { post = 1, ["post-16"] = 16 } do
      local row = find(rows, id)
      for _, name in ipairs { "weir", "nchan" } do
        local flags = servers.flags_of(find(peers, name), row)
        assert.matches("%-%-publishers " .. publishers .. " ", flags)
        assert.is_true(flags:find "%-%-post" ~= nil or flags:find "%-%-publish%-url http:" ~= nil, flags)
      end
      assert.is_nil(servers.flags_of(find(peers, "floor"), row))
    end
  end)

  it("measures a hook against the same message without one", function()
    local row, weir = find(rows, "hook"), find(peers, "weir")
    local hooked = servers.flags_of(weir, row)
    local plain = servers.flags_of(weir, { shows = "pair", how = row.base.how, flags = row.base.flags })
    assert.equal(plain, (hooked:gsub("hook:{n}", "bench:{n}")))
    assert.are_not.equal(plain, hooked)
    assert.is_nil(servers.flags_of(find(peers, "nchan"), row))
  end)
end)

describe("the page of the benchmarks", function()
  local function run(cpu, p99)
    return { deliveries_per_s = 1e6 / cpu, publishes_per_s = 1e3 / cpu, generator_cores = 0.5, subscribers = 10, publishers = 1,
      connect_s = 1, latency_us = { p50 = 1000, p99 = p99 or 2000, p999 = 3000 },
      server = { cpu_s_per_million = cpu, bytes_per_connection = 1000 * cpu, memory_connected = 1e7 } }
  end
  local LOST = { lost = "3 faults" }

  local function write(row, results)
    return page.write { rounds = 3, machine = "a machine", date = "2026-01-01", peers = { { name = "floor", version = "" },
      { name = "weir", version = "1" }, { name = "nchan", version = "2" } },
      rows = { { id = "x", title = "a row", shows = row.shows, target = row.target, cpu_target = row.cpu_target, commands = { weir = "ws://127.0.0.1:PORT --seconds 2" }, results = results } } }
  end

  it("divides by the floor of the same round, and takes the median", function()
    local text = write({ shows = "cpu", target = 0.65 }, { floor = { run(2), run(4), run(10) }, weir = { run(1), run(2.4), run(50) },
      nchan = { run(4), LOST, run(20) } })
    assert.matches("| a row | 0.60 | 2.00 | 4.00 |\n", text, 1, true)
    assert.matches("| a row: CPU to the floor's | 0.60 | 0.50 – 5.00 | at most 0.65 | kept |\n", text, 1, true)
  end)

  it("says what is missed, lost and not measured", function()
    local text = write({ shows = "cpu", target = 0.65 }, { floor = { run(1) }, weir = { run(0.7) }, nchan = { LOST } })
    assert.matches("| a row: CPU to the floor's | 0.70 | 0.70 – 0.70 | at most 0.65 | **missed** |\n", text, 1, true)
    assert.matches("| a row | 0.70 | lost | 1.00 |\n", text, 1, true)
    text = write({ shows = "publishes" }, { weir = { run(1) } })
    assert.matches("publishes a second to nchan's | not measured |", text, 1, true)
  end)

  it("compares publishing by POST with nchan, latency with the floor, and Weir with itself", function()
    local text = write({ shows = "publishes" }, { weir = { run(1) }, nchan = { run(2) } })
    assert.matches("publishes a second to nchan's | 2.00 | 2.00 – 2.00 | at least 1.00 | kept |\n", text, 1, true)
    assert.matches("CPU to nchan's | 0.50 | 0.50 – 0.50 | at most 1.00 | kept |\n", text, 1, true)
    text = write({ shows = "latency", target = 1.2, cpu_target = 0.75 }, { floor = { run(1, 2000) }, weir = { run(0.5, 3000) } })
    assert.matches("p99 to the floor's | 1.50 | 1.50 – 1.50 | at most 1.20 | **missed** |\n", text, 1, true)
    text = write({ shows = "pair", target = 1.05 }, { weir = { run(1.1) }, base = { run(1) } })
    assert.matches("| a row: CPU | 1.10 | 1.10 – 1.10 | at most 1.05 | **missed** |\n", text, 1, true)
  end)

  it("has the command of each row", function()
    assert.matches("\n# a row\ntaskset -c 1 weir bench ws://127.0.0.1:PORT --seconds 2 --json --pid PID # weir\n",
      write({ shows = "memory", target = 3072 }, { weir = { run(1) } }), 1, true)
  end)
end)
