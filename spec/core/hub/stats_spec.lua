local parts = require "room.hubparts"

describe("the counters", function()
  it("are sums over all workers", function()
    local text = parts.metrics { { [0] = 3, [5] = 10 }, { [0] = 4 }, {} }
    assert.truthy(text:find("\nweir_connections 7\n", 1, true))
    assert.truthy(text:find("\nweir_accepted_total 10\n", 1, true))
  end)

  it("go down where they are gauges, on whatever worker", function()
    local text = parts.metrics { { [0] = -2 }, { [0] = 5 } }
    assert.truthy(text:find("\nweir_connections 3\n", 1, true))
  end)

  it("are written as Prometheus reads them: each metric's help and type once, before its rows, and no row twice", function()
    local text = parts.metrics { {} }
    local current, seen_metric, seen_row, rows = nil, {}, {}, 0
    for line in text:gmatch "([^\n]*)\n" do
      local help = line:match "^# HELP (%S+) %u.+%.$"
      local typed, kind = line:match "^# TYPE (%S+) (%l+)$"
      if help then
        assert.is_nil(seen_metric[help], help .. " has help twice")
        current, seen_metric[help] = help, true
      elseif typed then
        assert.equal(current, typed)
        assert.is_true(kind == "gauge" or kind == "counter")
        assert.equal(kind == "counter", typed:find "_total$" ~= nil, typed)
      else
        local name, labels, value = line:match '^([%l_]+)(%b{}) (%d+)$'
        if not name then
          name, value = line:match "^([%l_]+) (%d+)$"
          labels = ""
        end
        assert.is_truthy(value, line)
        assert.equal(current, name)
        assert.is_nil(seen_row[name .. labels])
        seen_row[name .. labels] = true
        rows = rows + 1
      end
    end
    assert.equal(parts.counters, rows)
  end)
end)
