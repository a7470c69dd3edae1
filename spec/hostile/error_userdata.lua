-- Throws what is not its own: itself, the client, the environment.
-- answer: 500
local a = channel("error_userdata:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go(_, from)
  pcall(error, self)
  pcall(error, json)
  error(from)
end
