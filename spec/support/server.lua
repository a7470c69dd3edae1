-- A running weir for specs: started on a free port, waited for, always ended by its own process id.
--
--   local it_runs = server.start { command = "dev", scripts = "examples/chat" }
--   it_runs.url, it_runs.port, it_runs.pid, it_runs.log(), it_runs.output(), it_runs:stop()
--
-- `scripts` is a folder, or a table of files { ["chat.lua"] = "..." } that is written to a fresh folder
-- (found as .scripts, changed by :write(name, text)). `prefix` is a command that runs it (prlimit).
-- Should the spec die, its server dies with it: the shell between them sees the end of its input.
local server = {}
server.__index = server

local START_SECONDS, STOP_SECONDS = 20, 15

local function quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

local function run(command)
  local pipe = assert(io.popen(command))
  local out = pipe:read("a")
  pipe:close()
  return (out:gsub("\n$", ""))
end

local function sleep(seconds)
  os.execute("sleep " .. seconds)
end

-- Asks until `seconds` are over; what `ask` returned, or nil.
local function wait(seconds, ask)
  local last = os.time() + seconds
  repeat
    local answer = ask()
    if answer then return answer end
    sleep(0.03)
  until os.time() > last
  return nil
end
server.wait, server.read, server.quote = wait, read, quote

-- The program under test.
function server.binary()
  local path = os.getenv("WEIR_BIN")
  if path and path ~= "" then return path end
  local flavor = os.getenv("FLAVOR")
  return "build/" .. (flavor and flavor ~= "" and flavor or "release") .. "/weir"
end

-- A fresh folder; whoever makes it removes it (server.start removes those it made).
function server.folder()
  local path = run("mktemp -d /tmp/weir-spec.XXXXXX")
  assert(path:find("^/tmp/weir%-spec%."), "mktemp failed")
  return path
end

local function remove(path)
  assert(path:find("^/tmp/weir%-spec%.%w+$"), path)
  os.execute("rm -rf " .. quote(path))
end
server.remove = remove

-- The files of a folder as a table, for a copy that a spec may edit: { scripts = server.read_folder(...) }.
function server.read_folder(folder)
  local files = {}
  for path in run("cd " .. quote(folder) .. " && find . -type f"):gmatch("[^\n]+") do
    files[path:sub(3)] = read(folder .. "/" .. path)
  end
  return files
end

-- $1: a folder for our files; the rest: the command. Ends the command when our input ends.
local KEEPER = [[
exec 3<&0; d=$1; shift
"$@" >"$d/stdout" 2>"$d/stderr" </dev/null 3<&- & pid=$!
(
  cat <&3 >/dev/null
  kill -TERM $pid; sleep 5; kill -KILL $pid
) 2>/dev/null & watch=$!
exec 3<&-
echo $pid >"$d/pid.part"; mv "$d/pid.part" "$d/pid"
wait $pid; echo $? >"$d/status.part"; mv "$d/status.part" "$d/status"
kill -KILL $watch 2>/dev/null
]]

local function spawn(self, argv)
  write(self.folder .. "/keeper", KEEPER)
  local words = { "sh", quote(self.folder .. "/keeper"), quote(self.folder) }
  for _, word in ipairs(argv) do words[#words + 1] = quote(word) end
  self.keeper = assert(io.popen(table.concat(words, " ") .. " >/dev/null 2>&1", "w"))
  self.pid = wait(5, function() return tonumber(read(self.folder .. "/pid") or "") end)
end

local function command_line(options, scripts)
  local argv = { "env" }
  for name, value in pairs(options.env or {}) do argv[#argv + 1] = name .. "=" .. value end
  for _, word in ipairs(options.prefix or {}) do argv[#argv + 1] = word end
  argv[#argv + 1] = server.binary()
  argv[#argv + 1] = options.command or "serve"
  if scripts then
    if options.command ~= "dev" then argv[#argv + 1] = "--scripts" end
    argv[#argv + 1] = scripts
  end
  argv[#argv + 1] = "--listen"
  argv[#argv + 1] = options.listen or "127.0.0.1:0"
  for _, word in ipairs(options.args or {}) do argv[#argv + 1] = word end
  return argv
end

-- The same as server.start, for servers that are expected not to come up: returns the object (ended, with
-- its exit .status) when it has not.
function server.try(options)
  local self = setmetatable({ folder = server.folder() }, server)
  self.log = function() return self.saved_log or read(self.folder .. "/stderr") or "" end
  self.output = function() return self.saved_output or read(self.folder .. "/stdout") or "" end
  self.scripts = options.scripts
  if type(options.scripts) == "table" then
    self.scripts = self.folder .. "/scripts"
    os.execute("mkdir " .. quote(self.scripts))
    for name, text in pairs(options.scripts) do self:write(name, text) end
  end
  spawn(self, command_line(options, self.scripts))
  wait(START_SECONDS, function()
    self.scheme, self.port = self.output():match("listening on (https?)://[^%s]-:(%d+)%s")
    return self.port or self:exit_status()
  end)
  if not self.port then
    self:stop("KILL")
    return self
  end
  self.port = tonumber(self.port)
  self.url = ("%s://127.0.0.1:%d"):format(self.scheme, self.port)
  return self
end

function server.start(options)
  local self = server.try(options)
  if self.port then return self end
  error(("%s did not start (status %s)\n%s%s"):format(server.binary(), tostring(self.status), self.output(),
    self.log()), 2)
end

-- Writes a script file at once, as editors do.
function server:write(name, text)
  local path = self.scripts .. "/" .. name
  local folder = path:match("^(.*)/")
  if folder ~= self.scripts then os.execute("mkdir -p " .. quote(folder)) end
  write(path .. "~", text)
  assert(os.rename(path .. "~", path))
end

-- Its exit status, or nil while it runs.
function server:exit_status()
  self.status = self.status or tonumber(read(self.folder .. "/status") or "")
  return self.status
end

function server:signal(name)
  assert(self.pid and not self:exit_status(), "the server has ended")
  os.execute(("kill -%s %d"):format(name, self.pid))
end

-- Waits until the log says so (a Lua pattern); returns the captures.
function server:wait_log(pattern, seconds)
  local found = wait(seconds or 10, function()
    local captures = table.pack(self.log():match(pattern))
    return captures[1] and captures
  end)
  assert(found, ("the log never said %q:\n%s"):format(pattern, self.log()))
  return table.unpack(found, 1, found.n)
end

-- What a sanitizer had to say, or an end that is not the one asked for, fails the spec that ran the server.
local function examine(self, signal)
  local log = self.saved_log
  local report = log:match("ERROR: %a+Sanitizer.*") or log:match("WARNING: ThreadSanitizer.*") or log:match("[^\n]*runtime error:.*")
  if report then error("the sanitizer reports:\n" .. report:sub(1, 6000), 3) end
  if not signal and self.port and self.status ~= 0 then
    error(("the server ended with status %s:\n%s"):format(tostring(self.status), log:sub(-3000)), 3)
  end
end

-- Ends it (TERM unless told), harder when it does not; returns the exit status. Can be called twice. Raises when a
-- sanitizer has complained or an end by TERM was not a clean one.
function server:stop(signal)
  if not self.keeper then return self.status end
  if self.pid and not self:exit_status() then
    self:signal(signal or "TERM")
    if not wait(STOP_SECONDS, function() return self:exit_status() end) then
      self:signal("KILL")
      wait(5, function() return self:exit_status() end)
    end
  end
  self.saved_log, self.saved_output = self.log(), self.output()
  self.keeper:close()
  self.keeper = nil
  remove(self.folder)
  examine(self, signal)
  return self.status
end
server.__close = function(self) self:stop() end

return server
