-- More results than a stack has room for.
-- answer: 500 too many results
local a = channel("memory_unpack:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  return select("#", table.unpack({}, 1, 1e7))
end
