-- Where the blocks of one page are run: a fresh folder with the examples, a `weir` on the PATH, a free port that
-- stands for 127.0.0.1:8000, and the server that a block started.
local pages = require "pages"
local server = require "server"

local Lab = {}
Lab.__index = Lab

local RUN_SECONDS, START_SECONDS = 60, 20

local function absolute(path)
  local pipe = assert(io.popen("realpath " .. server.quote(path)))
  local out = pipe:read "l"
  pipe:close()
  return out
end

local function write(path, text, mode)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  if mode then os.execute(("chmod %s %s"):format(mode, server.quote(path))) end
end

local function free_port()
  for _ = 1, 100 do
    local port = math.random(20000, 30000)
    if not os.execute(("bash -c 'exec 3<>/dev/tcp/127.0.0.1/%d' 2>/dev/null"):format(port)) then return port end
  end
  error "no free port"
end

-- In the background a server says its process id, and does not outlive a spec that died.
local WEIR = [[#!/bin/sh
[ -n "$LAB_PID" ] || exec %s "$@"
timeout 300 %s "$@" & pid=$!
echo $pid >"$LAB_PID"
wait $pid
]]
-- `make run` is what the Makefile says it is, without the building; other targets only have to exist.
local MAKE = [[#!/bin/sh
said=$(/usr/bin/make --no-print-directory -n -C %s "$@") || exit 1
[ "$1" = run ] || exit 0
case "$said" in *"build/weir dev examples/chat"*) exec build/weir dev examples/chat ;; esac
echo "make run does something else: $said" >&2
exit 1
]]

function Lab.open()
  local self = setmetatable({ folder = server.folder(), port = free_port(), files = {} }, Lab)
  local root, binary = absolute ".", absolute(server.binary())
  local quoted = server.quote(self.folder)
  os.execute(("mkdir %s/bin %s/build && cp -r examples scripts %s"):format(quoted, quoted, quoted))
  os.execute(("ln -s %s/spec/clients/node_modules %s/node_modules"):format(server.quote(root), quoted))
  write(self.folder .. "/bin/weir", WEIR:format(binary, binary), "755")
  write(self.folder .. "/bin/make", MAKE:format(root), "755")
  os.execute(("ln -s ../bin/weir %s/build/weir"):format(quoted))
  return self
end

-- 127.0.0.1:8000 on the page is our port, and the other way round.
function Lab:here(text)
  return (text:gsub("127%.0%.0%.1:8000", "127.0.0.1:" .. self.port))
end
function Lab:there(text)
  return (text:gsub("127%.0%.0%.1:" .. self.port, "127.0.0.1:8000"):gsub(self.folder:gsub("%p", "%%%0"), "/tmp/lab"))
end

function Lab:environment()
  return ("cd %s && env -i PATH=%s/bin:%s HOME=%s LANG=C.UTF-8 TERM=dumb WEIR_LISTEN=127.0.0.1:%d"):format(
    server.quote(self.folder), self.folder, os.getenv "PATH", self.folder, self.port)
end

-- What it printed (errors too), and whether it ended well.
function Lab:run(program, name, text)
  write(self.folder .. "/" .. name, self:here(text))
  local pipe = assert(io.popen(("%s timeout -k 5 %d %s %s 2>&1 </dev/null"):format(self:environment(), RUN_SECONDS,
    program, name)))
  local out = pipe:read "a"
  return self:there(out), (pipe:close()) == true
end

function Lab:log()
  return self:there(server.read(self.folder .. "/log") or "")
end

function Lab:stop()
  if self.pid then
    os.execute(("kill -TERM %d 2>/dev/null"):format(self.pid))
    server.wait(15, function() return not os.execute(("kill -0 %d 2>/dev/null"):format(self.pid)) end)
    self.pid = nil
  end
  if self.stage then self.stage:stop() end
  self.stage = nil
end

function Lab:close()
  self:stop()
  server.remove(self.folder)
end

-- Runs a block whose last command is a server, and waits until that listens.
function Lab:serve(text)
  self:stop()
  os.remove(self.folder .. "/pid")
  write(self.folder .. "/block.sh", self:here(text))
  os.execute(("%s LAB_PID=%s/pid bash block.sh >out 2>log </dev/null &"):format(self:environment(), self.folder))
  local out
  server.wait(START_SECONDS, function()
    out = server.read(self.folder .. "/out") or ""
    return out:find "listening on" and server.read(self.folder .. "/pid")
  end)
  self.pid = tonumber(server.read(self.folder .. "/pid") or "")
  assert(self.pid and out:find "listening on", "no server started:\n" .. self:log() .. out)
  return self:there(out)
end

-- ---- Lua: scripts, and what happens with them ----

function Lab:write_checked(files)
  local path = self.folder .. "/checked"
  os.execute(("rm -rf %s && mkdir -p %s"):format(path, path))
  for name, text in pairs(files) do
    local below = name:match "^(.*)/"
    if below then os.execute(("mkdir -p %s/%s"):format(path, below)) end
    write(path .. "/" .. name, text)
  end
end

function Lab:check(files)
  self:write_checked(files)
  return self:run("bash", "check.sh", "weir check --strict checked")
end

-- A spec beside the scripts of the stage.
function Lab:check_spec(name, text)
  local files = { [name] = text }
  for known, script in pairs(self.files) do files[known] = script end
  self:write_checked(files)
  return self:run("bash", "check.sh", "weir test checked")
end

-- Sets the scripts of the stage; the server starts when somebody talks.
function Lab:set(files)
  self.files = files
  if self.stage then self.stage:stop() end
  self.stage = nil
end

function Lab:save(name, text)
  self:open_stage()
  self.files[name] = text
  local function reloads()
    return select(2, self.stage.log():gsub("event=reload", ""))
  end
  local before = reloads()
  self.stage:write(name, text)
  assert(server.wait(10, function() return reloads() > before or nil end), "the save was not noticed")
end

function Lab:open_stage()
  if not self.stage then
    assert(next(self.files), "no script before this talk")
    self.stage = server.start { command = "dev", scripts = self.files, args = { "--workers", "1", "--linger-ms", "60000" } }
  end
  return self.stage
end

-- "ok", or what did not come true. `text` may be for the stage or for the page's server.
function Lab:talk(text)
  local url, log = ("http://127.0.0.1:%d"):format(self.port), self.folder .. "/log"
  if not self.pid then
    local stage = self:open_stage()
    url, log = stage.url, stage.folder .. "/stderr"
  end
  write(self.folder .. "/dialogue", text)
  local pipe = assert(io.popen(("timeout 60 node spec/support/talk_page.mjs %s %s <%s/dialogue 2>&1"):format(url, log,
    self.folder)))
  local out = pipe:read "a"
  pipe:close()
  return (out:gsub("\n$", ""))
end

-- ---- values: lines of "EXPRESSION --> what it is", the rest are locals ----

local SHOW = [[
local function show_one(value)
  if type(value) == "string" then return '"' .. value .. '"' end
  if value == json.null then return "json.null" end
  if type(value) == "table" then return json.encode(value) end
  return tostring(value)
end
local function show(ok, ...)
  local all = table.pack(...)
  if not ok then return "error: " .. tostring(all[1]):gsub("^script%.lua:%d+: ", "") end
  for i = 1, all.n do all[i] = show_one(all[i]) end
  return table.concat(all, ", ")
end
]]

function Lab:values(text)
  local script, expected, prelude = { SHOW }, {}, {}
  for line in text:gmatch "[^\n]+" do
    local expression, value = line:match "^(.-)%s*%-%->%s*(.*)$"
    if expression then
      expected[#expected + 1] = { expression, value }
    elseif not line:match "^%s*%-%-" then
      prelude[#prelude + 1] = line
    end
  end
  script[#script + 1] = table.concat(prelude, "\n")
  for i, row in ipairs(expected) do
    script[#script + 1] = ("function server.rpc_v%d() return (show(pcall(function() return %s end))) end"):format(i,
      row[1])
  end
  self:set { ["script.lua"] = table.concat(script, "\n") }
  local wrong = {}
  for i, row in ipairs(expected) do
    local said = self:talk(("ann calls v%d -> %s"):format(i, server.json(row[2])))
    if said ~= "ok" then wrong[#wrong + 1] = row[1] .. " --> " .. row[2] .. "\n  " .. said end
  end
  return table.concat(wrong, "\n")
end

Lab.is_like = pages.is_like

return Lab
