-- string.pack, packsize and format with widths that somebody has to make.
-- answer: 504
local a = channel("memory_pack:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  pcall(string.format, "%099999d", 1)
  pcall(string.packsize, "c" .. (1 << 60))
  return #string.pack("c" .. (1 << 30), "")
end
