-- Returns what JSON cannot say.
-- answer: 500 what it returned
local a = channel("encode_functions:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go(_, from)
  assert(not pcall(json.encode, { f = pairs }) and not pcall(json.encode, from))
  return { self = self, f = function() end }
end
