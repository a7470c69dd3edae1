-- What a running server holds: bytes of resident memory, open descriptors.
local server = require "server"

return function(it_runs)
  local text = server.read(("/proc/%d/smaps_rollup"):format(it_runs.pid))
  local descriptors = 0
  local pipe <close> = assert(io.popen(("ls /proc/%d/fd"):format(it_runs.pid)))
  for _ in pipe:lines() do descriptors = descriptors + 1 end
  return tonumber(text:match "Rss:%s+(%d+)") * 1024, descriptors
end
