-- Publishes in __close while it is being stopped: discarded with the rest.
-- answer: 504 stopped after
-- hears: nothing
local a = channel("close_publish:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local x <close> = setmetatable({}, { __close = function() publish(self.name, "from the grave") end })
  self:publish "before"
  while true do end
end
