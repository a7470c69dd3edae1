-- Runs the cases of a folder in the form of JSONTestSuite through our scanner (wire/json): host json_suite.lua FOLDER.
-- y_*.json have to be accepted, n_*.json refused; of i_*.json a parser may think as it likes. Exit 1 when any is wrong.
local json = require "room.json"

local folder = assert(arg[1], "which folder?")

local function cases()
  local quoted = "'" .. folder:gsub("'", "'\\''") .. "'"
  local pipe = assert(io.popen("find -L " .. quoted .. " -type f -name '[yni]_*.json' -print0 | LC_ALL=C sort -z"))
  local out = pipe:read("a")
  pipe:close()
  return out:gmatch "([^\0]+)\0"
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

local total, accepted, wrong = { y = 0, n = 0, i = 0 }, { y = 0, n = 0, i = 0 }, 0
for path in cases() do
  local name = path:match "[^/]+$"
  local kind = name:sub(1, 1)
  local is_good, at, why = json.check(read(path))
  total[kind] = total[kind] + 1
  accepted[kind] = accepted[kind] + (is_good and 1 or 0)
  if kind == "y" and not is_good or kind == "n" and is_good then
    wrong = wrong + 1
    print(("%s: %s"):format(path, is_good and "accepted" or ("refused at byte %s: %s"):format(at, why)))
  end
end
if total.y + total.n + total.i == 0 then
  print("there is no y_*.json, n_*.json or i_*.json below " .. folder)
  os.exit(1)
end
print(("%d of %d y_ accepted, %d of %d n_ refused, of %d i_ %d accepted"):format(
  accepted.y, total.y, total.n - accepted.n, total.n, total.i, accepted.i))
os.exit(wrong == 0)
