-- The pages cannot lie: every command and script in them is run, every table is compared with the program.
--
-- What a block is, its info string says:
--   sh            run; "server": it starts a server, which later blocks talk to; "norun": its syntax is checked
--   console       lines with "$ " are run, one after another; the lines below each are what it prints
--   js, html      run in Node, the HTML's script as in a page
--   text, json    "output": what the block before printed; "log": lines of the server's log; else only JSON is parsed
--   lua           a whole script, loaded as by `weir check` (file=NAME, "with" the files before; "save": into the
--                 running server; "refused": with the text block below as reasons; "values": EXPRESSION --> value;
--                 spec=NAME: run by `weir test` beside the scripts before it, and passes, or "fails")
--   talk          a dialogue with those scripts, or with the page's server (see spec/support/talk_page.mjs)
-- 127.0.0.1:8000 stands for a free port, "…" for anything.
local Lab = require "page_lab"
local cjson = require "cjson"
local pages = require "pages"
local server = require "server"

local PAGES = { "README.md", "docs/testing.md", "docs/client.md", "docs/protocol.md", "docs/operations.md", "docs/architecture.md",
  "docs/benchmarks.md" }
local OTHERS = { "CHANGELOG.md", "examples/chat/README.md", "examples/tenants/README.md" }

function server.json(text) -- what an rpc that returns this text answers
  return (cjson.encode(text):gsub("\\/", "/"))
end

local function lines(command)
  local out, pipe = {}, assert(io.popen(command))
  for line in pipe:lines() do out[#out + 1] = line end
  pipe:close()
  return out
end

local function files_of(pattern)
  return lines("git ls-files -co --exclude-standard -- " .. pattern)
end

for _, path in ipairs(files_of "'docs/scripting/*.md'") do PAGES[#PAGES + 1] = path end
for _, path in ipairs(files_of "'docs/decisions/*.md'") do OTHERS[#OTHERS + 1] = path end

local function is_same(what, have, want)
  if not pages.is_like(have, want) then
    error(("%s printed\n%s\nand the page says\n%s"):format(what, have, want), 0)
  end
end

-- ---- what the languages do; each gets the lab, the block, the one before and the one after ----

local run = {}

function run.sh(lab, block)
  if block.words.norun then
    local out, ok = lab:run("bash -n", "block.sh", block.text)
    return ok or error(out, 0)
  end
  if block.words.server then
    block.output = lab:serve(block.text)
    return
  end
  local out, ok = lab:run("bash -e", "block.sh", block.text)
  if not ok then error("failed:\n" .. out .. lab:log(), 0) end
  block.output = out
end

-- One session: what a command sets, the next one has.
function run.console(lab, block)
  local commands, script = {}, {}
  for line in block.text:gmatch "([^\n]*)\n" do
    local command, last = line:match "^%$ (.*)$", commands[#commands]
    if command then
      commands[#commands + 1] = { words = { command }, shown = {} }
    elseif last and last.words[#last.words]:match "\\$" and #last.shown == 0 then
      last.words[#last.words + 1] = line
    elseif last then
      last.shown[#last.shown + 1] = line
    end
  end
  for i, command in ipairs(commands) do
    script[#script + 1] = ("printf '\\001%d\\n'\n%s"):format(i, table.concat(command.words, "\n"))
  end
  local out = lab:run("bash", "block.sh", table.concat(script, "\n"))
  for i, command in ipairs(commands) do
    local said = out:match("\001" .. i .. "\n([^\001]*)") or ""
    is_same(command.words[1], said, table.concat(command.shown, "\n"))
  end
end

function run.js(lab, block)
  local out, ok = lab:run("node", "block.mjs", block.text)
  if not ok then error("failed:\n" .. out .. lab:log(), 0) end
  block.output = out
end

function run.html(lab, block)
  local runner = lines("realpath spec/support/html_page.mjs")[1]
  local out = lab:run(("node %s http://127.0.0.1:%d"):format(runner, lab.port), "block.html", block.text)
  block.output = out
end

function run.text(lab, block, before)
  if block.words.output then
    is_same("the block before", before.output or error("the block before prints nothing", 0), block.text)
  elseif block.words.log then
    for line in block.text:gmatch "[^\n]+" do
      local found = server.wait(5, function()
        for said in lab:log():gmatch "[^\n]+" do
          if pages.is_like(said, line) then return true end
        end
      end)
      if not found then error(("the log has no line\n%s\nbut\n%s"):format(line, lab:log()), 0) end
    end
  elseif not block.words.refused and not block.words.plain then
    error("a text block says in its info string what it is: output, log, refused or plain", 0)
  end
end

function run.json(lab, block, before)
  if block.words.output then return run.text(lab, block, before) end
  for line in block.text:gmatch "[^\n]+" do cjson.decode(line) end
end

function run.lua(lab, block, _, after)
  local name = block.words.file or "script.lua"
  if block.words.config then
    local out, ok = lab:run("bash", "check.sh", ("cat >%s <<'EOT'\n%sEOT\nweir config --config %s"):format(
      block.words.config, block.text, block.words.config))
    return ok or error(out, 0)
  end
  if block.words.values then
    local wrong = lab:values(block.text)
    return wrong == "" or error(wrong, 0)
  end
  if block.words.save then return lab:save(name, block.text) end
  if block.words.spec then
    local out, ok = lab:check_spec(block.words.spec, block.text)
    block.output = out
    return ok == not block.words.fails or error(out, 0)
  end
  local files = {}
  if block.words.with then
    for known, text in pairs(lab.files) do files[known] = text end
  end
  files[name] = block.text
  local out, ok = lab:check(files)
  if block.words.refused then
    if ok then error("it is not refused", 0) end
    is_same("weir check", out:gsub("checked/", ""):gsub("weir: %d+ problem[^\n]*\n", ""), after.text)
    return
  end
  if not ok then error(out, 0) end
  lab:set(files)
end

function run.talk(lab, block)
  local said = lab:talk(block.text)
  return said == "ok" or error(said, 0)
end

-- A unit's command line has to be one that weir takes.
function run.ini(lab, block)
  local flags = block.text:match "ExecStart=%S+ serve([^\n]*)"
  local script = { "for word in " .. flags .. "; do", "case $word in",
    '--*) weir serve --help | grep -q -- "$word " || { echo "no flag $word"; exit 1; } ;;', "esac", "done" }
  local out, ok = lab:run("bash", "check.sh", table.concat(script, "\n"))
  return ok or error(out, 0)
end

function run.c() end
function run.nginx(_, block)
  local _, open = block.text:gsub("{", "")
  local _, close = block.text:gsub("}", "")
  return open == close or error("braces", 0)
end

for _, path in ipairs(PAGES) do
  local page = pages.read(path)
  describe(path, function()
    local lab
    lazy_setup(function() lab = Lab.open() end)
    lazy_teardown(function() lab:close() end)
    for i, block in ipairs(page.blocks) do
      local first = block.text:match "[^\n]*" or ""
      it(("line %d holds: %s %s"):format(block.line, block.language, first:sub(1, 60)), function()
        local handler = run[block.language] or error("a block without a language, or with an unknown one", 0)
        handler(lab, block, page.blocks[i - 1], page.blocks[i + 1])
      end)
    end
  end)
end

-- ---- links and names ----

local function anchors(path)
  local found = {}
  for line in (server.read(path) .. "\n"):gmatch "(.-)\n" do
    local title = line:match "^#+%s+(.*)$"
    if title then
      found[title:lower():gsub("[^%w%s_-]", ""):gsub("%s", "-")] = true
    end
  end
  return found
end

local function all_pages()
  local all = {}
  for _, path in ipairs(PAGES) do all[#all + 1] = path end
  for _, path in ipairs(OTHERS) do all[#all + 1] = path end
  return all
end

local function prose_of(path)
  return table.concat(pages.read(path).prose, "\n")
end

describe("the pages", function()
  it("link to what is there", function()
    for _, path in ipairs(all_pages()) do
      local folder = path:match "^(.*/)" or ""
      for target in prose_of(path):gmatch "%]%(([^)]+)%)" do
        if not target:match "^https?:" then
          local file, anchor = target:match "^([^#]*)#?(.*)$"
          local there = file == "" and path or folder .. file
          assert.is_truthy(os.execute("test -e " .. server.quote(there)), path .. " links to " .. target)
          if anchor ~= "" then assert.is_truthy(anchors(there)[anchor], path .. " links to " .. target) end
        end
      end
    end
  end)

  it("name files that are there", function()
    local known = {}
    for _, path in ipairs(files_of ".") do known[path] = true end
    for _, path in ipairs(all_pages()) do
      for name in prose_of(path):gmatch "`([%w_./-]+/[%w_.-]+%.%l+)`" do
        local is_file = name:match "%.[ch]$" or name:match "_spec%.lua$" or name:match "%.mjs$"
        if is_file and not name:match "%u%u" then -- NAME, FLOOR and ROOM are to be filled in
          assert.is_truthy(known[name] or known["core/" .. name] or known["spec/" .. name], path .. " names " .. name)
        end
      end
    end
  end)

  it("name functions that are there", function()
    local code = table.concat(lines "cat core/*/*.[ch] spec/support/*.c", "\n")
    for _, path in ipairs { "docs/architecture.md", "docs/decisions" } do
      for _, each in ipairs(path:match "%.md$" and { path } or files_of "'docs/decisions/*.md'") do
        for name in prose_of(each):gmatch "`([%l_]+_[%l_]+)%(%)`" do
          assert.is_truthy(code:find(name .. "(", 1, true), each .. " names " .. name)
        end
      end
    end
  end)

  it("name specs that are there", function()
    local page = pages.read "docs/protocol.md"
    local specs = 0
    for file, sentence in page.text:gmatch "`([%w_/]+_spec)`: ([^|\n]+) |" do
      local text = assert(server.read("spec/" .. file .. ".lua"), file)
      for each in (sentence .. ";"):gmatch "%s*([^;]+);" do
        specs = specs + 1
        assert.is_truthy(text:find('"' .. each:gsub("%s+$", "") .. '"', 1, true), file .. " has no: " .. each)
      end
    end
    assert.is_true(specs > 40)
  end)

  it("are short of neither title nor end", function()
    for _, path in ipairs(all_pages()) do
      assert.matches("^# ", server.read(path), 1, false)
      assert.matches("\n$", server.read(path))
    end
  end)
end)

-- ---- tables ----

local function code_of(cell)
  return cell:match "`([^`]*)`" or cell
end

local function keys_of(page, title)
  local keys = {}
  for _, row in ipairs(pages.table_below(pages.read(page), title)) do
    for key in row[1]:gmatch "`([^`]+)`" do keys[#keys + 1] = key end
  end
  table.sort(keys)
  return keys
end

-- What stands between quotes in a list of C, from its name to the closing brace.
local function list_in(path, name)
  local found = {}
  local body = server.read(path):match(name .. "%b[].-(%b{});") or error(path .. " has no " .. name)
  for word in body:gmatch '"([^"]*)"' do found[#found + 1] = word end
  table.sort(found)
  return found
end

describe("the tables of the protocol", function()
  local header = server.read "core/base/error.h"

  local function rows_of(list, pattern)
    local rows = {}
    local body = header:match("#define " .. list .. "%(X%)(.-)\n\n")
    for name, number, text, flag in body:gmatch(pattern) do
      rows[#rows + 1] = { name, number, text, flag }
    end
    assert(#rows > 10)
    return rows
  end

  it("have every error code of the header, and no other", function()
    local page, want, have = pages.read "docs/protocol.md", {}, {}
    for _, row in ipairs(rows_of("ERROR_CODES", 'X%((%w[%w_]*), (%d+), "([^"]*)", (%d)%)')) do
      if tonumber(row[2]) >= 100 then
        want[#want + 1] = ("%s %s %s"):format(row[2], row[3], row[4] == "1" and "yes" or "no")
      end
    end
    for _, row in ipairs(pages.table_below(page, "Error codes")) do
      if tonumber(row[1]) then have[#have + 1] = ("%s %s %s"):format(row[1], row[2], row[3]) end
    end
    assert.same(want, have)
  end)

  it("have every close code of the header, and no other", function()
    local page, want, have = pages.read "docs/protocol.md", {}, {}
    for _, row in ipairs(rows_of("CLOSE_CODES", 'X%((%w[%w_]*), (%d+), "([^"]*)"%)')) do
      if tonumber(row[2]) >= 3000 then want[#want + 1] = row[2] .. " " .. row[3] end
    end
    for _, row in ipairs(pages.table_below(page, "Close codes")) do have[#have + 1] = row[1] .. " " .. row[2] end
    assert.same(want, have)
  end)

  it("have every method of the server API", function()
    local body, want = table.concat(lines "cat core/dialect/api*.c", "\n"):match "} methods%[%] = (%b{});", {}
    for name in body:gmatch '{"([%l_]+)"' do want[#want + 1] = name end
    table.sort(want)
    assert.same(want, keys_of("docs/protocol.md", "Server API"))
  end)
end)

describe("the tables of operations", function()
  local lab
  lazy_setup(function() lab = Lab.open() end)
  lazy_teardown(function() lab:close() end)

  it("have every option with its default, and no other", function()
    local out = lab:run("bash", "check.sh", "unset WEIR_LISTEN; weir config --json")
    local options, want, have = cjson.decode(out), {}, {}
    for name, option in pairs(options) do
      local value = option.value
      want[name] = value == cjson.null and "" or tostring(math.type(value) and math.tointeger(value) or value)
    end
    for _, row in ipairs(pages.table_below(pages.read "docs/operations.md", "Every option")) do
      local name = code_of(row[1]):match "^%-%-([%l-]+)"
      if name ~= "config" then have[name] = row[2] == "" and "" or code_of(row[2]) end
    end
    assert.same(want, have)
  end)

  it("have every metric that the server tells, and no other", function()
    local told, want = {}, {}
    local started = server.start { command = "dev", scripts = "examples/chat" }
    for _, line in ipairs(lines("curl -s " .. started.url .. "/metrics")) do
      local name = line:match "^# TYPE (%S+)"
      if name then told[name] = true end
    end
    started:stop()
    for name in pairs(told) do want[#want + 1] = name end
    table.sort(want)
    assert.same(want, keys_of("docs/operations.md", "Metrics"))
  end)

  it("have every reason in a metric's label", function()
    local text = server.read "docs/operations.md"
    for reason in server.read("core/hub/stats.h"):gmatch 'reason=\\"([%l_]+)\\"' do
      assert.is_truthy(text:find("`" .. reason .. "`", 1, true), "operations.md does not name the reason " .. reason)
    end
  end)

  it("have every event of the log", function()
    local text = server.read "docs/operations.md"
    local code = table.concat(lines "cat core/*/*.c", "\n")
    for event in code:gmatch 'log_event%([^";{]-, "([^"]*)"' do
      assert.is_truthy(text:find("`" .. event .. "`", 1, true), "operations.md does not name the event " .. event)
    end
  end)

  it("have every command", function()
    local want = {}
    for _, line in ipairs(lines(server.binary() .. " help")) do
      want[#want + 1] = line:match "^  (%l+)   *%l"
    end
    for i = #want, 1, -1 do
      if want[i] == "weir" then table.remove(want, i) end
    end
    table.sort(want)
    assert.same(want, keys_of("docs/operations.md", "Commands"))
  end)
end)

-- What `weir types` writes for editors, of which the page of reference is made.
describe("the types", function()
  local text, test_text = server.read "lua/weir.d.lua", server.read "lua/weir.test.d.lua"

  local function sorted(...)
    local all = {}
    for _, list in ipairs { ... } do
      for _, name in ipairs(list) do all[#all + 1] = name end
    end
    table.sort(all)
    return all
  end

  local function all_in(of, pattern)
    local found = {}
    for name in of:gmatch(pattern) do found[#found + 1] = name end
    return found
  end

  -- The fields of a class and its methods.
  local function members_of(of, class, methods)
    local body = of:match("\n%-%-%-@class " .. class:gsub("%p", "%%%0") .. "\n(.-)\n[^%-]")
    return sorted(all_in(body, "%-%-%-@field ([%w_]+)"), methods and all_in(of, "\nfunction " .. methods .. "[:.]([%w_]+)") or {})
  end

  it("have every global", function()
    local stock = { "math", "string", "table", "utf8" } -- as editors know them
    assert.same(list_in("core/script/sandbox.c", "documented"),
      sorted(all_in(text, "\nfunction ([%l_]+)%("), all_in(text, "\n([%l_]+) = {}"), stock))
  end)

  it("have every option, hook and member", function()
    local options = all_in(server.read("core/script/option.c"):match "} rows%[%] = (%b{});", '{"([%l_]+)"')
    assert.same(sorted(options), members_of(text, "weir.Options"))
    assert.same(sorted(list_in("core/script/api_channel.c", "members"), list_in("core/script/declare.c", "hook_names"),
      { "rpc_NAME", "view_NAME" }), members_of(text, "weir.Channel", "Channel"))
    assert.same(sorted(list_in("core/script/declare.c", "server_hook_names"), { "rpc_NAME" }), members_of(text, "weir.Server"))
    assert.same(list_in("core/script/api_client.c", "members"), members_of(text, "weir.Client", "Client"))
    assert.same({ "array", "decode", "encode", "null" }, members_of(text, "weir.Json", "json"))
  end)

  it("are what the page of reference is made of", function()
    local page = "docs/scripting/reference.md"
    assert.is_true(require "reference".made() == server.read(page), page .. " is not what is made of lua/weir.d.lua: make reference")
    for _, name in ipairs(sorted(all_in(text, "%-%-%-@field ([%w_]+)"), all_in(text, "\nfunction [%u%l]+[:.]([%w_]+)%("))) do
      assert.is_truthy(server.read(page):find(name, 1, true), name)
    end
  end)

  it("have every function for specs", function()
    local module = server.read "lua/weir_test.lua"
    for _, class in ipairs { "Scene", "Client" } do
      assert.same(sorted(all_in(module, "\nfunction " .. class .. ":(%l[%l_]*)")),
        sorted(all_in(test_text, "\nfunction " .. class .. ":([%l_]+)")))
    end
    assert.same(sorted(all_in(module, '\nadd%("(%l+)"')), members_of(test_text, "weir.test.Assertions"))
  end)

  it("tell what each parameter is", function()
    for _, of in ipairs { text, test_text } do
      local above, functions = {}, 0
      for line in of:gmatch "([^\n]*)\n" do
        local name, parameters = line:match "^function ([%w_.:]+)%((.-)%)"
        if name then
          functions = functions + 1
          for parameter in parameters:gmatch "[%w_.]+" do
            local is_told = false
            for _, comment in ipairs(above) do
              is_told = is_told or comment:find("@param " .. parameter:gsub("%p", "%%%0") .. "%??%s") ~= nil
            end
            assert.is_true(is_told, name .. " does not tell what " .. parameter .. " is")
          end
        end
        if line:sub(1, 3) == "---" then above[#above + 1] = line else above = {} end
      end
      assert.is_true(functions > 20)
    end
  end)
end)

describe("the tables of testing", function()
  it("have every function for specs", function()
    local module, names = server.read "lua/weir_test.lua", {}
    for class, words in pairs { ["Scenes"] = "function (Scene:%l[%l_]*)", ["Clients"] = "function (Client:%l[%l_]*)",
      ["Results"] = "\nadd%(\"(%l+)\"" } do
      local want, have = {}, {}
      for name in module:gmatch(words) do want[#want + 1] = (name:gsub("^%u%l+:", "")) end
      for _, row in ipairs(pages.table_below(pages.read "docs/testing.md", class)) do
        for name in row[1]:gmatch "`([^`]+)`" do
          if not name:find "^t%." then have[#have + 1] = name:gsub("%(.*", ""):gsub("^s:", ""):gsub("^assert%.", "") end
        end
      end
      for i = #have, 1, -1 do
        if have[i] == have[i - 1] then table.remove(have, i) end
      end
      table.sort(want)
      table.sort(have)
      assert.same(want, have, class)
      names[#names + 1] = #want
    end
    assert.is_true(math.min(table.unpack(names)) >= 5)
  end)
end)
