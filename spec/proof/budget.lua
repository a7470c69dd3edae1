-- Compares what one of each thing costs with the budget, in instructions:
--
--   lua5.4 spec/proof/budget.lua build/release/instructions
--
-- Exit 1 when something costs more than ABOVE its line in budget.txt. Start and end cancel out: two sizes are run.
local program = arg[1]
local BUDGET, COUNTER = "spec/proof/budget.txt", "valgrind --tool=callgrind --callgrind-out-file=/dev/null"
local SMALL, LARGE = 10000, 60000
local ABOVE, BELOW = 1.05, 0.95

local function count(thing, times)
  local pipe = assert(io.popen(("%s %s %s %d 2>&1"):format(COUNTER, program, thing, times)))
  local text = pipe:read "a"
  pipe:close()
  return tonumber(text:match "Collected : (%d+)") or error("callgrind counted nothing:\n" .. text, 0)
end

local well, seen = true, 0
for line in io.lines(BUDGET) do
  local thing, budget = line:match "^(%l+)%s+(%d+)$"
  if thing then
    seen = seen + 1
    local cost = (count(thing, LARGE) - count(thing, SMALL)) / (LARGE - SMALL)
    local part, verdict = cost / tonumber(budget), ""
    if part > ABOVE then
      well, verdict = false, ("  FAILED: a %s has become dearer"):format(thing)
    elseif part < BELOW then
      verdict = "  cheaper: lower it in " .. BUDGET
    end
    print(("%-10s %8.0f instructions, budget %6d: %+.1f %%%s"):format(thing, cost, budget, (part - 1) * 100, verdict))
  elseif not line:find "^%s*#" and line:find "%S" then
    error(("%s: not a line like `delivery 100`: %s"):format(BUDGET, line), 0)
  end
end
assert(seen > 0, BUDGET .. " is empty")
if not well then print("If there is a reason, the number changes in the same commit: " .. BUDGET) end
os.exit(well)
