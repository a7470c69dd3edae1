-- Back references to what is being captured, and to what is not there.
-- answer: 500 invalid capture index
local a = channel("pattern_backreference:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  pcall(string.find, "xx", "(x%1)")
  return ("xx"):find "(x)%9"
end
