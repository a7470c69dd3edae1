-- luacheck: our Lua. Scripts see the server's globals, specs see busted's.
std = "lua54"
max_line_length = 130
exclude_files = { "build", "**/node_modules", "lua/*.d.lua" }

-- Bytes of the wire and scripts on one line are easier to read than to wrap.
files["spec"] = { std = "+busted", max_line_length = false }

-- `server` and what channel() returns get hooks as fields; a hook need not look at all it is given.
local scripts = {
  globals = { "server" },
  read_globals = { "channel", "publish", "kick", "reject", "now", "uuid", "log", "json", "shape", "sleep",
    string = { fields = { "trim" } } },
  unused_args = false,
}
files["lua"] = scripts
files["lua/test_run.lua"] = { globals = { os = { fields = { "exit" } } } }
files["examples"] = scripts
files["examples/**/*_spec.lua"] = { std = "+busted" }
files["scripts"] = scripts
files["spec/bench/rules"] = scripts
