-- What views and filters cost, as ratios in one run: 1,000 subscribers of one channel, one worker.
--   make audience-cost
-- Rounds of the kinds take turns, and the middle one of the rounds' ratios is told: nearly all of the CPU time is the
-- kernel's, for sending, and what else the machine does makes it differ by a tenth from one second to the next.
package.path = "spec/support/?.lua;" .. package.path
local cost_lab = require "cost_lab"
local crowds = require "cost_crowd"

local ROUNDS = tonumber(arg and arg[1] or "") or 20

local lab = cost_lab.open(crowds.RULES)
local kinds = crowds.add(lab)
lab:rounds(ROUNDS)
for _, kind in ipairs(lab.kinds) do
  local messages, used = ROUNDS * kind.messages, cost_lab.total(kind)
  print(("%-6s %8.2f us CPU a message, %8.0f deliveries a CPU ms, %7.2f filters asked and %6.2f allocations a message"):format(
    kind.name, used / messages * 1e6, kind.out / used / 1000, kind.asked / messages, kind.allocations / messages))
end
local found = crowds.ratios(kinds)
print(("three views: %.1f %% of the plain broadcast's deliveries per CPU second (half of the rounds: %.1f to %.1f %%)"):format(
  100 * found.views, 100 * found.views_low, 100 * found.views_high))
print(("%d filters beside one: %.1f more asked, %.3f more allocations, %.2f us more CPU a message"):format(crowds.FILTERS,
  found.asked, found.allocations, found.filters_us))
lab:close()
