local active_lines = dofile "lua/active_lines.lua"

-- What Lua itself tells of the file and of every function that it returns in a list.
local function told_by_lua(source)
  local chunk = assert(load(source))
  local found = {}
  local function add(f)
    for line in pairs(debug.getinfo(f, "L").activelines) do found[line] = true end
  end
  add(chunk)
  for _, f in ipairs(chunk() or {}) do add(f) end
  return found
end

local function agrees(source)
  assert.same(told_by_lua(source), active_lines(source))
end

describe("the lines that can run", function()
  it("are those that Lua tells of", function()
    agrees "return {}"
    agrees "local a = 1\n\nlocal b = 'x' .. a\n\n\nlocal c, d = 1.5, nil\nlocal e <const> = true\nreturn {}\n"
    agrees [[
      local up = 1
      local function f(a, b)
        if a then
          return b
        end
        for i = 1, 3 do
          up = up + i
        end
        return function() return up end
      end

      local function g(...)
        local t = { ... }

        goto over
        do t[1] = 2 end
        ::over::
        return select("#", ...)
      end
      return { f, g, f() }
    ]]
  end)

  it("are right in long files and after long gaps", function()
    local parts = { "local a = 0" }
    for i = 1, 700 do parts[#parts + 1] = ("\n"):rep(i % 7 == 0 and 200 or 1) .. "a = a + " .. i end
    parts[#parts + 1] = "\nreturn { function()\n\n return a\n end }"
    agrees(table.concat(parts))
  end)

  it("are those of functions that nobody calls, too", function()
    local lines = active_lines "local t = {}\nfunction t.never()\n  error 'x'\nend\n"
    assert.same({ true, true, true }, { lines[1], lines[2] or lines[4], lines[3] })
  end)

  it("are not known of what does not compile", function()
    assert.is_nil(active_lines "local x = = 1")
  end)
end)
