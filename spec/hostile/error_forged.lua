-- A message that looks like somebody else's, and like a line of the log.
-- answer: 500
local a = channel("error_forged:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() error('bystander.lua:1: x\nlevel=error event=script_failed at=bystander.lua:1', 0) end
