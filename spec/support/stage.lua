-- Scripts on a stage for specs of script/: a folder of files, the runtime that runs them, and who comes.
--
--   local stage = require "stage"
--   local r = stage.start(files, "SCRIPT" or { ["a.lua"] = "SCRIPT" }, options)
--   stage.publish(r:channel "c:1", "1").out
local room = require "room.runtime"

local stage = {}

stage.ANN = { id = "c1", user = "ann", roles = '["mod"]', claims = '{"name":"Ann","n":9007199254740993}', ip = "10.0.0.1" }

-- Ann's call, with more in it.
function stage.as_ann(more)
  local call = {}
  for k, v in pairs(stage.ANN) do call[k] = v end
  for k, v in pairs(more or {}) do call[k] = v end
  return call
end

-- Writes the files and takes them over; a single text is chat.lua.
function stage.load(r, files, set)
  if type(set) == "string" then set = { ["chat.lua"] = set } end
  for name, text in pairs(set) do files:write(name, text) end
  local ok, problems = r:load(files.path)
  assert(ok, problems and problems[1] and problems[1].json)
  r:switch()
end

function stage.start(files, set, options)
  local r = room.new(options)
  stage.load(r, files, set)
  return r
end

function stage.publish(channel, data, more)
  return channel:call("publish", stage.as_ann(setmetatable({ data = data }, { __index = more })))
end

return stage
