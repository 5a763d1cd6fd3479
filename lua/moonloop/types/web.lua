---@meta moonloop.web

---@alias moonloop.Handler fun(req: moonloop.Request): ...
---@alias moonloop.Next fun(req: moonloop.Request): moonloop.Response
---@alias moonloop.Middleware fun(req: moonloop.Request, next: moonloop.Next): ...

---@class moonloop.AppOptions
---@field title? string
---@field version? string
---@field description? string
---@field openapi? string|false path of the document; "/openapi.json"
---@field docs? string|false path of the page; "/docs"
---@field viewer? string directory of the page's files
---@field slash? "redirect"|"strict"|"ignore" what the last slash of a path means
---@field forms? table limits of forms

---@class moonloop.RouteSpec
---@field name? string for url_for
---@field summary? string
---@field description? string
---@field tags? string[]
---@field deprecated? boolean
---@field hidden? boolean not in the document
---@field security? table
---@field use? moonloop.Middleware[]
---@field params? table schemas by name
---@field query? table
---@field headers? table
---@field cookies? table
---@field body? table a schema
---@field response? table a schema, or schemas by status
---@field examples? table
---@field operation_id? string
---@field forms? table limits of forms

---Routes with a common prefix, middleware and declarations.
---@class moonloop.Group
local Group = {}

---Routes every method that has no route of its own.
---@param pattern string "/users/{id:int}"
---@param spec moonloop.RouteSpec|moonloop.Handler
---@param handler? moonloop.Handler
function Group:any(pattern, spec, handler) end

---Routes a method by its name.
---@param method string
---@param pattern string
---@param spec moonloop.RouteSpec|moonloop.Handler
---@param handler? moonloop.Handler
function Group:route(method, pattern, spec, handler) end

---@param pattern string
---@param spec moonloop.RouteSpec|moonloop.Handler
---@param handler? moonloop.Handler
function Group:get(pattern, spec, handler) end

---@param pattern string
---@param spec moonloop.RouteSpec|moonloop.Handler
---@param handler? moonloop.Handler
function Group:post(pattern, spec, handler) end

---@param pattern string
---@param spec moonloop.RouteSpec|moonloop.Handler
---@param handler? moonloop.Handler
function Group:put(pattern, spec, handler) end

---@param pattern string
---@param spec moonloop.RouteSpec|moonloop.Handler
---@param handler? moonloop.Handler
function Group:patch(pattern, spec, handler) end

---@param pattern string
---@param spec moonloop.RouteSpec|moonloop.Handler
---@param handler? moonloop.Handler
function Group:delete(pattern, spec, handler) end

---@param pattern string
---@param spec moonloop.RouteSpec|moonloop.Handler
---@param handler? moonloop.Handler
function Group:options(pattern, spec, handler) end

---@param pattern string
---@param spec moonloop.RouteSpec|moonloop.Handler
---@param handler? moonloop.Handler
function Group:head(pattern, spec, handler) end

---Adds middleware, the first outermost.
---@param ... moonloop.Middleware
---@return moonloop.Group self
function Group:use(...) end

---@param prefix string "/admin"
---@param options? table {use =, tags =, security =}
---@param fn? fun(group: moonloop.Group)
---@return moonloop.Group
function Group:group(prefix, options, fn) end

---Hands everything below a prefix to another application, whose lifespan runs too.
---@param prefix string
---@param inner moonloop.App|table
function Group:mount(prefix, inner) end

---A LASGI application.
---@class moonloop.WebApp: moonloop.Group
local WebApp = {}

---The path of a named route.
---@param name string
---@param params? table
---@param search? table of the query string
---@return string
function WebApp:url_for(name, params, search) end

---Calls fn(state) before the first request.
---@param fn fun(state: table)
---@return moonloop.WebApp self
function WebApp:on_start(fn) end

---Calls fn(state) after the last request.
---@param fn fun(state: table)
---@return moonloop.WebApp self
function WebApp:on_stop(fn) end

---Calls fn(state) when a drain begins.
---@param fn fun(state: table)
---@return moonloop.WebApp self
function WebApp:on_drain(fn) end

---Answers errors.
---@param what integer|table a status, or the metatable of error objects
---@param handler fun(req: moonloop.Request, err: any): ...
---@return moonloop.WebApp self
function WebApp:on_error(what, handler) end

---Hands the requests for a host to another application.
---@param name string "api.example.org", "*.example.org"
---@param inner moonloop.App|table
---@return moonloop.WebApp self
function WebApp:host(name, inner) end

---Names a way to authenticate, for `security` of routes.
---@param name string
---@param scheme table
---@return moonloop.WebApp self
function WebApp:security_scheme(name, scheme) end

---@class moonloop.Request
---@field method string
---@field path string
---@field params table<string, any>
---@field query table<string, any>
---@field headers table<string|integer, any>
---@field cookies table<string, string>
---@field client? table {host, port}
---@field state table
---@field locals table
---@field session table with the session middleware
---@field id string
---@field scheme string
---@field http_version string
---@field scope table
---@field app moonloop.WebApp
local Request = {}

---@param name string
---@return string?
function Request:header(name) end

---@param name string
---@return string[]
function Request:query_all(name) end

---The pieces of the body, as they come. Each step suspends.
---@return fun(): string?
function Request:stream() end

---Suspends.
---@return string
function Request:body() end

---@return string without parameters, lower case; "" for none
function Request:media_type() end

---Suspends. The checked value where the route declares a body.
---@return any
function Request:json() end

---Suspends.
---@return table<string, string>
function Request:form() end

---Suspends.
---@param name string
---@return string[]
function Request:form_all(name) end

---Suspends.
---@return table[]
function Request:files() end

---@param offers string[] media types, the best first
---@return string?
function Request:accepts(offers) end

---@param offers string[] languages, the best first
---@return string?
function Request:accepts_language(offers) end

---@param media_type string
---@return boolean
function Request:prefers(media_type) end

---@param name string
---@param params? table
---@param search? table
---@return string
function Request:url_for(name, params, search) end

---@class moonloop.Response
---@field status integer
---@field headers table<string, string|string[]> by name in lower case
local Response = {}

---@param name string
---@param value? string|string[] nil removes it
---@return moonloop.Response self
function Response:header(name, value) end

---@param name string
---@param value string
---@return moonloop.Response self
function Response:add_header(name, value) end

---@param name string
---@return moonloop.Response self
function Response:vary(name) end

---@param tag? string
---@param weak? boolean
---@return moonloop.Response self
function Response:etag(tag, weak) end

---@param name string
---@param value string
---@param options? table {path, domain, max_age, expires, secure, http_only, same_site, partitioned}
---@return moonloop.Response self
function Response:cookie(name, value, options) end

---@param name string
---@param options? table
---@return moonloop.Response self
function Response:delete_cookie(name, options) end

---@class moonloop.HttpError
---@field status integer
---@field title string
---@field detail? string

local web = {}

---The metatable of what web.error raises.
web.HttpError = {}

---@param options? moonloop.AppOptions
---@return moonloop.WebApp
function web.app(options) end

---Ends the request with that answer.
---@param status integer 400 to 599
---@param detail? string
---@param members? table of the problem document; headers
function web.error(status, detail, members) end

---@param status integer
---@param body? string|table|fun(write: fun(data: string)): string?
---@param headers? table
---@return moonloop.Response
function web.response(status, body, headers) end

---@param text string HTML, sent as it is
---@param status? integer
---@return moonloop.Response
function web.html(text, status) end

---@param text string
---@param status? integer
---@return moonloop.Response
function web.text(text, status) end

---@param value any
---@param status? integer
---@return moonloop.Response
function web.json(value, status) end

---@param location string
---@param status? integer 303
---@return moonloop.Response
function web.redirect(location, status) end

---@param fn fun(write: fun(data: string)): string?
---@param content_type? string
---@param status? integer
---@return moonloop.Response
function web.stream(fn, content_type, status) end

return web
