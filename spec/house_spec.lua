-- The law of the house: floors, libraries, names, lengths. Each finding is a sentence that says where and what.
local FLOORS = {
  base = 1,
  wire = 2, rule = 2, auth = 2, loop = 2, store = 2, fetch = 2,
  hub = 3,
  dialect = 4,
  net = 5, script = 5, cluster = 5,
  main = 6, server = 6, config = 6, bench = 6, test = 6,
}

-- Neighbours of one floor that do not know each other.
local STRANGERS = {
  net = { script = true, cluster = true },
  script = { net = true, cluster = true },
  cluster = { net = true, script = true },
}

-- Where a library's headers may be named: a pattern of the header, its name for people, its floors.
local LIBRARIES = {
  { "^lua[a-z]*%.h$", { script = true, test = true } },
  { "^lauxlib%.h$", { script = true, test = true } },
  { "^uv%.h$", { loop = true } },
  { "^uv/", { loop = true } },
  { "^libwebsockets", { net = true } },
  { "^openssl/", { auth = true, net = true, bench = true } },
  { "^liburing", { net = true } },
  { "^zlib%.h$", { wire = true } },
  { "^sqlite3", { store = true } },
  { "^pcre2", { rule = true } },
  { "^curl/", { fetch = true } },
}

-- Rooms of core without a spec of their own name, and what tests them instead.
local COVERED_ELSEWHERE = {
  ["base/asset"] = "spec/server: weir.js and the Lua modules are assets",
  ["auth/alg"] = "names of algorithms: spec/core/auth/keyring_spec.lua",
  ["auth/base64"] = "the parts of tokens and keys: spec/core/auth/jwt_spec.lua",
  ["auth/jwk"] = "files of auth/keyring: spec/core/auth/keyring_spec.lua",
  ["auth/key"] = "each algorithm, and what it refuses: spec/core/auth/keyring_spec.lua",
  ["base/memory"] = "aborts by design; every spec runs on it",
  ["base/slice"] = "inline functions of every room",
  ["wire/json_bytes"] = "the inside of wire/json",
  ["wire/json_number"] = "what floats look like: spec/core/script/codec and spec/core/rule/rollup",
  ["wire/json_check"] = "the inside of wire/json",
  ["hub/behaviour"] = "a table of functions; spec/core/hub/home_spec.lua fills it",
  ["hub/dialect"] = "a table of functions; spec/core/dialect/centrifuge_spec.lua",
  ["hub/request"] = "structs only; spec/core/hub/home_spec.lua",
  ["hub/post"] = "the inside of hub/hub; spec/core/hub/home_spec.lua with three workers",
  ["dialect/api_channel"] = "methods of dialect/api: spec/core/dialect/api_spec.lua",
  ["dialect/api_node"] = "methods of dialect/api: spec/core/dialect/api_spec.lua",
  ["dialect/api_request"] = "the inside of dialect/api: spec/core/dialect/api_spec.lua",
  ["net/dial"] = "spec/server/tls_spec.lua: weir reload with a server that speaks TLS",
  ["net/blocks"] = "spec/proof/memory.lua: what a TLS connection costs; every TLS spec runs on it",
  ["net/ring"] = "spec/server/io_spec.lua: the server writing with it and without",
  ["loop/child"] = "spec/server/test_on_reload_spec.lua: specs in a process of their own",
  ["hub/recheck"] = "spec/server/recheck_spec.lua: who is put out after a reload, and how fast",
  ["hub/job"] = "spec/core/hub/lane_spec.lua: what waits, and what waits for it",
  ["hub/wish"] = "spec/server/hostile_scripts_spec.lua: storms, and what others are given of a turn meanwhile",
  ["hub/keep"] = "spec/server/services_spec.lua: what hooks set, and what is undone",
  ["hub/permit"] = "spec/core/hub/home_spec.lua, spec/core/hub/spot_spec.lua: what is refused",
  ["hub/presence"] = "spec/core/hub/home_members_spec.lua: asked through the home",
  ["hub/server_hook"] = "spec/core/hub/lane_spec.lua, spec/core/hub/session_spec.lua: as sessions call them",
  ["hub/member"] = "spec/core/hub/session_spec.lua: joining and leaving as a session sees it",
  ["dialect/info"] = "how a client is shown: spec/core/dialect/centrifuge_spec.lua and api_spec.lua, byte for byte",
  ["store/store_memory"] = "spec/core/store/store_spec.lua: the store that there is",
  ["fetch/inside"] = "structs only",
  ["fetch/arrival"] = "what comes in: spec/core/fetch/fetch_spec.lua",
  ["fetch/request"] = "what goes out: spec/core/fetch/fetch_spec.lua",
  ["script/option_audience"] = "options of script/option: spec/core/script/catalogue_spec.lua",
  ["script/option_inside"] = "the inside of script/option",
  ["rule/path"] = "the paths of masks: spec/core/rule/mask_spec.lua",
  ["rule/lex"] = "the inside of rule/rule",
  ["rule/parse"] = "the inside of rule/rule",
  ["rule/value"] = "the inside of rule/rule",
  ["bench/inside"] = "structs only",
  ["bench/plan"] = "structs only",
  ["bench/pace"] = "spec/server/bench_spec.lua: what is published when needs a server",
  ["bench/peer"] = "spec/server/bench_spec.lua: connections need a server, a lying one too",
  ["bench/pong"] = "spec/server/bench_spec.lua: event streams that are pinged",
  ["bench/process"] = "spec/server/bench_spec.lua: the server's CPU and memory",
  ["bench/protocol_mqtt"] = "spec/core/bench/protocol_spec.lua",
  ["bench/protocol_nats"] = "spec/core/bench/protocol_spec.lua",
  ["bench/protocol_raw"] = "spec/core/bench/protocol_spec.lua",
  ["bench/protocol_socketio"] = "spec/core/bench/protocol_spec.lua",
  ["bench/protocol_weir"] = "spec/core/bench/protocol_spec.lua",
  ["bench/receive"] = "spec/server/bench_spec.lua: messages lost, doubled and damaged by a lying server",
  ["bench/report"] = "spec/server/bench_spec.lua: as a person and a program read it",
  ["bench/run"] = "spec/server/bench_spec.lua: a run from its beginning to its end",
  ["bench/tls"] = "spec/server/bench_spec.lua: over TLS, trusted and not",
  ["rule/format_address"] = "the inside of rule/format",
  ["rule/format_inside"] = "the inside of rule/format",
  ["rule/format_time"] = "the inside of rule/format",
  ["rule/schema_check"] = "the inside of rule/schema",
  ["rule/schema_container"] = "the inside of rule/schema",
  ["rule/schema_fault"] = "the inside of rule/schema: its sentences are in spec/core/rule/schema_spec.lua",
  ["rule/schema_inside"] = "the inside of rule/schema",
  ["rule/schema_keyword"] = "the inside of rule/schema",
  ["rule/schema_meta"] = "the inside of rule/schema",
  ["rule/schema_number"] = "the inside of rule/schema: spec/core/rule/schema/tests, number.json",
  ["rule/schema_object"] = "the inside of rule/schema",
  ["rule/schema_ref"] = "the inside of rule/schema: spec/core/rule/schema/tests, refs.json",
  ["rule/schema_regex"] = "the inside of rule/schema: spec/core/rule/schema/tests, string.json",
  ["rule/schema_scalar"] = "the inside of rule/schema",
  ["rule/rollup_stretch"] = "the inside of rule/rollup",
  ["rule/schema_tape"] = "the inside of rule/schema",
  ["rule/schema_uri"] = "the inside of rule/schema: spec/core/rule/schema/tests, refs.json",
  ["config/check"] = "the inside of config/config",
  ["config/options"] = "the inside of config/config",
  ["config/print"] = "the inside of config/config",
  ["net/flush"] = "spec/server: slow readers, goodbyes and batching need sockets",
  ["net/http"] = "spec/server: requests over real connections; its parser is wire/http",
  ["net/inside"] = "structs only",
  ["net/net"] = "spec/server: accepts, limits and drains need sockets",
  ["net/route"] = "spec/server: every path is asked for there",
  ["net/stream"] = "spec/server: partial writes and TLS need sockets",
  ["dialect/reply"] = "spec/core/dialect/centrifuge_spec.lua and event_stream_spec.lua, byte for byte",
  ["net/emulation"] = "spec/server/event_stream_spec.lua",
  ["net/sse"] = "spec/server/event_stream_spec.lua, spec/clients",
  ["net/visit"] = "spec/server/websocket_spec.lua and event_stream_spec.lua: origins, names, headers",
  ["net/ws"] = "spec/server and spec/clients; its codec is wire/websocket",
}

-- Whole floors whose rooms are tested as one, through the running program or one another.
local FLOORS_ELSEWHERE = {
  main = "spec/server/cli_spec.lua: commands are tested as a person meets them",
  server = "spec/server: birth, reload and death of the running program",
  test = "spec/server/cli_test_spec.lua: what specs of scripts can say, through `weir test`",
  script = "spec/core/script: rooms are entered through vm and runtime; spec/lua",
}

local LINES_MAX, FUNCTION_MAX = 600, 60

local function lines_of(command)
  local list = {}
  local pipe = assert(io.popen(command))
  for line in pipe:lines() do list[#list + 1] = line end
  assert(pipe:close(), command .. " failed")
  return list
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

local function each_line(text)
  local number = 0
  local next_line = (text:sub(-1) == "\n" and text or text .. "\n"):gmatch("(.-)\n")
  return function()
    local line = next_line()
    number = number + 1
    if line then return number, line end
  end
end

-- What is written, not yet committed, counts as well: a law that looks after the commit is late.
local function tracked()
  return lines_of("git ls-files --cached --others --exclude-standard")
end

local function sources()
  local list = {}
  for _, path in ipairs(lines_of("ls core/*/*.[ch]")) do
    local floor, name, ending = path:match("^core/([^/]+)/([^/]+)%.([ch])$")
    list[#list + 1] = { path = path, floor = floor, name = name, ending = ending, short = path:sub(6) }
  end
  return list
end

-- In a failure all findings at once, one a line.
local function assert_none(findings)
  if #findings > 0 then error("\n  " .. table.concat(findings, "\n  "), 0) end
end

local function list_floors(floors)
  local names = {}
  for name in pairs(floors) do names[#names + 1] = name .. "/" end
  table.sort(names)
  return (#names == 1 and "one floor: " or "its floors: ") .. table.concat(names, ", ")
end

local function judge_own(source, target)
  local floor = target:match("^([^/]+)/")
  if not floor then return "is named without its floor" end
  if not FLOORS[floor] then return "is on a floor that the law does not know" end
  if not exists("core/" .. target) then return "does not exist" end
  if FLOORS[floor] > FLOORS[source.floor] then return "looks up" end
  if (STRANGERS[source.floor] or {})[floor] then return "stranger" end
end

local function include_findings(source)
  local findings = {}
  for number, line in each_line(read(source.path)) do
    local own, library = line:match('^%s*#%s*include%s+"(.-)"'), line:match("^%s*#%s*include%s+<(.-)>")
    local at = source.short .. ":" .. number
    local fault = own and judge_own(source, own)
    if fault == "looks up" then
      findings[#findings + 1] = at .. " looks up at " .. own
    elseif fault == "stranger" then
      findings[#findings + 1] = at .. " includes " .. own .. ", but " .. source.floor .. "/ and "
        .. own:match("^[^/]+") .. "/ do not know each other"
    elseif fault then
      findings[#findings + 1] = at .. ": " .. own .. " " .. fault
    end
    for _, law in ipairs(LIBRARIES) do
      if library and library:find(law[1]) and not law[2][source.floor] then
        findings[#findings + 1] = at .. ": " .. library .. " has " .. list_floors(law[2])
      end
    end
  end
  return findings
end

-- Functions as our clang-format writes them: a body begins with "{" and ends with "}" alone in the first column,
-- and the line above the "{" ends a head with ")". One-line bodies are one line long.
local function functions_of(source)
  local list, head, begun = {}, nil, nil
  local previous = ""
  for number, line in each_line(read(source.path)) do
    if line == "{" and previous:sub(-1) == ")" then
      begun = number
    elseif line == "}" and begun then
      list[#list + 1] = { name = head, lines = number - begun - 1, at = source.short .. ":" .. begun }
      begun = nil
    end
    if not begun then head = line:match("([%a_][%w_]*)%s*%(") and line:match("([%w_]+)%s*%(") or head end
    previous = line
  end
  return list
end

local function median(numbers)
  table.sort(numbers)
  return numbers[(#numbers + 1) // 2]
end

describe("the house", function()
  it("has no room that looks up, none that knows a stranger, and each library on its floor", function()
    local findings = {}
    for _, source in ipairs(sources()) do
      if not FLOORS[source.floor] then
        findings[#findings + 1] = source.short .. " is on a floor that the law does not know"
      else
        for _, finding in ipairs(include_findings(source)) do findings[#findings + 1] = finding end
      end
    end
    assert_none(findings)
  end)

  it("says what its law finds in words a person can act on", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write('#include "hub/hub.h"\n#include <uv.h>\n#include <lua.h>\n#include "net/net.h"\n#include "base/buf.h"\n',
      "  #  include <openssl/evp.h>\n#include <stdio.h>\n")
    file:close()
    local findings = include_findings({ path = path, short = "wire/x.h", floor = "wire" })
    assert.same({
      "wire/x.h:1 looks up at hub/hub.h",
      "wire/x.h:2: uv.h has one floor: loop/",
      "wire/x.h:3: lua.h has its floors: script/, test/",
      "wire/x.h:4 looks up at net/net.h",
      "wire/x.h:6: openssl/evp.h has its floors: auth/, bench/, net/",
    }, findings)
    findings = include_findings({ path = path, short = "script/x.c", floor = "script" })
    assert.same({
      "script/x.c:2: uv.h has one floor: loop/",
      "script/x.c:4 includes net/net.h, but script/ and net/ do not know each other",
      "script/x.c:6: openssl/evp.h has its floors: auth/, bench/, net/",
    }, findings)
    os.remove(path)
  end)

  it("begins every header by saying what the room is for", function()
    local findings = {}
    for _, source in ipairs(sources()) do
      local first = read(source.path):match("^[^\n]*")
      if source.ending == "h" and not first:find("^/%* .*%a+ %a+ %a+") then
        findings[#findings + 1] = source.short .. ": the first line must be a comment that says what the room is for"
      end
    end
    assert_none(findings)
  end)

  it("names every header's guard after its path", function()
    local findings = {}
    for _, source in ipairs(sources()) do
      if source.ending == "h" then
        local guard = (source.floor .. "_" .. source.name .. "_h"):upper()
        local text = read(source.path)
        if not text:find("#ifndef " .. guard .. "\n#define " .. guard .. "\n", 1, true) then
          findings[#findings + 1] = source.short .. ": its guard must be " .. guard
        end
        if text:sub(-8) ~= "\n#endif\n" then
          findings[#findings + 1] = source.short .. ": must end with its guard's #endif"
        end
      end
    end
    assert_none(findings)
  end)

  it("begins every .c with its own header, or the one that its rooms share", function()
    local findings = {}
    for _, source in ipairs(sources()) do
      local own = source.floor .. "/" .. source.name .. ".h"
      local first = read(source.path):match('#include%s+["<](.-)[">]')
      local is_shared = first and first:find("^" .. source.floor .. "/" .. source.name .. "_")
        and read("core/" .. first):find('#include "' .. own .. '"', 1, true)
      if source.ending == "c" and exists("core/" .. own) and first ~= own and not is_shared then
        findings[#findings + 1] = source.short .. ": must include " .. own .. " first"
      end
    end
    assert_none(findings)
  end)

  it("has no file above 600 lines", function()
    local findings = {}
    for _, source in ipairs(sources()) do
      local _, count = read(source.path):gsub("\n", "")
      if count > LINES_MAX then
        findings[#findings + 1] = source.short .. ": " .. count .. " lines; a room has at most " .. LINES_MAX
      end
    end
    assert_none(findings)
  end)

  it("has no function above 60 lines, and short ones as a rule", function()
    local findings, lengths = {}, {}
    for _, source in ipairs(sources()) do
      for _, fn in ipairs(functions_of(source)) do
        lengths[#lengths + 1] = fn.lines
        if fn.lines > FUNCTION_MAX then
          findings[#findings + 1] = ("%s: %s has %d lines; a function has at most %d"):format(fn.at, fn.name,
            fn.lines, FUNCTION_MAX)
        end
      end
    end
    assert.is_true(#lengths > 1000, "the counter sees the functions: " .. #lengths)
    local middle = median(lengths)
    if #findings > 0 then findings[#findings + 1] = ("(%d functions, median %d lines)"):format(#lengths, middle) end
    assert_none(findings)
    assert.is_true(middle <= 10, "the median function has " .. middle .. " lines; wished are at most 10")
  end)

  it("counts the lines of functions rightly", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write("static const int table[] = {\n    1,\n};\n\nint one(void)\n{\n    return 1;\n}\n\n",
      "static bool two(int first,\n                int second)\n{\n    if (first) {\n        second++;\n    }\n",
      "    return second;\n}\n\nstruct x\n{\n    int a;\n};\n")
    file:close()
    local found = functions_of({ path = path, short = "x.c" })
    os.remove(path)
    assert.same({ { name = "one", lines = 1, at = "x.c:6" }, { name = "two", lines = 4, at = "x.c:12" } }, found)
  end)

  it("has a spec for every room of core, or says why not", function()
    local findings, rooms = {}, {}
    for _, source in ipairs(sources()) do rooms[source.floor .. "/" .. source.name] = source.floor end
    for room, floor in pairs(rooms) do
      local has_spec = exists("spec/core/" .. room .. "_spec.lua")
      if not has_spec and not COVERED_ELSEWHERE[room] and not FLOORS_ELSEWHERE[floor] then
        findings[#findings + 1] = room .. ": has neither spec/core/" .. room .. "_spec.lua nor a reason in this file"
      elseif has_spec and COVERED_ELSEWHERE[room] then
        findings[#findings + 1] = room .. ": has a spec now; take its excuse out of this file"
      end
    end
    for room in pairs(COVERED_ELSEWHERE) do
      if not rooms[room] then findings[#findings + 1] = room .. ": has an excuse in this file but is no room" end
    end
    table.sort(findings)
    assert_none(findings)
  end)

  it("has no spec of a room that is not there", function()
    local findings = {}
    for _, path in ipairs(lines_of("ls spec/core/*/*_spec.lua")) do
      local room = path:match("^spec/core/(.-)_spec%.lua$")
      local whole = room:gsub("_%w+$", "") -- home_hooks_spec.lua is a part of home_spec.lua
      if not exists("core/" .. room .. ".h") and not exists("core/" .. room .. ".c") and not exists("core/" .. whole .. ".h") then
        findings[#findings + 1] = path .. ": there is no room core/" .. room
      end
    end
    assert_none(findings)
  end)

  it("names every Debian package it installs or mentions in the Makefile", function()
    local makefile = read("Makefile"):gsub("\\\n", " ")
    local known = {}
    for list in makefile:gmatch("PACKAGES_%u+%s*:?=%s*([^\n]*)") do
      for name in list:gmatch("%S+") do known[name] = true end
    end
    assert.is_true(known["liblua5.4-dev"], "the lists are read")
    local findings = {}
    local function judge(at, name)
      if not known[name] and not name:find("[$%%{]") then
        findings[#findings + 1] = at .. ": " .. name .. " is in none of the Makefile's PACKAGES lists"
      end
    end
    for _, path in ipairs(tracked()) do
      if not path:find("package%-lock%.json$") and path ~= "spec/house_spec.lua" then
        for number, line in each_line(read(path)) do
          local at = path .. ":" .. number
          for names in line:gmatch("apt%-?g?e?t?%s+[%w%s-]*install%s+([^`|&;#\"'%)]*)") do
            for name in names:gmatch("%S+") do
              if name:sub(1, 1) ~= "-" and name:find("^[%l%d][%l%d%.+-]+$") then judge(at, name) end
            end
          end
          for name in line:gmatch("%f[%w][%l%d%.+-]*%-dev%f[^%w-]") do
            if name:find("^lib") then judge(at, name) end
          end
        end
      end
    end
    assert_none(findings)
  end)

  it("names no package registry's host anywhere", function()
    -- Written apart, so that this file does not name them either.
    local hosts = {
      "registry.npmjs" .. ".org", "registry.yarnpkg" .. ".com", "pypi" .. ".org", "files.pythonhosted" .. ".org",
      "luarocks" .. ".org", "crates" .. ".io", "proxy.golang" .. ".org", "rubygems" .. ".org", "deb.debian" .. ".org",
      "archive.ubuntu" .. ".com", "npmmirror" .. ".com", "docker" .. ".io", "ghcr" .. ".io",
    }
    local findings = {}
    for _, path in ipairs(tracked()) do
      local text = read(path):lower()
      for _, host in ipairs(hosts) do
        if text:find(host, 1, true) then findings[#findings + 1] = path .. ": names the registry " .. host end
      end
      if path:find("package%-lock%.json$") and text:find('"resolved"', 1, true) then
        findings[#findings + 1] = path .. ': has "resolved" addresses (npm install --omit-lockfile-registry-resolved)'
      end
    end
    assert_none(findings)
  end)

  it("leaves nothing marked as to be done", function()
    local marks = { "TO" .. "DO", "FIX" .. "ME", "XX" .. "X" }
    local findings = {}
    for _, path in ipairs(tracked()) do
      for number, line in each_line(read(path)) do
        for _, mark in ipairs(marks) do
          if line:find("%f[%w]" .. mark .. "%f[%W]") and not path:find("package%-lock%.json$") then
            findings[#findings + 1] = path .. ":" .. number .. ": " .. mark
          end
        end
      end
    end
    assert_none(findings)
  end)

  it("has no struct typedefs and no mutable globals that others see", function()
    local findings = {}
    for _, source in ipairs(sources()) do
      for number, line in each_line(read(source.path)) do
        local at = source.short .. ":" .. number
        if line:find("^%s*typedef%s+struct") then findings[#findings + 1] = at .. ": a struct typedef" end
        if source.ending == "h" and line:find("^extern%s+") and not line:find("^extern%s+const%s")
          and not line:find("%(") then
          findings[#findings + 1] = at .. ": a global that is not const"
        end
      end
    end
    assert_none(findings)
  end)

  it("keeps the specs' own rooms in step: every room_NAME.c opens the room it is named after", function()
    local findings = {}
    for _, path in ipairs(lines_of("ls spec/support/room_*.c")) do
      local name = path:match("room_([%w_]+)%.c$")
      if not read(path):find("int luaopen_room_" .. name .. "%(lua_State %*") then
        findings[#findings + 1] = path .. ": must define luaopen_room_" .. name
      end
    end
    assert_none(findings)
  end)
end)
