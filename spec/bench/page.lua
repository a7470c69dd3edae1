-- docs/benchmarks.md from what was measured. Its words are here, its figures in build/bench/results.json.
local page = {}

local HEAD = [[
# Benchmarks

Written by `make bench`: its words are in `spec/bench/page.lua`, its figures are measured. Each row is loaded with `weir bench`
(see `weir bench --help`), server and load on a core of their own.

- [Who is compared](#who-is-compared), [the machine](#the-machine)
- [CPU for a delivery](#cpu-for-a-delivery), [latency](#latency), [memory](#memory), [curves](#curves)
- [Each row by itself](#each-row-by-itself), [running it](#running-it)

## Who is compared

]]

local ABOUT = {
  floor = "`spec/bench/floor.c`: the least a C program can do, one `send()` a subscriber and turn; no limits, no rules, no checks",
  weir = "one worker; a rule is asked about every publish",
  nchan = "the nginx module, one worker; messages are kept in its shared memory",
  nats = "WebSocket, `GOMAXPROCS=1`",
  mosquitto = "MQTT at quality 0 over plain TCP: Debian's has no WebSockets",
  ws = "the npm package with a loop over sockets, `spec/bench/peer_ws.mjs`",
  ["socket.io"] = "a room a channel, WebSocket only, `spec/bench/peer_socketio.mjs`",
}

local function median(list)
  table.sort(list)
  local middle = (#list + 1) // 2
  return #list % 2 == 1 and list[middle] or (list[middle] + list[middle + 1]) / 2
end

-- Of every round, what `pick` finds (nil where it finds nothing), by its median.
local function median_of(rounds, pick)
  local list = {}
  for i, result in ipairs(rounds or {}) do list[#list + 1] = not result.lost and pick(result, i) or nil end
  return #list > 0 and median(list) or nil
end

local function cpu_of(result) return result.server and result.server.cpu_s_per_million end

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

local function put_cpu(out, found)
  out[#out + 1] = "CPU time of the server for a delivery, divided by that of the floor in the same round; " .. (found.rounds == 1
    and "one round" or "the median of " .. found.rounds .. " rounds") .. " of "
    .. ("%g"):format(found.seconds) .. " s. The last column is the floor's own, in µs. Less is better. Below 1 is possible: Weir hands all\n"
    .. "writes of a turn to the kernel in one call (io_uring), the floor makes a call each.\n"
  local head = { "" }
  for _, peer in ipairs(found.peers) do head[#head + 1] = peer.name ~= "floor" and peer.name or nil end
  head[#head + 1] = "floor, µs"
  put_head(out, head)
  for _, row in ipairs(found.rows) do
    if row.shows == "cpu" then
      local cells = { row.title }
      local floor = row.results.floor or {}
      for _, peer in ipairs(found.peers) do
        if peer.name ~= "floor" then
          cells[#cells + 1] = cell(row.results[peer.name], "%.2f", function(result, i)
            local least = floor[i] and cpu_of(floor[i])
            return least and least > 0 and cpu_of(result) / least
          end)
        end
      end
      cells[#cells + 1] = cell(floor, "%.2f", cpu_of)
      put_row(out, cells)
    end
  end
end

local function put_shown(out, found, shows, columns)
  local head = { "" }
  for _, column in ipairs(columns) do head[#head + 1] = column[1] end
  for _, row in ipairs(found.rows) do
    if row.shows == shows then
      out[#out + 1] = row.title .. ":\n"
      put_head(out, head)
      for _, peer in ipairs(found.peers) do
        if row.results[peer.name] then
          local cells = { peer.name }
          for _, column in ipairs(columns) do cells[#cells + 1] = cell(row.results[peer.name], column[2], column[3]) end
          put_row(out, cells)
        end
      end
    end
  end
end

local function latency(name)
  return function(result) return result.latency_us[name] / 1000 end
end

local function put_rates(out, found)
  out[#out + 1] = "\nDeliveries a second, the medians (what one core of load can take is a limit too: the tool's own use is above 0.95"
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
        cells[#cells + 1] = cell(rounds, count, function(result) return result.deliveries_per_s end)
          .. (busy > 0.95 and "\\*" or "")
      end
      put_row(out, cells)
    end
  end
end

local function put_commands(out, found)
  out[#out + 1] = "\n## Each row by itself\n\nWith the server started as `spec/bench/peers.lua` says, on port PORT and with the process number PID:\n\n```sh norun"
  for i, row in ipairs(found.rows) do
    out[#out + 1] = (i > 1 and "\n" or "") .. "# " .. row.title
    for _, peer in ipairs(found.peers) do
      if row.commands[peer.name] then
        out[#out + 1] = ("taskset -c 1 weir bench %s --seconds %g --json --pid PID # %s"):format(row.commands[peer.name],
          found.seconds, peer.name):gsub(" %-%-seconds %S+", row.shows == "memory" and "" or "%0")
      end
    end
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

A quiet machine matters more than long rounds: ratios are taken within a round, between runs that follow each other. All that was
measured is in `build/bench/results.json`.
]]

function page.write(found)
  local out = { HEAD }
  put_head(out, { "", "version", "" })
  out[#out] = "|---|---|---|"
  for _, peer in ipairs(found.peers) do put_row(out, { peer.name, peer.version, ABOUT[peer.name] }) end
  out[#out + 1] = "\n## The machine\n"
  out[#out + 1] = found.machine .. ", " .. found.date .. "."
  out[#out + 1] = "\n## CPU for a delivery\n"
  put_cpu(out, found)
  put_rates(out, found)
  out[#out + 1] = "\n## Latency\n\nFrom when a message should have been sent, so that waiting counts too.\n"
  put_shown(out, found, "latency", { { "p50, ms", "%.2f", latency "p50" }, { "p99, ms", "%.2f", latency "p99" },
    { "p99.9, ms", "%.2f", latency "p999" } })
  out[#out + 1] = "\n## Memory\n"
  put_shown(out, found, "memory", {
    { "bytes a connection", count, function(result) return result.server.bytes_per_connection end },
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
