-- Returns a table whose names are no texts, or of both kinds.
-- answer: 500
local a = channel("encode_keys:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  assert(not pcall(json.encode, { [true] = 1 }) and not pcall(json.encode, { [1.5] = 1 }) and
    not pcall(json.encode, { [{}] = 1 }) and not pcall(json.encode, { [-1] = 1 }))
  return { 1, 2, x = 3 }
end
