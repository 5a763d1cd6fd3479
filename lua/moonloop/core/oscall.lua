--- A function of `os`, by its name: what core/blocking.lua has a pool thread call.
return {
	call = function(name, ...)
		return os[name](...)
	end,
}
