local reference = require "rule_reference"
local rule = require "room.rule"

-- SEED=n RULES=n for others.
local SEED = tonumber(os.getenv "SEED" or "") or 2026
local RULES, CLIENTS = tonumber(os.getenv "RULES" or "") or 4000, 4

describe("rule/rule, beside a slow reference", function()
  it("decides the same for random rules and random clients", function()
    math.randomseed(SEED)
    local counts = { allowed = 0, refused = 0, unanswered = 0 }
    for _ = 1, RULES do
      local tree = reference.tree(4)
      local text = reference.write(tree)
      local compiled, problem = rule.new(text, reference.PARAMS)
      assert(compiled, text .. ": " .. tostring(problem))
      for _ = 1, CLIENTS do
        local client = reference.client()
        local facts = reference.facts(client)
        local expected, has_answer = reference.allows(tree, client)
        local got, why = compiled:allows(facts)
        local says = ("seed %d: %s for %s: %s"):format(SEED, text, facts.claims, why)
        assert.equal(expected, got, says)
        assert.equal(expected, (compiled:allows(facts, true)), says)
        assert.equal(not has_answer, why:find("error, so a no", 1, true) ~= nil, says)
        local outcome = expected and "allowed" or has_answer and "refused" or "unanswered"
        counts[outcome] = counts[outcome] + 1
      end
    end
    -- Or the random ones would prove little.
    local total = RULES * CLIENTS
    for outcome, count in pairs(counts) do assert.is_true(count > total / 20, outcome .. " " .. count) end
  end)
end)
