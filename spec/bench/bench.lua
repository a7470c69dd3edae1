-- `make bench`: loads ours, the floor and the installed peers, row by row and in turns, and writes docs/benchmarks.md.
-- `lua5.4 spec/bench/bench.lua page` writes the page anew from the last figures.
--   BENCH_SECONDS, BENCH_ROUNDS   of each run, else 2 s mostly and 3; PEERS, ROWS   names of those wanted, else all that are installed
package.path = "spec/bench/?.lua;" .. package.path
local cjson = require "cjson"
local page = require "page"
local peers = require "peers"
local plot = require "plot"
local rows = require "rows"
local servers = require "servers"

local WANTED_SECONDS = tonumber(os.getenv "BENCH_SECONDS" or "")
local ROUNDS = tonumber(os.getenv "BENCH_ROUNDS" or "") or 3
local WARM_UP = 0.3
-- The curves' points; the last is the row `idle`'s, 1,000 subscribers are the row `window-32`'s.
local SUBSCRIBERS, CONNECTIONS = { 10, 100, 300, 1000, 3000 }, { 100, 3000, 10000 }

local function tell(format, ...)
  io.stderr:write(format:format(...), "\n")
end

local function words_of(variable)
  local words, text = {}, os.getenv(variable) or ""
  for word in text:gmatch "[^%s,]+" do words[word] = true end
  return next(words) and words or nil
end

local function find_wanted(all, wanted, always)
  local found = {}
  for _, each in ipairs(all) do
    local name = each.name or each.id
    if not wanted or wanted[name] or always[name] then found[#found + 1] = each end
    if wanted then wanted[name] = nil end
  end
  local unknown = wanted and next(wanted)
  if unknown then error("there is no " .. unknown, 0) end
  return found
end

local function find_peers()
  local wanted = words_of "PEERS"
  if wanted and wanted.all then wanted = nil end
  local found = {}
  for _, peer in ipairs(find_wanted(peers, wanted, { floor = true, weir = true })) do
    if servers.is_installed(peer) then
      peer.version_text = peer.version and servers.output_of(peer.version):gsub("\n.*", "") or ""
      found[#found + 1] = peer
    else
      tell("%s is not installed; `make bench PEERS=all` installs it", peer.name)
    end
  end
  return found
end

local function machine()
  local function of(command) return servers.output_of(command) end
  return ("%s, %s cores, %s GB, Linux %s, %s"):format(of "sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1", of "nproc",
    of "awk '/MemTotal/ { printf \"%.0f\", $2 / 1e6 }' /proc/meminfo", of "uname -r", of "sed -n 's/^PRETTY_NAME=\"\\(.*\\)\"/\\1/p' /etc/os-release")
end

local function say(row, name, result)
  local what = result.lost and "LOST: " .. result.lost
    or row.shows == "memory" and ("%.0f bytes a connection"):format(result.server.bytes_per_connection)
    or ("%9.0f deliveries/s, %7.3f µs of CPU each, p50 %.2f ms, p99 %.2f ms"):format(result.deliveries_per_s,
      result.server.cpu_s_per_million, result.latency_us.p50 / 1e3, result.latency_us.p99 / 1e3)
  tell("  %-10s %s", name, what)
end

-- How long a run of the row is counted, as a flag.
local function length_of(row)
  if row.shows == "memory" then return "" end
  return ("--warm-up %g --seconds %g"):format(WARM_UP, WANTED_SECONDS or row.seconds or 2)
end

-- Who is loaded in each round: every peer that can do the row; or, where Weir is measured against itself, its base too.
local function runs_of(row, started)
  local runs = {}
  for _, server in ipairs(started) do
    runs[#runs + 1] = { name = server.peer.name, server = server, row = row }
    if row.base then
      runs[#runs + 1] = { name = "base", server = server, row = { shows = row.shows, how = row.base.how, flags = row.base.flags } }
    end
  end
  return runs
end

-- The numbers of all peers who can do the row, in turns; each server is fresh, and idle while others are loaded. Who begins
-- changes from round to round, so that a machine that gets slower or faster is unfair to nobody.
local function measure(row, who, rounds)
  local results, started = {}, {}
  for i, peer in ipairs(who) do
    if servers.flags_of(peer, row) then started[#started + 1] = servers.start(peer, i) end
  end
  local runs = runs_of(row, started)
  for round = 1, rounds do
    tell("%s, round %d of %d", row.title, round, rounds)
    for i = 1, #runs do
      local run = runs[round % 2 == 1 and i or #runs + 1 - i]
      local result = servers.load(run.server, run.row, length_of(row))
      results[run.name] = results[run.name] or {}
      results[run.name][round] = result
      say(row, run.name, result)
    end
  end
  for _, server in ipairs(started) do servers.stop(server) end
  return results
end

local function commands_of(row, who)
  local commands = {}
  for _, peer in ipairs(who) do
    local flags = servers.flags_of(peer, row)
    commands[peer.name] = flags and flags .. " " .. length_of(row)
    if flags and row.base then
      commands.base = servers.flags_of(peer, { shows = "pair", how = row.base.how, flags = row.base.flags }) .. " " .. length_of(row)
    end
  end
  return commands
end

-- A server that has held 10,000 connections does not give all of it back: memory is measured once, on a fresh one.
local function measure_rows(who)
  local done = {}
  for _, row in ipairs(find_wanted(rows, words_of "ROWS", {})) do
    row.results = measure(row, who, row.shows == "memory" and 1 or ROUNDS)
    row.commands = commands_of(row, who)
    done[#done + 1] = row
  end
  return done
end

-- One curve a peer: `pick` of a run at each of the numbers. What a row has measured already is taken from there.
local function chart(who, about, numbers, row_at, known, pick)
  local lines, by_name = {}, {}
  for i, peer in ipairs(who) do
    local line = { name = peer.name, color = i - 1, points = {} }
    lines[i], by_name[peer.name] = line, line
  end
  for _, number in ipairs(numbers) do
    for name, rounds in pairs(known[number] or measure(row_at(number), who, 1)) do
      local y = page.median_of(rounds, pick)
      if y then table.insert(by_name[name].points, { number, y }) end
    end
  end
  about.lines, about.ticks = {}, numbers
  for _, line in ipairs(lines) do
    if #line.points > 1 then table.insert(about.lines, line) end
  end
  return about
end

local function measure_charts(who, done)
  local results = {}
  for _, row in ipairs(done) do results[row.id] = row.results end
  return {
    chart(who, { id = "deliveries", title = "Deliveries a second against subscribers (one channel, window 32)", x = "subscribers",
      y = "deliveries/s", is_log = true }, SUBSCRIBERS, function(n)
      return { title = n .. " subscribers", how = "ws", shows = "cpu", seconds = 1,
        flags = ("--subscribers %d --window 32 --burst 16"):format(n) }
    end, { [1000] = results["window-32"] }, function(result) return result.deliveries_per_s end),
    chart(who, { id = "memory", title = "Memory against idle connections (10 a channel)", x = "connections", y = "MB" },
      CONNECTIONS, function(n)
      return { title = n .. " connections", how = "ws", shows = "memory",
        flags = ("--subscribers %d --channels %d --hold 0.5"):format(n, n // 10) }
    end, { [10000] = results.idle }, function(result) return result.server.memory_connected / 1e6 end),
  }
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  tell("wrote %s", path)
end

local function plain_peers(who)
  local list = {}
  for i, peer in ipairs(who) do list[i] = { name = peer.name, version = peer.version_text } end
  return list
end

local function measure_all(is_whole)
  local who = find_peers()
  local found = { rounds = ROUNDS, machine = machine(), date = os.date "!%Y-%m-%d", peers = plain_peers(who) }
  found.rows = measure_rows(who)
  found.charts = is_whole and measure_charts(who, found.rows) or nil
  os.execute "mkdir -p build/bench docs/benchmarks"
  write("build/bench/results.json", cjson.encode(found))
  return found
end

-- A page of some rows is not the page of the project.
local function write_all(found, is_whole)
  if not is_whole then return write("build/bench/benchmarks.md", page.write(found)) end
  for _, each in ipairs(found.charts) do write(("docs/benchmarks/%s.svg"):format(each.id), plot.svg(each)) end
  write("docs/benchmarks.md", page.write(found))
end

if arg[1] == "page" then -- what was measured last, in other words
  local file = assert(io.open "build/bench/results.json")
  local found = cjson.decode(file:read "a")
  file:close()
  write_all(found, found.charts ~= nil)
else
  local is_whole = not words_of "ROWS"
  write_all(measure_all(is_whole), is_whole)
end
