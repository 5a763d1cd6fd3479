--- What an application raises on a scope type that it does not know (LASGI section 1).
return setmetatable({}, {
	__name = "moonloop.lasgi.unsupported",
	__tostring = function()
		return "this application does not support that scope type"
	end,
})
