-- Runs busted on the spec files below the paths given, one process a file, and adds up what it counted:
--   lua5.4 spec/support/run.lua HOST BUSTED PATH...
-- One process a file keeps a crash to its file. The last line is "N passed, N failed"; exit 1 when any failed.
local host, busted = arg[1], arg[2]

local function lines(command)
  local pipe = assert(io.popen(command))
  local out = {}
  for line in pipe:lines() do out[#out + 1] = line end
  pipe:close()
  return out
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local paths = {}
for i = 3, #arg do paths[#paths + 1] = quote(arg[i]) end
local files = lines("find " .. table.concat(paths, " ") .. " -name '*_spec.lua' -not -path '*/node_modules/*' | sort")

-- A file that hangs is ended; it counts as a failure.
local FILE_SECONDS = tonumber(os.getenv("SPEC_SECONDS") or "") or 600

local passed, failed, bad = 0, 0, {}
for _, file in ipairs(files) do
  local from = os.time()
  local pipe = assert(io.popen(("timeout -k 10 %d %s %s %s 2>&1"):format(FILE_SECONDS, host, busted, quote(file))))
  local out = pipe:read("a")
  local _, _, status = pipe:close()
  local successes, failures, errors = out:match("(%d+) success%a* / (%d+) failure%a* / (%d+) error")
  local ok = successes and tonumber(successes) or 0
  local wrong = successes and tonumber(failures) + tonumber(errors) or 1
  if status ~= 0 and wrong == 0 then wrong = 1 end
  passed, failed = passed + ok, failed + wrong
  print(("%-52s %4d passed%s  %ds"):format(file, ok, wrong > 0 and (", " .. wrong .. " failed") or "", os.time() - from))
  if wrong > 0 then
    bad[#bad + 1] = file
    print(out)
  end
  io.stdout:flush()
end
for _, file in ipairs(bad) do print("failed: " .. file) end
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0 and passed > 0)
