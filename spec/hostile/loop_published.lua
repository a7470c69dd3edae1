-- Loops when a message has been published: whoever did has its answer, and the next has its own.
-- through: publish
-- answer: fine
-- log: reason="stopped after 100 ms of CPU time" hook=on_published
local a = channel("loop_published:{n}", { subscribe = "anyone", publish = "anyone" })

function a:on_publish() return true end
function a:on_published() while true do end end
