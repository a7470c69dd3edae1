-- An error object whose __tostring loops: nobody asks it.
-- answer: 500
local a = channel("error_tostring:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() error(setmetatable({}, { __tostring = function() while true do end end })) end
