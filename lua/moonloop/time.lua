--- Clocks and sleeping. Seconds everywhere, fractions count.

local C = require("moonloop.core.ffi").C

return {
	--- A clock that never jumps and starts anywhere: for durations.
	now = function()
		return C.ml_now()
	end,
	--- Seconds since 1970.
	unix = function()
		return C.ml_unix()
	end,
	--- Suspends for a number of seconds.
	sleep = require("moonloop.core.task").sleep,
}
