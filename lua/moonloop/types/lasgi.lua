---@meta moonloop.lasgi

---What an application is called with; see the manual's page on LASGI.
---@class moonloop.Scope
---@field type "http"|"lifespan"
---@field lasgi { version: string, spec_version: string }
---@field method string
---@field scheme "http"|"https"
---@field http_version "1.0"|"1.1"
---@field path string percent-decoded
---@field raw_path string
---@field query_string string
---@field root_path string
---@field headers table array of { name, value }; by name, in lower case, a string
---@field client? { [1]: string, [2]: integer }
---@field server { [1]: string, [2]: integer? }
---@field state table
---@field extensions table<string, table>

---@class moonloop.Message
---@field type string
---@field status? integer
---@field headers? table
---@field body? string|string[]
---@field more_body? boolean
---@field trailers? boolean
---@field message? string
---@field reason? "closed"|"timeout"|"too_large"|"shutdown"

---Suspends until the next message; nil, "timeout".
---@alias moonloop.Receive fun(timeout?: number): moonloop.Message?, "timeout"?

---Suspends while the client is slow. True; nil, code, detail.
---@alias moonloop.Send fun(message: moonloop.Message): true?, string?, string?

---@alias moonloop.App fun(scope: moonloop.Scope, receive: moonloop.Receive, send: moonloop.Send)

local lasgi = {}

---Raise it on a scope type that the application does not know.
---@type any
lasgi.unsupported = nil

---A scope for an inner application: changes laid over it.
---@param scope moonloop.Scope
---@param changes table becomes the new scope
---@return moonloop.Scope
function lasgi.derive(scope, changes) end

return lasgi
