--- Clocks and sleeping. Seconds everywhere, fractions count.

local C = require("moonloop.core.ffi").C

return {
	--- now(): seconds of a clock that never jumps and starts anywhere, for durations.
	now = function()
		return C.ml_now()
	end,
	--- unix(): seconds since 1970, for dates; jumps when the system's clock is set.
	unix = function()
		return C.ml_unix()
	end,
	--- sleep(seconds): Suspends. See moonloop.task.sleep.
	sleep = require("moonloop.core.task").sleep,
}
