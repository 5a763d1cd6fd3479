--- Scenarios of support_cancel.lua: what of moonloop.crypto waits.

local crypto = require("moonloop.crypto")

local scenarios = {}

local HASH = crypto.hash_password("correct")

scenarios["crypto.hash_password"] = function()
	return {
		gives = { true },
		run = function()
			return crypto.hash_password("secret"):find("^%$scrypt%$") ~= nil
		end,
	}
end

scenarios["crypto.verify_password"] = function()
	return {
		gives = { true },
		run = function()
			return crypto.verify_password("correct", HASH)
		end,
	}
end

return scenarios
