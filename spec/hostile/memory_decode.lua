-- A text that is small as JSON and large as tables.
-- answer: 504
local a = channel("memory_decode:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local text, all = "[" .. ("{},"):rep(300000) .. "{}]", {}
  while true do all[#all + 1] = json.decode(text) end
end
