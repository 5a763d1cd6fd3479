--- What a client would rather have (RFC 9110 12.5): media types, codings, languages.

local negotiate = {}

local ITEMS_MAX = 64

--- The items of a list: "text/html;level=1;q=0.5, */*".
-- @return an array of {value = in lower case, q = 0 to 1, params = "level=1" or ""}
function negotiate.parse(header)
	local items = {}
	for text in (header .. ","):gmatch("%s*([^,]-)%s*,") do
		local value, rest = text:match("^([^;%s]+)%s*(.*)$")
		if value and #items < ITEMS_MAX then
			local q, params = 1, {}
			for name, given in rest:gmatch(";%s*([^=;%s]+)%s*=%s*([^;%s]+)") do
				if name:lower() == "q" then
					q = math.min(given:find("^[01]%.?%d*$") and tonumber(given) or 0, 1)
				else
					params[#params + 1] = name:lower() .. "=" .. given:lower():gsub('^"(.*)"$', "%1")
				end
			end
			items[#items + 1] = { value = value:lower(), q = q, params = table.concat(params, ";") }
		end
	end
	return items
end

-- The offer with the highest q; of equals the first one. q_of(items, offer) → q or nil.
local function best(header, offers, q_of)
	if not header or header:find("^%s*$") then
		return offers[1], 1
	end
	local items = negotiate.parse(header)
	local found, highest = nil, 0
	for _, offer in ipairs(offers) do
		local q = q_of(items, offer)
		if q and q > highest then
			found, highest = offer, q
		end
	end
	return found, highest
end

-- The q of the most exact item that takes a media type.
local function media_q(items, offer)
	local whole, params = offer:lower():match("^%s*([^;%s]+)[;%s]*(.-)%s*$")
	local kind = whole:match("^[^/]*")
	local q, exactness = nil, 0
	for _, item in ipairs(items) do
		local fits = item.value == whole and (item.params == "" and 3 or item.params == params and 4)
			or item.value == kind .. "/*" and 2 or item.value == "*/*" and 1 or 0
		if fits and fits > exactness then
			q, exactness = item.q, fits
		end
	end
	return q, exactness
end

--- @param header the Accept field, or nil
-- @param offers an array of media types, the best first
-- @return the one to be sent, its q; nil when none will do
function negotiate.media(header, offers)
	return best(header, offers, media_q)
end

local function coding_q(items, offer)
	local any
	for _, item in ipairs(items) do
		if item.value == offer or item.value == "x-" .. offer then
			return item.q
		elseif item.value == "*" then
			any = item.q
		end
	end
	return any or offer == "identity" and 1 or nil
end

--- @param header the Accept-Encoding field, or nil: the content as it is, then
-- @param offers an array of codings, the best first; "identity" is implied as the last one
-- @return the coding to be used, "identity" for none
function negotiate.encoding(header, offers)
	if not header then
		return "identity"
	end
	local items = negotiate.parse(header)
	local found, highest = "identity", 0
	for _, offer in ipairs(offers) do
		local q = coding_q(items, offer)
		if q and q > highest then
			found, highest = offer, q
		end
	end
	-- A client that says so would rather have it as it is.
	for _, item in ipairs(items) do
		if item.value == "identity" and item.q > highest then
			return "identity"
		end
	end
	return found
end

-- Basic filtering (RFC 4647 3.3.1), and an exact offer for a wider wish: "en" is good for "en-gb".
local function language_q(items, offer)
	local tag = offer:lower()
	local q, exactness = nil, -1
	for _, item in ipairs(items) do
		local range, fits = item.value, nil
		if range == "*" then
			fits = 0
		elseif range == tag or tag:sub(1, #range + 1) == range .. "-" then
			fits = #range * 2 + 1
		elseif range:sub(1, #tag + 1) == tag .. "-" then
			fits = #tag * 2
		end
		if fits and fits > exactness then
			q, exactness = item.q, fits
		end
	end
	return q
end

--- @param header the Accept-Language field, or nil
-- @param offers an array of language tags, the best first
-- @return the one to be used; nil when none will do
function negotiate.language(header, offers)
	return (best(header, offers, language_q))
end

return negotiate
