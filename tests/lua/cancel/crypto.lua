--- Scenarios of support_cancel.lua: what of moonloop.crypto waits.

local crypto = require("moonloop.crypto")

local scenarios = {}

-- As little work as there can be: it is done many times.
local EASY = { cost = 10 }
local HASH = crypto.hash_password("correct", EASY)

scenarios["crypto.hash_password"] = function()
	return {
		gives = { true },
		run = function()
			return crypto.hash_password("secret", EASY):find("^%$scrypt%$") ~= nil
		end,
	}
end

scenarios["crypto.verify_password"] = function()
	return {
		gives = { true, "weak" },
		run = function()
			return crypto.verify_password("correct", HASH)
		end,
	}
end

return scenarios
