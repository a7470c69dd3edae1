-- The program as a person or a shell script meets it, for specs: cli.weir({ "check", path }, { "NAME=value" }).out
local assert = require "luassert"
local lfs = require "lfs"

local FLAVOR = os.getenv "FLAVOR" or "release"
local WEIR = os.getenv "WEIR_BIN" or ("build/%s/weir"):format(FLAVOR)

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local content = file:read "a"
  file:close()
  return content
end

local function write_file(path, content)
  local file = assert(io.open(path, "wb"))
  file:write(content)
  file:close()
  return path
end

-- Whoever tests the program has variables of its own: the program gets none but those of the test.
local function command_line(arguments, environment)
  local words = { "env", "-i" }
  for _, name in ipairs { "PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS" } do
    local value = os.getenv(name)
    if value then
      words[#words + 1] = quote(name .. "=" .. value)
    end
  end
  for _, setting in ipairs(environment or {}) do
    words[#words + 1] = quote(setting)
  end
  words[#words + 1] = quote(WEIR)
  for _, word in ipairs(arguments) do
    words[#words + 1] = quote(word)
  end
  return table.concat(words, " ")
end

local function weir(arguments, environment)
  local out, err = os.tmpname(), os.tmpname()
  local _, how, code = os.execute(("%s </dev/null >%s 2>%s"):format(command_line(arguments, environment), out, err))
  local result = { out = read_file(out), err = read_file(err), code = how == "exit" and code or how .. code }
  os.remove(out)
  os.remove(err)
  return result
end

local folders = {}

-- After each test.
local function clean()
  while #folders > 0 do
    os.execute("rm -r " .. quote(table.remove(folders)))
  end
end

-- A folder of files that is gone after the test.
local function folder(files)
  local path = os.tmpname()
  os.remove(path)
  assert(lfs.mkdir(path))
  folders[#folders + 1] = path
  for name, content in pairs(files) do
    local inner = name:match "^(.+)/"
    if inner then
      lfs.mkdir(path .. "/" .. inner)
    end
    write_file(path .. "/" .. name, content)
  end
  return path
end

local function has(text, ...)
  for _, word in ipairs { ... } do
    assert.truthy(text:find(word, 1, true), ("%q is not in: %s"):format(word, text))
  end
end

local function has_not(text, word)
  assert.is_nil(text:find(word, 1, true), ("%q is in: %s"):format(word, text))
end

local function refuses_usage(arguments, ...)
  local result = weir(arguments)
  assert.equal(2, result.code, table.concat(arguments, " "))
  assert.equal("", result.out)
  has(result.err, ...)
end

return {
  WEIR = WEIR, clean = clean,
  quote = quote, read_file = read_file, write_file = write_file, command_line = command_line, weir = weir,
  folder = folder, has = has, has_not = has_not, refuses_usage = refuses_usage,
}
