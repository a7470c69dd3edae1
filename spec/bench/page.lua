-- docs/benchmarks.md from what was measured. Its words are here, its figures in build/bench/results.json.
local page = {}

local HEAD = [[
# Benchmarks

Written by `make bench`: its words are in `spec/bench/page.lua`, its figures are measured. Each row is loaded with `weir bench`
(see `weir bench --help`), server and load on a core of their own; every message is checked, and a run that loses one is no figure.

- [Who is compared](#who-is-compared), [the machine](#the-machine), [targets](#targets)
- [CPU for a delivery](#cpu-for-a-delivery), [against itself](#against-itself), [publishing by POST](#publishing-by-post)
- [Latency](#latency), [memory](#memory), [curves](#curves)
- [Each row by itself](#each-row-by-itself), [running it](#running-it)

## Who is compared

]]

local ABOUT = {
  floor = "`spec/bench/floor.c`: the least a C program can do, one `send()` a subscriber and turn; no limits, no rules, no checks. "
    .. "It speaks WebSocket only, and does that in the rows of event streams too",
  weir = "one worker; a rule is asked about every publish",
  nchan = "the nginx module, one worker; messages are kept in its shared memory",
  nats = "WebSocket, `GOMAXPROCS=1`",
  mosquitto = "MQTT at quality 0 over plain TCP: Debian's has no WebSockets",
  ws = "the npm package with a loop over sockets, `spec/bench/peer_ws.mjs`",
  ["socket.io"] = "a room a channel, WebSocket only, `spec/bench/peer_socketio.mjs`",
}

-- ---- figures ----

local function median(list)
  table.sort(list)
  local middle = (#list + 1) // 2
  return #list % 2 == 1 and list[middle] or (list[middle] + list[middle + 1]) / 2
end

-- Of every round, what `pick` finds (nil where it finds nothing), in order; a round that lost something has none.
local function all_of(rounds, pick)
  local list = {}
  for i, result in ipairs(rounds or {}) do list[#list + 1] = not result.lost and pick(result, i) or nil end
  table.sort(list)
  return list
end

function page.median_of(rounds, pick)
  local list = all_of(rounds, pick)
  return #list > 0 and median(list) or nil
end
local median_of = page.median_of

local function cpu_of(result) return result.server and result.server.cpu_s_per_million end
local function rate_of(result) return result.deliveries_per_s end
local function publishes_of(result) return result.publishes_per_s end
local function bytes_of(result) return result.server and result.server.bytes_per_connection end

local function latency(name)
  return function(result) return result.latency_us[name] / 1000 end
end

-- A pick: what `pick` finds, divided by what it finds of the other in the same round.
local function ratio_to(other, pick)
  return function(result, i)
    local mine, theirs = pick(result), other and other[i] and not other[i].lost and pick(other[i])
    return mine and theirs and theirs > 0 and mine / theirs or nil
  end
end

-- ---- tables ----

local function put_row(out, cells) out[#out + 1] = "| " .. table.concat(cells, " | ") .. " |" end

local function put_head(out, cells)
  put_row(out, cells)
  out[#out + 1] = "|---" .. ("|--:"):rep(#cells - 1) .. "|"
end

local function count(n)
  local text = ("%.0f"):format(n)
  while true do
    local more
    text, more = text:gsub("^(%d+)(%d%d%d)", "%1,%2")
    if more == 0 then return text end
  end
end

-- A cell; "lost" where every round lost something, "refused" where none began, "" where it cannot do that.
local function cell(rounds, format, pick)
  if not rounds then return "" end
  local value = median_of(rounds, pick)
  if not value then return rounds[1].is_refused and "refused" or "lost" end
  return type(format) == "function" and format(value) or format:format(value)
end

local function rounds_of(found)
  return found.rounds == 1 and "one round" or "the median of " .. found.rounds .. " rounds"
end

local function put_cpu(out, found)
  out[#out + 1] = "CPU time of the server for a delivery, divided by that of the floor in the same round, " .. rounds_of(found)
    .. ".\nThe last column is the floor's own, in µs. Less is better. Below 1 is possible: Weir hands all writes of a turn to the"
    .. "\nkernel in one call (io_uring), the floor makes a call each.\n"
  local head = { "" }
  for _, peer in ipairs(found.peers) do head[#head + 1] = peer.name ~= "floor" and peer.name or nil end
  head[#head + 1] = "floor, µs"
  put_head(out, head)
  for _, row in ipairs(found.rows) do
    if row.shows == "cpu" then
      local cells = { row.title }
      local floor = row.results.floor
      for _, peer in ipairs(found.peers) do
        if peer.name ~= "floor" then cells[#cells + 1] = cell(row.results[peer.name], "%.2f", ratio_to(floor, cpu_of)) end
      end
      cells[#cells + 1] = cell(floor, "%.2f", cpu_of)
      put_row(out, cells)
    end
  end
end

local function put_rates(out, found)
  out[#out + 1] = "\nDeliveries a second (what one core of load can take is a limit too: the tool's own use is above 0.95"
    .. " cores where there is a star):\n"
  local head = { "" }
  for _, peer in ipairs(found.peers) do head[#head + 1] = peer.name end
  put_head(out, head)
  for _, row in ipairs(found.rows) do
    if row.shows == "cpu" then
      local cells = { row.title }
      for _, peer in ipairs(found.peers) do
        local rounds = row.results[peer.name]
        local busy = median_of(rounds, function(result) return result.generator_cores end) or 0
        cells[#cells + 1] = cell(rounds, count, rate_of) .. (busy > 0.95 and "\\*" or "")
      end
      put_row(out, cells)
    end
  end
end

local function put_pairs(out, found)
  put_head(out, { "", "CPU", "deliveries a second", "p99" })
  for _, row in ipairs(found.rows) do
    if row.shows == "pair" then
      local cells = { row.title }
      for _, pick in ipairs { cpu_of, rate_of, latency "p99" } do
        cells[#cells + 1] = cell(row.results.weir, "%.2f", ratio_to(row.results.base, pick))
      end
      put_row(out, cells)
    end
  end
end

local function put_shown(out, found, shows, columns)
  local head = { "" }
  for _, column in ipairs(columns) do head[#head + 1] = column[1] end
  for _, row in ipairs(found.rows) do
    if row.shows == shows then
      out[#out + 1] = (out[#out]:find "^|" and "\n" or "") .. row.title .. ":\n"
      put_head(out, head)
      for _, peer in ipairs(found.peers) do
        if row.results[peer.name] then
          local cells = { peer.name }
          for _, column in ipairs(columns) do
            cells[#cells + 1] = cell(row.results[peer.name], column[2], column.of and column.of(row) or column[3])
          end
          put_row(out, cells)
        end
      end
    end
  end
end

-- ---- targets ----

local function two(x) return ("%.2f"):format(x) end

-- One line: the median, its spread, the bound, and whether it is kept (`sign` 1: at most, -1: at least).
local function put_target(out, title, values, format, sign, bound)
  if #values == 0 then return put_row(out, { title, "not measured", "", format(bound), "" }) end
  local value = median({ table.unpack(values) })
  put_row(out, { title, format(value), format(values[1]) .. " – " .. format(values[#values]),
    (sign > 0 and "at most " or "at least ") .. format(bound), sign * value <= sign * bound and "kept" or "**missed**" })
end

local PUT_TARGET = {
  cpu = function(out, row)
    if not row.target then return end
    put_target(out, row.title .. ": CPU to the floor's", all_of(row.results.weir, ratio_to(row.results.floor, cpu_of)), two, 1, row.target)
  end,
  pair = function(out, row)
    put_target(out, row.title .. ": CPU", all_of(row.results.weir, ratio_to(row.results.base, cpu_of)), two, 1, row.target)
  end,
  latency = function(out, row)
    local weir, floor = row.results.weir, row.results.floor
    put_target(out, row.title .. ": CPU to the floor's", all_of(weir, ratio_to(floor, cpu_of)), two, 1, row.cpu_target)
    put_target(out, row.title .. ": p99 to the floor's", all_of(weir, ratio_to(floor, latency "p99")), two, 1, row.target)
  end,
  publishes = function(out, row)
    local weir, nchan = row.results.weir, row.results.nchan
    put_target(out, row.title .. ", by POST: publishes a second to nchan's", all_of(weir, ratio_to(nchan, publishes_of)), two, -1, 1)
    put_target(out, row.title .. ", by POST: CPU to nchan's", all_of(weir, ratio_to(nchan, cpu_of)), two, 1, 1)
  end,
  memory = function(out, row)
    put_target(out, row.title .. ": bytes a connection", all_of(row.results.weir, bytes_of), count, 1, row.target)
  end,
}

local function put_targets(out, found)
  out[#out + 1] = "What Weir wants to keep, by the median; between which the rounds were.\n"
  put_head(out, { "", "median", "rounds", "wanted", "" })
  for _, row in ipairs(found.rows) do PUT_TARGET[row.shows](out, row) end
end

-- ---- the rest ----

local function put_command(out, row, name, called)
  if row.commands[name] then
    out[#out + 1] = ("taskset -c 1 weir bench %s --json --pid PID # %s"):format(row.commands[name]:gsub("%s+$", ""), called)
  end
end

local function put_commands(out, found)
  out[#out + 1] = "\n## Each row by itself\n\nWith the server started as `spec/bench/peers.lua` says, on port PORT and with the process number PID:\n\n```sh norun"
  for i, row in ipairs(found.rows) do
    out[#out + 1] = (i > 1 and "\n" or "") .. "# " .. row.title:gsub("`", "")
    for _, peer in ipairs(found.peers) do put_command(out, row, peer.name, peer.name) end
    put_command(out, row, "base", "against this")
  end
  out[#out + 1] = "```"
end

local TAIL = [[

## Running it

```sh norun
make bench                                   # ours, the floor, and the peers that are installed
make bench PEERS=all                         # installs them first
make bench PEERS='nats ws' ROWS='lock-step idle'
make bench BENCH_SECONDS=1 BENCH_ROUNDS=1    # quick, to see that it works
```

All of it takes some twelve minutes. A quiet machine matters more than long rounds: ratios are taken within a round, between runs that
follow each other. All that was measured is in `build/bench/results.json`.
]]

function page.write(found)
  local out = { HEAD }
  put_head(out, { "", "version", "" })
  out[#out] = "|---|---|---|"
  for _, peer in ipairs(found.peers) do put_row(out, { peer.name, peer.version, ABOUT[peer.name] }) end
  out[#out + 1] = "\n## The machine\n"
  out[#out + 1] = found.machine .. ", " .. found.date .. "."
  out[#out + 1] = "\n## Targets\n"
  put_targets(out, found)
  out[#out + 1] = "\n## CPU for a delivery\n"
  put_cpu(out, found)
  put_rates(out, found)
  out[#out + 1] = "\n## Against itself\n\nWeir's figure for the one, divided by its figure for the other, in the same round.\n"
  put_pairs(out, found)
  out[#out + 1] = "\n## Publishing by POST\n\nOver connections that are kept; the next request when the last is answered.\n"
  put_shown(out, found, "publishes", { { "publishes a second", count, publishes_of }, { "CPU of a delivery, µs", "%.2f", cpu_of },
    { "p50, ms", "%.2f", latency "p50" }, { "p99, ms", "%.2f", latency "p99" } })
  out[#out + 1] = "\n## Latency\n\nFrom when a message should have been sent, so that waiting counts too.\n"
  put_shown(out, found, "latency", { { "p50, ms", "%.2f", latency "p50" }, { "p99, ms", "%.2f", latency "p99" },
    { "p99.9, ms", "%.2f", latency "p999" },
    { "p99, to the floor's", "%.2f", of = function(row) return ratio_to(row.results.floor, latency "p99") end },
    { "CPU, to the floor's", "%.2f", of = function(row) return ratio_to(row.results.floor, cpu_of) end } })
  out[#out + 1] = "\n## Memory\n"
  put_shown(out, found, "memory", {
    { "bytes a connection", count, bytes_of },
    { "MB in all", "%.1f", function(result) return result.server.memory_connected / 1e6 end },
    { "connections a second", count, function(result) return (result.subscribers + result.publishers) / result.connect_s end },
  })
  out[#out + 1] = "\n## Curves\n\nThe load tool's core is a limit of the first: see the stars above.\n"
  for _, chart in ipairs(found.charts or {}) do
    out[#out + 1] = ("![%s](benchmarks/%s.svg)\n"):format(chart.title, chart.id)
  end
  put_commands(out, found)
  out[#out + 1] = TAIL
  return (table.concat(out, "\n"):gsub("\n\n\n+", "\n\n"):gsub("\n+$", "\n"))
end

return page
