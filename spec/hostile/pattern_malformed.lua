-- Patterns that end too early.
-- answer: 500 malformed pattern
local a = channel("pattern_malformed:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  for _, p in ipairs { "%", "[", "[a", "[^", "%b", "%bx", "%f", "(", ")", "[%", "[a-%" } do
    if pcall(string.find, "a]b", p) then log("taken", p) end
  end
  return ("x"):find "[a-"
end
