-- Opens channels whose opening opens channels.
-- answer: fine
-- log: script=storm_open.lua
-- busy
local a = channel("storm_open:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go() for i = 1, 30 do publish("storm_open:" .. i .. "x", 0) end end
function a:on_open()
  if #self.params.n > 1 then
    for i = 1, 30 do publish("storm_open:" .. self.params.n .. i, 0) end
  end
end
