-- Returns what is no number.
-- answer: 500 what it returned
local a = channel("encode_nan:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  assert(not pcall(json.encode, 0/0) and not pcall(json.encode, -1/0) and not pcall(json.encode, { math.huge }))
  return { n = 0/0 }
end
