-- An error object that answers every question with a loop or an error.
-- answer: 500
local a = channel("error_index:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local function forever() while true do end end
  error(setmetatable({ code = 7 }, { __index = forever, __pairs = forever, __len = forever, __name = {}, __call = error,
    __eq = forever, __metatable = forever, __close = forever }))
end
