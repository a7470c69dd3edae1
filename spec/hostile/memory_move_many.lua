-- table.move of what is allowed, to ever higher places.
-- answer: 504
local a = channel("memory_move_many:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local t = { 1 }
  while true do pcall(table.move, t, 1, 1 << 19, #t + 1) table.move({ 1, 2, 3 }, 1, 3, #t + 1, t) end
end
