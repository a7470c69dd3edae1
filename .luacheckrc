-- luacheck: our Lua. Scripts of the server see the server's globals, specs see busted's.
std = "lua54"
max_line_length = 130
exclude_files = { "build", "**/node_modules" }

files["spec"] = {
  std = "+busted",
}

local server = { read_globals = { "server", "channel", "publish", "send", "kick", "log", "json", "http", "sleep", "store" } }
files["lua"] = server
files["examples"] = server
