--- Where the posts are: in the memory of this worker.

local Posts = {}
Posts.__index = Posts

-- How images begin.
local IMAGES = {
	png = "^\137PNG\r\n\26\n", jpg = "^\255\216\255", gif = "^GIF8[79]a", webp = "^RIFF....WEBP",
}

local FIRST = {
	{
		title = "Bootprints keep",
		at = 1785500000,
		image = "/static/bootprint.svg",
		body = "There is no wind here, and no rain. What was pressed into the dust fifty years ago is as sharp as "
			.. "on the first day.\n\nIt is a good place for writing things down, if a bad one for sweeping up.",
	},
	{
		title = "Earthrise",
		at = 1786100000,
		image = "/static/earthrise.svg",
		body = "From the ground it never rises: the Earth hangs where it hangs, a little above the hills, "
			.. "and turns. You have to travel to see it come up.\n\n"
			.. "We did, on Tuesday. Nobody spoke for eleven minutes.",
	},
}

function Posts.new()
	local self = setmetatable({ by_id = {}, last_id = 0 }, Posts)
	for _, fields in ipairs(FIRST) do
		self:put(nil, fields)
	end
	return self
end

--- @return an array
function Posts:newest_first()
	local list = {}
	for id = self.last_id, 1, -1 do
		list[#list + 1] = self.by_id[id]
	end
	return list
end

--- @return a post {id =, title =, body =, image = a path or nil, at = seconds since 1970}, or nil
function Posts:get(id)
	return self.by_id[id]
end

--- Changes a post, or makes one of the fields if it is nil.
-- @return the post
function Posts:put(post, fields)
	if not post then
		self.last_id = self.last_id + 1
		post = { id = self.last_id, at = os.time() }
		self.by_id[post.id] = post
	end
	for name, value in pairs(fields) do
		post[name] = value
	end
	return post
end

function Posts:remove(id)
	self.by_id[id] = nil
end

-- For templates.

function Posts.date(seconds)
	return (os.date("!%d %B %Y", seconds):gsub("^0", ""))
end

--- An array of the paragraphs of a text.
function Posts.paragraphs(text)
	local list = {}
	for paragraph in (text:gsub("\r\n", "\n") .. "\n\n"):gmatch("%s*(.-)%s*\n%s*\n") do
		list[#list + 1] = paragraph ~= "" and paragraph or nil
	end
	return list
end

--- The ending for the name of an image. What a client says that it is does not count.
-- @param head its first bytes
-- @return a string; nil: it is none of those
function Posts.image_ending(head)
	for ending, pattern in pairs(IMAGES) do
		if head:find(pattern) then
			return ending
		end
	end
end

return Posts
