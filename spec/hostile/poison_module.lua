-- Changes a module of lib/ that others require: each script has its own.
-- answer: fine "mine"
local a = channel("poison_module:{n}", { subscribe = "anyone", publish = "anyone" })

local shared = require "shared"
function a:rpc_go()
  shared.word = "mine"
  return require("shared").word
end
