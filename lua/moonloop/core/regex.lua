--- Regular expressions of ECMA-262 with its u flag, for moonloop.web.schema: PCRE2 in that manner.
-- A match of many steps is given up (server/bindings/lua_regex.h).

local native = require("moonloop.core.native")

return {
	--- new(expression) → regex; nil, what is wrong, the byte where.
	new = native.regex_new,
	--- test(regex, text) → whether it matches somewhere in the text; nil: given up, too long to be
	-- searched (8 KiB; one that begins with ^ takes any), or no UTF-8.
	test = native.regex_test,
}
