--- News of the worker across its Lua states: server/bindings/dev_news.h.
-- The text of BROKEN is {brief report as JSON, NUL, the files that were tried, one a line}.

local native = require("moonloop.core.ffi")

local C, ffi = native.C, native.ffi

local out = ffi.new("ml_news")

local news = { SWAPPED = 1, BROKEN = 2, RAISED = 3 }

function news.post(kind, text)
	C.ml_dev_post(kind, text, #text)
end

--- The number of the last one: only what comes after it is new.
function news.seq()
	C.ml_dev_news(math.huge, out)
	return out.seq
end

--- The last news, if it is later than `seq`. If not, the running task is woken by the next one.
-- @return its number, kind and text; nil
function news.after(seq)
	if C.ml_dev_news(seq, out) < 0 then
		return nil
	end
	return out.seq, out.kind, ffi.string(out.p, out.n)
end

--- What does not start, as in BROKEN; nil: the newest code serves.
function news.broken()
	return C.ml_dev_broken(out) == 0 and ffi.string(out.p, out.n) or nil
end

return news
