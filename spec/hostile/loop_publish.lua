-- Loops over a message.
-- through: publish
-- answer: 504 stopped after
local a = channel("loop_publish:{n}", { subscribe = "anyone", publish = "anyone" })

function a:on_publish(msg) while msg do pcall(function() while true do end end) end end
