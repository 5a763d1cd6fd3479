-- Every mistake that the gateway refuses, one on each marked line. GET /name makes it; the driver
-- finds the line by its marker. GET /caught?name catches it and then answers properly.

local lib = require("lib")

local START = "http.response.start"
local BODY = "http.response.body"

local cases = {}

-- ---- nothing was started ------------------------------------------------------------------------

function cases.not_a_table(_, _, send)
	send("hello") -- not_a_table
end
function cases.no_type(_, _, send)
	send({ status = 200, body = "" }) -- no_type
end
function cases.unknown_type(_, _, send)
	send({ type = "http.response.stop" }) -- unknown_type
end
function cases.type_is_number(_, _, send)
	send({ type = 5 }) -- type_is_number
end
function cases.other_scope(_, _, send)
	send({ type = "websocket.accept" }) -- other_scope
end
function cases.tail_call(_, _, send)
	local function deeper()
		return send({ type = "nonsense" })
	end
	deeper() -- tail_call
end
function cases.by_pcall(_, _, send)
	local ok, err = pcall(send, { type = "nonsense" }) -- by_pcall
	error(ok or err, 0)
end
function cases.in_a_coroutine(_, _, send)
	coroutine.wrap(function()
		send({ type = "nonsense" }) -- in_a_coroutine
	end)()
end

function cases.no_status(_, _, send)
	send({ type = START, body = "x" }) -- no_status
end
function cases.status_string(_, _, send)
	send({ type = START, status = "200" }) -- status_string
end
function cases.status_fraction(_, _, send)
	send({ type = START, status = 200.5 }) -- status_fraction
end
function cases.status_nan(_, _, send)
	send({ type = START, status = 0 / 0 }) -- status_nan
end
function cases.status_100(_, _, send)
	send({ type = START, status = 100 }) -- status_100
end
function cases.status_600(_, _, send)
	send({ type = START, status = 600 }) -- status_600
end
function cases.trailers_flag(_, _, send)
	send({ type = START, status = 200, trailers = "yes" }) -- trailers_flag
end

local function start(name, headers)
	cases[name] = headers
end

start("headers_string", function(_, _, send)
	send({ type = START, status = 200, headers = "content-type: text/plain" }) -- headers_string
end)
start("headers_flat", function(_, _, send)
	send({ type = START, status = 200, headers = { "content-type", "text/plain" } }) -- headers_flat
end)
start("headers_mixed", function(_, _, send)
	send({ type = START, status = 200, headers = { { "a", "b" }, ["x-lost"] = "c" } }) -- headers_mixed
end)
start("header_name_number", function(_, _, send)
	send({ type = START, status = 200, headers = { { 1, "x" } } }) -- header_name_number
end)
start("header_value_nil", function(_, _, send)
	send({ type = START, status = 200, headers = { { "x-a" } } }) -- header_value_nil
end)
start("header_value_boolean", function(_, _, send)
	send({ type = START, status = 200, headers = { ["x-a"] = true } }) -- header_value_boolean
end)
start("header_value_table", function(_, _, send)
	send({ type = START, status = 200, headers = { { "x-a", { "1", "2" } } } }) -- header_value_table
end)
start("header_name_space", function(_, _, send)
	send({ type = START, status = 200, headers = { ["x a"] = "1" } }) -- header_name_space
end)
start("header_name_colon", function(_, _, send)
	send({ type = START, status = 200, headers = { { "x-a:", "1" } } }) -- header_name_colon
end)
start("header_name_empty", function(_, _, send)
	send({ type = START, status = 200, headers = { { "", "1" } } }) -- header_name_empty
end)
start("header_name_crlf", function(_, _, send)
	send({ type = START, status = 200, headers = { { "x-a\r\nx-b", "1" } } }) -- header_name_crlf
end)
start("header_value_cr", function(_, _, send)
	send({ type = START, status = 200, headers = { { "x-a", "1\r2" } } }) -- header_value_cr
end)
start("header_value_lf", function(_, _, send)
	send({ type = START, status = 200, headers = { ["x-a"] = "1\nset-cookie: x=y" } }) -- header_value_lf
end)
start("header_value_nul", function(_, _, send)
	send({ type = START, status = 200, headers = { { "x-a", "1\0" } } }) -- header_value_nul
end)
start("header_value_in_array", function(_, _, send)
	send({ type = START, status = 200, headers = { ["x-a"] = { "1", "2\n" } } }) -- header_value_in_array
end)
start("reserved_transfer_encoding", function(_, _, send)
	local headers = { ["Transfer-Encoding"] = "chunked" }
	send({ type = START, status = 200, headers = headers }) -- reserved_transfer_encoding
end)
start("reserved_connection", function(_, _, send)
	send({ type = START, status = 200, headers = { { "connection", "close" } } }) -- reserved_connection
end)
start("reserved_keep_alive", function(_, _, send)
	send({ type = START, status = 200, headers = { { "Keep-Alive", "timeout=5" } } }) -- reserved_keep_alive
end)
start("reserved_upgrade", function(_, _, send)
	send({ type = START, status = 200, headers = { { "upgrade", "h2c" } } }) -- reserved_upgrade
end)
start("length_twice", function(_, _, send)
	send({ type = START, status = 200, headers = { ["content-length"] = { "1", "1" } } }) -- length_twice
end)
start("length_word", function(_, _, send)
	send({ type = START, status = 200, headers = { ["content-length"] = "many" } }) -- length_word
end)
start("length_negative", function(_, _, send)
	send({ type = START, status = 200, headers = { ["content-length"] = "-1" } }) -- length_negative
end)

function cases.body_number(_, _, send)
	send({ type = START, status = 200, body = 42 }) -- body_number
end
function cases.body_names(_, _, send)
	send({ type = START, status = 200, body = { message = "hi" } }) -- body_names
end
function cases.body_array_number(_, _, send)
	send({ type = START, status = 200, body = { "a", 2 } }) -- body_array_number
end
function cases.more_body_string(_, _, send)
	send({ type = START, status = 200, body = "x", more_body = "no" }) -- more_body_string
end
function cases.longer_at_once(_, _, send)
	send({ type = START, status = 200, headers = { ["content-length"] = "3" }, body = "four" }) -- longer_at_once
end
function cases.body_first(_, _, send)
	send({ type = BODY, body = "x" }) -- body_first
end
function cases.trailers_first(_, _, send)
	send({ type = "http.response.trailers", headers = {} }) -- trailers_first
end
function cases.file_first(_, _, send)
	send({ type = "http.response.file", path = "/etc/passwd" }) -- file_first
end
function cases.receive_timeout(_, receive)
	receive("1") -- receive_timeout
end
function cases.hint_none(_, _, send)
	send({ type = "http.response.early_hint" }) -- hint_none
end
function cases.hint_number(_, _, send)
	send({ type = "http.response.early_hint", links = { "</a>", 2 } }) -- hint_number
end
function cases.hint_lf(_, _, send)
	send({ type = "http.response.early_hint", links = "</a>\n" }) -- hint_lf
end

-- ---- the start is there, but held back ------------------------------------------------------------

function cases.start_twice(_, _, send)
	send({ type = START, status = 200 })
	send({ type = START, status = 200 }) -- start_twice
end
function cases.hint_after_start(_, _, send)
	send({ type = START, status = 200 })
	send({ type = "http.response.early_hint", links = "</a>" }) -- hint_after_start
end
function cases.trailers_not_announced(_, _, send)
	send({ type = START, status = 200 })
	send({ type = "http.response.trailers" }) -- trailers_not_announced
end
function cases.file_without_path(_, _, send)
	send({ type = START, status = 200 })
	send({ type = "http.response.file" }) -- file_without_path
end
function cases.file_nul(_, _, send)
	send({ type = START, status = 200 })
	send({ type = "http.response.file", path = "/etc/passwd\0.txt" }) -- file_nul
end
function cases.file_offset(_, _, send)
	send({ type = START, status = 200 })
	send({ type = "http.response.file", path = "/etc/passwd", offset = -1 }) -- file_offset
end
function cases.file_beyond(_, _, send)
	send({ type = START, status = 200 })
	send({ type = "http.response.file", path = "/etc/passwd", length = 2 ^ 40 }) -- file_beyond
end
function cases.file_not_as_declared(_, _, send)
	send({ type = START, status = 200, headers = { ["content-length"] = "1" } })
	send({ type = "http.response.file", path = "/etc/passwd" }) -- file_not_as_declared
end

-- ---- a part of the body is out --------------------------------------------------------------------

local function begin(send, headers)
	send({ type = START, status = 200, headers = headers, body = "part", more_body = true })
end

function cases.start_after_body(_, _, send)
	begin(send)
	send({ type = START, status = 200 }) -- start_after_body
end
function cases.later_body_number(_, _, send)
	begin(send)
	send({ type = BODY, body = 7 }) -- later_body_number
end
function cases.longer_later(_, _, send)
	begin(send, { ["content-length"] = "5" })
	send({ type = BODY, body = "two" }) -- longer_later
end
function cases.file_after_body(_, _, send)
	begin(send)
	send({ type = "http.response.file", path = "/etc/passwd" }) -- file_after_body
end
function cases.body_after_last(_, _, send)
	send({ type = START, status = 200, trailers = true, body = "part" })
	send({ type = BODY, body = "" }) -- body_after_last
end
function cases.bad_trailer(_, _, send)
	send({ type = START, status = 200, trailers = true, body = "part" })
	send({ type = "http.response.trailers", headers = { ["x a"] = "1" } }) -- bad_trailer
end
function cases.reserved_trailer(_, _, send)
	send({ type = START, status = 200, trailers = true, body = "part" })
	send({ type = "http.response.trailers", headers = { { "content-length", "1" } } }) -- reserved_trailer
end

-- ---- the response is complete ---------------------------------------------------------------------

local function whole(send)
	send({ type = START, status = 200, body = "whole" })
end

function cases.body_after_end(_, _, send)
	whole(send)
	send({ type = BODY, body = "more" }) -- body_after_end
end
function cases.start_after_end(_, _, send)
	whole(send)
	send({ type = START, status = 200, body = "again" }) -- start_after_end
end
function cases.trailers_after_end(_, _, send)
	whole(send)
	send({ type = "http.response.trailers" }) -- trailers_after_end
end
function cases.hint_after_end(_, _, send)
	whole(send)
	send({ type = "http.response.early_hint", links = "</a>" }) -- hint_after_end
end
function cases.file_after_end(_, _, send)
	whole(send)
	send({ type = "http.response.file", path = "/etc/passwd" }) -- file_after_end
end

local routes = {
	["/caught"] = function(scope, receive, send)
		local ok, err = pcall(cases[scope.query_string], scope, receive, send)
		assert(not ok)
		send({ type = START, status = 200, headers = { ["x-after"] = "it" }, body = tostring(err) })
	end,
}
for name, case in pairs(cases) do
	routes["/" .. name] = function(scope, receive, send)
		case(scope, receive, send)
	end
end

return lib.routes(routes)
