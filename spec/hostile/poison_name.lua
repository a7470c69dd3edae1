-- Calls itself by another's name, and publishes: the core knows who it is.
-- answer: fine
-- hears: "mine"
local a = channel("poison_name:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  pcall(rawset, self, "name", "bystander:a")
  self:publish "mine"
end
