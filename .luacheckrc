std = "luajit"
max_line_length = 110
self = false
-- The wait marker passes through nested coroutines, so these two are replaced once, in core.
files["lua/moonloop/core/coroutine.lua"] = { globals = { "coroutine" } }
files["lua/moonloop/core/require.lua"] = { globals = { "require" } }
files["tests/lua"] = { std = "luajit+busted" }
files["lua/moonloop/templates/*/tests"] = { std = "luajit+busted" }
files["examples/*/tests"] = { std = "luajit+busted" }
files["lua/moonloop/types"] = { ignore = { "21.", "241" } }
