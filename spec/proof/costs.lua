-- What each declared thing costs, measured; writes docs/scripting/costs.md.
--   make costs [COST_ROUNDS=20]
-- Its words are here, its figures measured: kinds of channels take turns in rounds, and the middle one is told.
package.path = "spec/support/?.lua;" .. package.path
local cost_lab = require "cost_lab"
local crowds = require "cost_crowd"

local ROUNDS, MESSAGES = tonumber(arg and arg[1] or "") or 20, 25600
local PAGE = arg and arg[2] or "docs/scripting/costs.md"

-- ---- what a publish costs, where nobody listens ----

local RULES = [[
local function kind(name, more)
  more.publish = more.publish or "anyone"
  return channel(name, more)
end
kind("bare", {})
kind("rule", { publish = "not role.banned and (claims.team == 'red' or user.id ~= 'mallory')" })
kind("schema", { schema = shape { id = "integer", name = "string 1..64", host = "string /^[a-z0-9-]+$/", side = "buy|sell",
  qty = "integer >=1", price = "number >0", at = "integer >=0", public = "boolean", note = "string ..200?",
  by = shape { user = "string 1..64", team = "string 1..64" } } })
kind("rate", { rate = "1000000/s per user" })
kind("once", { once = "id" })
kind("history", { history = 100 })
kind("latest", { latest = true })
kind("latest_key", { latest = "host" })
kind("rollup", { rollup = { into = "figures", every = "1s", by = "host", of = "price", stats = { "count", "avg", "p95" } } })
channel("figures")
local passes = kind("hook_true", {})
function passes:on_publish() return true end
local makes = kind("hook_table", {})
function makes:on_publish(msg, from) return { text = msg.name, qty = msg.qty, by = from.user } end
local after = kind("published", {})
function after:on_published(msg) self.state.last = msg.qty end
]]

local KINDS = {
  { "rule", "a [rule](channels.md#rules) of four parts" },
  { "schema", "a [schema](messages.md#schemas) of ten fields", "under 1 us" },
  { "rate", "a [rate](messages.md#rates)" },
  { "once", "[`once`](messages.md#once)" },
  { "history", "`history = 100`" },
  { "latest", "[`latest`](delivery.md#the-last-message) of the channel" },
  { "latest_key", "`latest` of each of 17 keys" },
  { "rollup", "a [rollup](delivery.md#rollups): 17 keys, `count`, `avg`, `p95`" },
  { "hook_true", "an [`on_publish`](hooks.md) that returns true, and looks at nothing" },
  { "hook_table", "an `on_publish` that reads three members, and returns a table of three" },
  { "published", "an `on_published` that reads one member, and writes `self.state`" },
}

local id = 0
local function message()
  id = id + 1
  return ('{"id":%d,"name":"order %d","host":"web-%d","side":"buy","qty":%d,"price":%d.25,"at":1795551181652,"public":true,'
    .. '"note":"as soon as possible","by":{"user":"ann","team":"red"}}'):format(id, id, id % 17, id % 100 + 1, id % 50 + 1)
end

local function measure_publishes()
  local lab, kinds = cost_lab.open(RULES), {}
  kinds.bare = lab:add { name = "bare", messages = MESSAGES, message = message }
  for _, each in ipairs(KINDS) do
    kinds[each[1]] = lab:add { name = each[1], messages = MESSAGES, message = message }
  end
  lab:rounds(ROUNDS)
  lab:close()
  return kinds
end

local function measure_crowds()
  local lab = cost_lab.open(crowds.RULES)
  local kinds = crowds.add(lab)
  lab:rounds(ROUNDS)
  lab:close()
  return crowds.ratios(kinds)
end

-- ---- the page ----

local HEAD = [[
# What things cost

Written by `make costs`: its words are in `spec/proof/costs.lua`, its figures are measured on %s,
%s, %d rounds. What is told is CPU time of all the server's threads, kernel included; of the rounds the middle one, and in
brackets those at a quarter and three quarters. Kinds take turns in each round, so that what else the machine does meets all of them.

- [Of a publish](#of-a-publish): what each thing adds that is declared about what comes in
- [Of a delivery](#of-a-delivery): views and filters, with 1,000 subscribers
- [Running it](#running-it)

For what the server costs beside others see [benchmarks](../benchmarks.md); for what a script may cost at most, [limits](sandbox.md#limits).

## Of a publish

A client publishes messages of %d bytes, %d in a burst, to a channel that nobody listens to. With nothing declared that costs
**%.2f us**, reading and answering included. Each of these adds:

| declared | adds | kept below |
|---|---|---|
]]

local CROWD = [[

## Of a delivery

1,000 subscribers of one channel, messages in bursts of %d. A plain broadcast costs **%.1f us a message**.

| declared | costs | to be kept |
|---|---|---|
| [three views](delivery.md#views): all, a `where` with two members cut out, one member cut out | %.1f %% of the plain broadcast's deliveries per CPU second (%.1f to %.1f %%) | at least 90 %% |
| a [view with a hook](delivery.md#views-with-a-hook), which makes a table of two members | %.1f %% (%.1f to %.1f %%) | |
| [%d different filters](delivery.md#filters) of two comparisons, instead of one | %.0f more are asked a message, %.2f us more and %.2f more allocations a message | at most %d asked, none allocated |

## Running it

```sh norun
make costs
```

takes about %s on two cores and writes this page; `make costs COST_ROUNDS=3` tries it. `make audience-cost` prints the
second table by itself, with what it was made of. `make bench-check` counts instructions instead, which no other program on the machine disturbs.
]]

local function line_of(command)
  local pipe <close> = assert(io.popen(command))
  return (pipe:read "l" or ""):gsub("^%s+", "")
end

local function machine()
  local model = line_of "sed -n 's/^model name[^:]*: //p' /proc/cpuinfo"
  return ("%s, %s cores"):format(model ~= "" and model or line_of "uname -m", line_of "nproc")
end

local function put_publishes(put, kinds)
  local bare = kinds.bare
  for _, each in ipairs(KINDS) do
    local kind = kinds[each[1]]
    local us, low, high = cost_lab.quartiles(kind, function(i) return (kind.seconds[i] - bare.seconds[i]) / MESSAGES * 1e6 end)
    put(("| %s | %.2f us (%.2f to %.2f) | %s |\n"):format(each[2], us, low, high, each[3] or ""))
  end
end

local started = os.time()
local kinds, crowd = measure_publishes(), measure_crowds()
local minutes = math.max(1, math.floor((os.time() - started) / 60 + 0.5))
local file <close> = assert(io.open(PAGE, "wb"))
file:write(HEAD:format(os.date "!%Y-%m-%d", machine(), ROUNDS, #message(), cost_lab.BURST,
  (cost_lab.quartiles(kinds.bare, function(i) return kinds.bare.seconds[i] / MESSAGES * 1e6 end))))
put_publishes(function(line) file:write(line) end, kinds)
file:write(CROWD:format(cost_lab.BURST, crowd.plain_us, 100 * crowd.views, 100 * crowd.views_low, 100 * crowd.views_high,
  100 * crowd.hooked, 100 * crowd.hooked_low, 100 * crowd.hooked_high, crowds.FILTERS, crowd.asked, crowd.filters_us,
  math.max(0, crowd.allocations), crowds.FILTERS, minutes == 1 and "a minute" or minutes .. " minutes"))
print("wrote " .. PAGE)
