-- `weir test`: finds the specs of a folder, runs them with busted, tells how they went.
-- Arguments: core/test/binding.c's table, the source of weir.test, options { folder, filter, as_json, may_be_empty, tones }.
-- Returns whether all passed; nil and a sentence where nothing could be run.
local core, module_source, options = ...

local has_busted, reason = pcall(require, "busted.core")
if not has_busted then
  if not tostring(reason):find("module 'busted.core' not found", 1, true) then return nil, tostring(reason) end
  return nil, "it needs busted, which is not installed: apt-get install lua-busted"
end
local lfs = require "lfs"
local folder = options.folder

-- ---- files ----

local DEPTH_MAX = 8

local function find_specs(path, depth, found)
  for name in lfs.dir(path) do
    local below = path .. "/" .. name
    local mode = not name:find "^[.#]" and lfs.attributes(below, "mode")
    if mode == "directory" and name ~= "node_modules" and depth < DEPTH_MAX then
      find_specs(below, depth + 1, found)
    elseif mode == "file" and name:find "_spec%.lua$" then
      found[#found + 1] = below
    end
  end
  return found
end

if lfs.attributes(folder, "mode") ~= "directory" then return nil, folder .. " is no folder" end
local files = find_specs(folder, 0, {})
table.sort(files)
if #files == 0 and options.may_be_empty then return true end
if #files == 0 then return nil, ("there is no spec in %s: write one into a file named like chat_spec.lua"):format(folder) end

-- ---- the module, and what specs may require beside it ----

local busted = require "busted.core"()
require "busted"(busted)

local test = assert(load(module_source, "@weir.test", "t"))(core, folder)
package.preload["weir.test"] = function() return test end
package.path = ("%s/?.lua;%s/lib/?.lua;%s"):format(folder, folder, package.path)

-- All would look well: nothing is told of a run that ends in its middle.
function os.exit() error("os.exit() in a spec would end all of them", 2) end

-- ---- what happened ----

local tests, broken, count = {}, {}, { passed = 0, failed = 0, pending = 0 }
local reasons = {} -- of the test that is running

local function name_of(element)
  local names = {}
  while element and element.descriptor ~= "file" do
    if element.name then table.insert(names, 1, tostring(element.name)) end
    element = busted.context.parent(element)
  end
  return table.concat(names, " ")
end

local function file_of(element)
  while element and element.descriptor ~= "file" do element = busted.context.parent(element) end
  return element and element.name or ""
end

-- "chat_spec.lua:12: text" apart; the place is where the spec is wrong, not where the harness noticed.
local function place_of(message, trace)
  local file, line, text = tostring(message):match "^(%S-):(%d+): (.*)$"
  if file then return file, tonumber(line), text end
  if trace and trace.short_src then return trace.short_src, trace.currentline, tostring(message) end
  return "", 0, tostring(message)
end

local function fault(element, message, trace)
  local file, line, text = place_of(message, trace)
  return { name = name_of(element), file = file, line = line, reason = text }
end

busted.subscribe({ "test", "start" }, function()
  test._failures()
  reasons = {}
  return nil, true
end)

local function on_fault(element, _, message, trace)
  local it = fault(element, message, trace)
  if element.descriptor == "it" then
    reasons[#reasons + 1] = it
  else -- a file that does not load, a setup that fails: no test to blame
    it.name = (it.name ~= "" and it.name .. ": " or "") .. (element.descriptor or "")
    if it.file == "" then it.file = file_of(element) end
    broken[#broken + 1] = it
  end
  return nil, true
end
busted.subscribe({ "failure" }, on_fault)
busted.subscribe({ "error" }, on_fault)

busted.subscribe({ "test", "end" }, function(element, _, status)
  local trace = element.trace or {}
  local entry = { name = name_of(element), file = file_of(element), line = trace.currentline, status = "passed" }
  local first = reasons[1]
  if status == "pending" then
    entry.status = "pending"
  elseif status ~= "success" then
    entry.status = "failed"
    entry.script_errors = core.array(test._failures())
    if first then entry.file, entry.line, entry.reason = first.file, first.line, first.reason end
  end
  count[entry.status] = count[entry.status] + 1
  tests[#tests + 1] = entry
  collectgarbage() -- scenes that nobody holds any more hold much that Lua does not count
  return nil, true
end)

-- ---- running ----

local filter = options.filter and options.filter:gsub("[%^%$%(%)%%%.%[%]%*%+%-%?]", "%%%0")
require "busted.modules.filter_loader"()(busted, {
  tags = {}, excludeTags = {}, filter = { filter }, filterOut = {},
})
local started = busted.monotime()
local load_files = require "busted.modules.test_file_loader"(busted, { "lua" })
load_files(files, { "_spec%.lua$" }, { excludes = {}, recursive = false })
require "busted.execute"(busted)(1, {})
local seconds = busted.monotime() - started

count.failed = count.failed + #broken
local ok = count.failed == 0 and #tests > 0

-- ---- coverage ----

-- Nothing but the end of something: it runs when what is inside has.
local function says_nothing(text)
  return text:find "^%s*end[%s%)%]},;]*$" or text:find "^%s*else%s*$" or text:find "^%s*[%)%]}]+[%s,;]*$"
end

local function lines_of(text)
  local list = {}
  for line in (text .. "\n"):gmatch "(.-)\r?\n" do list[#list + 1] = line end
  return list
end

-- { file, lines, run, missed } of each script, in the order of their names; nil where it was not asked for.
local function count_lines()
  if not options.active_lines then return nil end
  local report, active_lines = core.array {}, options.active_lines()
  for name, text in pairs(test._scripts()) do
    local covered, source = core.covered(name), lines_of(text)
    local entry = { file = name, lines = 0, run = 0, missed = core.array {} }
    for line in pairs(active_lines(text) or {}) do
      if source[line] and not says_nothing(source[line]) then
        entry.lines = entry.lines + 1
        if covered[line] then entry.run = entry.run + 1 else table.insert(entry.missed, line) end
      end
    end
    table.sort(entry.missed)
    report[#report + 1] = entry
  end
  table.sort(report, function(a, b) return a.file < b.file end)
  return report
end

-- "3, 7-9"
local function ranges(lines)
  local words, i = {}, 1
  while lines[i] do
    local last = i
    while lines[last + 1] == lines[last] + 1 do last = last + 1 end
    words[#words + 1] = last > i and lines[i] .. "-" .. lines[last] or tostring(lines[i])
    i = last + 1
  end
  return table.concat(words, ", ")
end

local function tell_coverage(report)
  for _, entry in ipairs(report) do
    local percent = entry.lines > 0 and entry.run * 100 // entry.lines or 100
    io.write(("%3d %% of %s%s\n"):format(percent, entry.file,
      #entry.missed > 0 and ": never ran line " .. ranges(entry.missed) or ""))
  end
end

-- ---- telling ----

local tones = options.tones

local function tell_json()
  local all = core.array {}
  for _, entry in ipairs(tests) do all[#all + 1] = entry end
  for _, entry in ipairs(broken) do
    entry.status = "failed"
    all[#all + 1] = entry
  end
  io.write(core.encode { ok = ok, passed = count.passed, failed = count.failed, pending = count.pending,
    ms = math.floor(seconds * 1000), tests = all, coverage = count_lines() }, "\n")
end

local function indented(text)
  return "    " .. text:gsub("\n", "\n    ") .. "\n"
end

local function tell_fault(entry)
  io.write(tones.bad, "failed  ", tones.plain, tones.bold, entry.name, tones.plain,
    (entry.times or 1) > 1 and (" (%d times)"):format(entry.times) or "", "\n")
  io.write(indented(("%s:%d: %s"):format(entry.file, entry.line or 0, entry.reason or "?")))
  for _, text in ipairs(entry.script_errors or {}) do io.write(indented("a script failed meanwhile: " .. text)) end
end

-- A setup that fails does so before each test: it is told once.
local function count_same(entries)
  local list, known = {}, {}
  for _, entry in ipairs(entries) do
    local key = table.concat({ entry.name, entry.file, entry.line or 0, entry.reason or "" }, "\0")
    if known[key] then
      known[key].times = known[key].times + 1
    else
      known[key] = entry
      entry.times = 1
      list[#list + 1] = entry
    end
  end
  return list
end

local function tell()
  local file
  for _, entry in ipairs(tests) do
    if entry.status == "failed" then
      tell_fault(entry)
    else
      local tone = entry.status == "passed" and tones.good or tones.dim
      io.write(tone, entry.status == "passed" and "passed  " or "pending ", tones.plain, entry.name, "\n")
    end
    file = entry.file
  end
  for _, entry in ipairs(count_same(broken)) do tell_fault(entry) end
  if not file and #broken == 0 then
    io.write(options.filter and ('no test has "%s" in its name\n'):format(options.filter) or "the specs have no test\n")
  end
  io.write(("%s%d passed, %d failed%s%s in %.1f s\n"):format(ok and tones.good or tones.bad, count.passed, count.failed,
    count.pending > 0 and (", %d pending"):format(count.pending) or "", tones.plain, seconds))
end

if options.as_json then
  tell_json()
else
  tell()
  tell_coverage(count_lines() or {})
end
return ok
