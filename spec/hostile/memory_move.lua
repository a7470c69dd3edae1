-- table.move over as many positions as there are integers.
-- answer: 500 positions
local a = channel("memory_move:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() table.move({}, math.mininteger, math.maxinteger, 2) end
