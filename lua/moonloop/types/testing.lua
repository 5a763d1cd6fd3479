---@meta moonloop.testing

---@class moonloop.TestAnswer
---@field status integer
---@field headers table<string|integer, any> by name in lower case, and as an array of pairs
---@field body string

---@class moonloop.TestOptions
---@field headers? table<string, string|string[]>|{ [1]: string, [2]: string }[]
---@field body? string
---@field state? table instead of what the lifespan made

---A request whose response is read piece by piece.
---@class moonloop.TestCall
---@field status? integer after start
---@field headers? table<string|integer, any> after start
local Call = {}

---Suspends until the response was started.
---@param timeout? number seconds
---@return moonloop.TestCall? self
---@return "timeout"? code
function Call:start(timeout) end

---Suspends until there is more of the body.
---@param timeout? number seconds
---@return string? piece nil at the end
---@return "timeout"? code
function Call:read(timeout) end

---The client leaves. Suspends until the application is over.
function Call:close() end

local testing = {}

---Makes a request to an application in this process; raises its error.
---@param app function|table
---@param method string
---@param target string path and query
---@param options? moonloop.TestOptions
---@return moonloop.TestAnswer
function testing.request(app, method, target, options) end

---Begins a request, for a response that is read piece by piece.
---@param app function|table
---@param method string
---@param target string
---@param options? moonloop.TestOptions
---@return moonloop.TestCall
function testing.open(app, method, target, options) end

return testing
