-- What the Makefile promises to those who type at it.
local folder = require "folder"

local function run(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local out = pipe:read("a")
  local _, _, status = pipe:close()
  return out, status
end

-- As from a shell: the make that runs these specs, if any, has no say.
local function make(arguments, environment)
  return run(("env -u MAKELEVEL -u MAKEFLAGS -u MFLAGS %s make --no-print-directory %s"):format(environment or "", arguments))
end

describe("make", function()
  -- The jobs with which a recipe runs.
  local function jobs(arguments, environment)
    local out = make(arguments .. [[ --eval='jobs:;@printf "%s\n" "$$MAKEFLAGS"' jobs]], environment)
    return tonumber(out:match "%-j(%d+)") or out
  end

  it("takes all cores where nobody says how many jobs it may run", function()
    assert.equal(tonumber((run "nproc")), jobs "")
  end)

  it("runs as many as it is told", function()
    assert.equal(7, jobs "-j7")
    assert.equal(7, jobs "-j 7")
    assert.equal(7, jobs "--jobs=7")
    assert.equal(7, jobs "-kj7")
    assert.equal(1, jobs "-j1")
    assert.equal(7, jobs("", "MAKEFLAGS=-j7"))
  end)
end)

describe("make json-suite", function()
  local files
  after_each(function() files:delete() end)

  local function suite(set)
    files = folder(set)
    return make("-s json-suite FLAVOR=" .. (os.getenv "FLAVOR" or "release") .. " DIR=" .. files.path)
  end

  it("passes where y_ is accepted and n_ refused, and tells what became of i_", function()
    local out, status = suite {
      ["y_list.json"] = "[1]", ["y_deeper/y_text.json"] = '"\\u00e4"', ["n_comma.json"] = "[1,]", ["n_empty.json"] = "",
      ["n_latin1.json"] = '["\xe4"]', ["i_huge.json"] = "[1e999]", ["i_surrogate.json"] = '["\\uD800"]',
      ["i_utf16.json"] = "\xff\xfe[\0]\0", ["README"] = "[",
    }
    assert.equal(0, status, out)
    assert.truthy(out:find("2 of 2 y_ accepted, 3 of 3 n_ refused, of 3 i_ 2 accepted", 1, true), out)
  end)

  it("names what it got wrong, and fails", function()
    local out, status = suite { ["y_wrong.json"] = "[1,]", ["n_wrong.json"] = "[1]", ["y_right.json"] = "{}" }
    assert.not_equal(0, status)
    assert.truthy(out:find("n_wrong.json: accepted", 1, true), out)
    assert.truthy(out:find("y_wrong.json: refused at byte 3: ", 1, true), out)
    assert.truthy(out:find("1 of 2 y_ accepted, 0 of 1 n_ refused, of 0 i_ 0 accepted", 1, true), out)
  end)

  it("fails on a folder without cases, and says what it wants without one", function()
    local out, status = suite { ["a.txt"] = "" }
    assert.not_equal(0, status)
    assert.truthy(out:find("no y_*.json, n_*.json or i_*.json below " .. files.path, 1, true), out)
    out, status = make "-s json-suite"
    assert.not_equal(0, status)
    assert.truthy(out:find("make json-suite DIR=", 1, true), out)
  end)
end)
