-- Writes to the environment and to what is in it.
-- answer: fine "left"
local a = channel("poison_environment:{n}", { subscribe = "anyone", publish = "anyone" })

function a:rpc_go()
  local tries = {
    function() _ENV.tostring = error end,
    function() rawset(_ENV, "tostring", error) end,
    function() setmetatable(_ENV, { __index = error }) end,
    function() getmetatable(_ENV).__index = error end,
    function() json.encode = error end,
    function() log.info = error end,
    function() store.get = error end,
    function() http.get = error end,
    function() os.time = error end,
    function() math.floor = error end,
    function() for _, library in ipairs { json, log, store, http, os, math, table, utf8 } do
      pcall(rawset, library, "x", 1) pcall(setmetatable, library, {}) assert(rawget(library, "x") == nil) end end,
    function() next(_ENV)() end,
  }
  for _, try in ipairs(tries) do pcall(try) end
  assert(type(json.encode) == "function" and type(store.get) == "function" and type(os.time) == "function")
  return tostring "left"
end
