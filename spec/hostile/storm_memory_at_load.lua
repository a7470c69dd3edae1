-- Takes memory while the file loads.
-- at load: stopped
local keep = {}
for i = 1, 1 << 40 do keep[i] = { i } end
