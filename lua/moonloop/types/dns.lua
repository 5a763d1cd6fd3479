---@meta moonloop.dns

---@class moonloop.dns.Options
---@field timeout? number seconds; 10

---@class moonloop.dns.ResolveOptions: moonloop.dns.Options
---@field family? "any"|"ipv4"|"ipv6"|4|6

---@class moonloop.dns.Address
---@field address string
---@field family 4|6
---@field ttl integer seconds; 0: not from the DNS

---@class moonloop.dns.Service
---@field target string
---@field port integer
---@field priority integer
---@field weight integer
---@field ttl integer

---@class moonloop.dns.Exchanger
---@field target string
---@field priority integer
---@field ttl integer

local dns = {}

---Suspends.
---@param name string
---@param options? moonloop.dns.ResolveOptions
---@return moonloop.dns.Address[]? addresses in the order to try them
---@return string? code not_found, timeout, refused, failed, invalid
---@return string? detail
function dns.resolve(name, options) end

---Suspends.
---@param name string
---@param options? moonloop.dns.Options
---@return moonloop.dns.Service[]? services in the order to try them
---@return string? code
---@return string? detail
function dns.srv(name, options) end

---Suspends.
---@param name string
---@param options? moonloop.dns.Options
---@return string[]? texts
---@return string? code
---@return string? detail
function dns.txt(name, options) end

---Suspends.
---@param name string
---@param options? moonloop.dns.Options
---@return moonloop.dns.Exchanger[]? exchangers
---@return string? code
---@return string? detail
function dns.mx(name, options) end

return dns
