-- Runs a folder laid out as the public JSON-Schema-Test-Suite through rule/schema:
--   build/debug/host spec/support/schema_suite.lua DIR
-- DIR/tests/draft2020-12/**/*.json are lists of { description, schema, tests = { { description, data, valid } } },
-- DIR/remotes/** are documents at http://localhost:1234/. Formats are asserted below optional/format only, as the
-- suite means it. Prints what is wrong, and a total; exit 1 when anything was wrong.
local json = require "room.json"
local schema = require "room.schema"

local suite = {}

local REMOTE = "http://localhost:1234/"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

local function list(folder)
  local paths = {}
  local pipe = assert(io.popen("find '" .. folder:gsub("'", "'\\''") .. "' -name '*.json' 2>/dev/null | sort"))
  for path in pipe:lines() do paths[#paths + 1] = path end
  pipe:close()
  return paths
end

local function get(object, name)
  return assert(json.find(object, name), "no " .. name .. " in " .. object:sub(1, 100))
end

-- Documents of other drafts would be read wrongly, so they are not there.
local function read_documents(folder)
  local documents = {}
  for _, path in ipairs(list(folder)) do
    local short = path:sub(#folder + 2)
    if not short:find("^draft") or short:find("^draft2020%-12/") then documents[REMOTE .. short] = read(path) end
  end
  return documents
end

local function run_test(totals, compiled, where, test)
  totals.tests = totals.tests + 1
  local valid = get(test, "valid") == "true"
  local ok, fits, why = pcall(compiled.check, compiled, get(test, "data"))
  if ok and fits == valid then
    totals.right = totals.right + 1
  else
    table.insert(totals.wrong, ("%s | %s: %s"):format(where, json.unquote(get(test, "description")),
      not ok and fits or valid and why or "should not fit"))
  end
end

local function run_group(totals, path, group, options)
  local where = path .. " | " .. json.unquote(get(group, "description"))
  local tests = json.items(get(group, "tests"))
  local compiled, why = schema.new(get(group, "schema"), options)
  if compiled then
    for _, test in ipairs(tests) do run_test(totals, compiled, where, test) end
  else
    totals.tests = totals.tests + #tests
    totals.refused = totals.refused + #tests
    table.insert(totals.reasons, where .. ": " .. why)
  end
end

--- Totals of a folder: tests, right, refused (their schema was), wrong and reasons (lists of sentences).
function suite.run(folder)
  local totals = { files = 0, tests = 0, right = 0, refused = 0, wrong = {}, reasons = {} }
  local root = folder .. "/tests/draft2020-12"
  local documents = read_documents(folder .. "/remotes")
  for _, path in ipairs(list(root)) do
    local short = path:sub(#root + 2)
    totals.files = totals.files + 1
    local options = { strict = false, formats = short:find("^optional/format/") ~= nil, documents = documents }
    for _, group in ipairs(json.items(read(path))) do run_group(totals, short, group, options) end
  end
  return totals
end

--- Prints them; true when nothing is wrong.
function suite.report(totals)
  for _, line in ipairs(totals.reasons) do print("not loaded: " .. line) end
  for _, line in ipairs(totals.wrong) do print("wrong: " .. line) end
  print(("%d files, %d tests: %d right, %d wrong, %d not loaded"):format(totals.files, totals.tests, totals.right,
    #totals.wrong, totals.refused))
  return totals.files > 0 and #totals.wrong == 0
end

if arg and arg[0] and arg[0]:find("schema_suite%.lua$") or arg and arg[1] and arg[1]:find("schema_suite%.lua$") then
  local folder = arg[2] or arg[1]
  os.exit(suite.report(suite.run(folder)))
end

return suite
