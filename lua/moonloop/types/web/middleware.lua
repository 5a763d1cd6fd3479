---@meta moonloop.web.middleware

---Middleware: what web.session and the like make, and app:use takes.
---@alias moonloop.web.Middleware fun(req: table, next: fun(req: table): table): table

---@class moonloop.web.SessionOptions
---@field secret? string|string[] at least 32 bytes, the newest first
---@field store? moonloop.web.SessionStore
---@field name? string
---@field max_age? number seconds since it was written; 14 days
---@field lifetime? number seconds since it was made or rotated
---@field path? string
---@field domain? string
---@field same_site? "strict"|"lax"|"none"
---@field secure? boolean
---@field partitioned? boolean

---@class moonloop.web.SessionStore
---@field load fun(self, key: string): string?, string?, string?
---@field save fun(self, key: string, text: string, seconds: number, new: boolean): true?, string?, string?
---@field delete fun(self, key: string): true?, string?, string?

---@class moonloop.web.Session
---@field [string] any
local Session = {}
function Session:rotate() end
function Session:clear() end
---@param key string
---@return any
function Session:take(key) end

---@class moonloop.web.CsrfOptions
---@field secret? string|string[]
---@field field? string
---@field header? string
---@field origins? string[]
---@field exempt? fun(req: table): boolean?
---@field cookie? string
---@field readable? boolean
---@field bind? fun(req: table): string

---@class moonloop.web.CorsOptions
---@field origins string|string[]|fun(origin: string, req: table): boolean
---@field credentials? boolean
---@field methods? string[]
---@field headers? string[]|"*"
---@field expose? string[]
---@field max_age? number seconds

---@class moonloop.web.SecurityHeadersOptions
---@field csp? table<string, string|string[]|false>|string|boolean
---@field report_only? boolean
---@field hsts? {max_age?: number, subdomains?: boolean, preload?: boolean}|boolean
---@field frame? string|boolean
---@field referrer? string|boolean
---@field opener? string|boolean
---@field resource? string|boolean
---@field permissions? table<string, string[]>|string|boolean
---@field nosniff? boolean

---@class moonloop.web.JwtOptions
---@field alg "HS256"|"HS384"|"HS512"|"RS256"|"RS384"|"RS512"|"ES256"|"EdDSA"
---@field key? string|moonloop.Key
---@field keys? table<string, string|moonloop.Key>
---@field jwks? table
---@field issuer? string|string[]
---@field audience? string|string[]
---@field leeway? number seconds
---@field lifetime? number seconds
---@field endless? boolean
---@field typ? string
---@field kid? string
---@field max_bytes? integer

---@class moonloop.web.Jwt
local Jwt = {}
---@param token string
---@return table? claims
---@return "expired"|"invalid"|nil code
---@return string? detail
function Jwt:verify(token) end
---@param claims table
---@return string token
function Jwt:sign(claims) end

---@class moonloop.web.Auth
---@field user any
---@field scopes table<string, true>
---@field scheme string
---@field claims? table

---@class moonloop.web.Trace
---@field id string
---@field span string
---@field parent? string
---@field sampled boolean
---@field traceparent string
---@field tracestate? string
local Trace = {}
---@return {traceparent: string, tracestate: string?}
function Trace:headers() end

---@class moonloop.web.RateLimitOptions
---@field limit? integer
---@field per? number seconds
---@field key? fun(req: table): string?
---@field clients? integer
---@field name? string
