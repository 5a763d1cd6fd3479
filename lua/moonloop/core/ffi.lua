--- The only `require "ffi"`: the verbs that C offers, and the codes that they answer.
-- The cdef is generated from server/bindings/ffi_api.h.

local ffi = require("ffi")
local err = require("moonloop.core.err")

ffi.cdef(require("moonloop.core.cdef"))

local C = ffi.C
if C.ml_abi() ~= C.ML_ABI then
	error("the Lua runtime and the binary are of different builds")
end

return {
	C = C,
	ffi = ffi,
	--- out-value of verbs that hand out bytes: {p, n, more}; read it before the next call
	piece = ffi.new("ml_piece"),
	--- AGAIN = -1, … and back: codes[-1] = "again"
	codes = err,
	--- The short name of a negative code: "queue_full".
	name = function(code)
		return err[code] or "unknown"
	end,
}
