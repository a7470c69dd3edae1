-- A temporary folder of files for a spec: folder { ["chat.lua"] = "..." }, :write, :remove, :delete.
local lfs = require "lfs"

local Folder = {}
Folder.__index = Folder

function Folder:write(name, text)
  local at = self.path
  for part in name:gmatch "([^/]+)/" do
    at = at .. "/" .. part
    lfs.mkdir(at)
  end
  local file = assert(io.open(self.path .. "/" .. name, "wb"))
  file:write(text)
  file:close()
  return self
end

function Folder:remove(name)
  assert(os.remove(self.path .. "/" .. name))
  return self
end

local function delete(path)
  if not lfs.attributes(path) then return end
  for entry in lfs.dir(path) do
    local below = path .. "/" .. entry
    if entry ~= "." and entry ~= ".." then
      if lfs.symlinkattributes(below, "mode") == "directory" then
        delete(below)
      else
        os.remove(below)
      end
    end
  end
  lfs.rmdir(path)
end

function Folder:delete()
  delete(self.path)
end

return function(files)
  local path = os.tmpname()
  os.remove(path)
  assert(lfs.mkdir(path))
  local folder = setmetatable({ path = path }, Folder)
  for name, text in pairs(files or {}) do
    folder:write(name, text)
  end
  return folder
end
