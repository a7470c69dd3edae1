-- Loops in a module that it requires: the budget is one.
-- at load: stopped after
local function module() while true do end end
pcall(module)
