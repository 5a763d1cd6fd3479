---@meta moonloop.crypto

---@alias moonloop.crypto.Format "hex"|"base64"|"base64url"
---@alias moonloop.crypto.Hash "sha256"|"sha384"|"sha512"|"sha1"
---@alias moonloop.crypto.Kind "ed25519"|"p256"|"rsa"

---@class moonloop.Sealer
local Sealer = {}
---@param text string
---@param data? string what the token belongs to
---@return string token
function Sealer:seal(text, data) end
---@param token string
---@param data? string
---@return string? text
---@return boolean|"invalid" old whether an older secret sealed it
function Sealer:open(token, data) end

---@class moonloop.Key
---@field kind moonloop.crypto.Kind
---@field private boolean
local Key = {}
---@param text string
---@param hash? "sha256"|"sha384"|"sha512"
---@return string signature
function Key:sign(text, hash) end
---@param text string
---@param signature string
---@param hash? "sha256"|"sha384"|"sha512"
---@return boolean
function Key:verify(text, signature, hash) end
---@return string
function Key:public_pem() end
---@return string
function Key:private_pem() end

local crypto = {}

---@param n integer 1 to 1 MiB
---@return string
function crypto.random_bytes(n) end
---@return string # 22 characters, fit for URLs
function crypto.random_id() end
---@return string
function crypto.uuid() end
---@return string
function crypto.uuid7() end
---@param a string
---@param b string
---@return boolean
function crypto.equals(a, b) end
---@param text string
---@param format? moonloop.crypto.Format
---@return string
function crypto.sha1(text, format) end
---@param text string
---@param format? moonloop.crypto.Format
---@return string
function crypto.sha256(text, format) end
---@param text string
---@param format? moonloop.crypto.Format
---@return string
function crypto.sha384(text, format) end
---@param text string
---@param format? moonloop.crypto.Format
---@return string
function crypto.sha512(text, format) end
---@param hash moonloop.crypto.Hash
---@param secret string
---@param text string
---@param format? moonloop.crypto.Format
---@return string
function crypto.hmac(hash, secret, text, format) end
---@param secret string
---@param options? {info?: string, salt?: string, size?: integer, hash?: moonloop.crypto.Hash}
---@return string
function crypto.hkdf(secret, options) end
---@param secrets string|string[] at least 32 bytes each; the first one seals
---@param purpose? string
---@return moonloop.Sealer
function crypto.sealer(secrets, purpose) end
---@param secret string|string[]
---@param text string
---@param options? {purpose?: string, data?: string}
---@return string token
function crypto.seal(secret, text, options) end
---@param secret string|string[]
---@param token string
---@param options? {purpose?: string, data?: string}
---@return string? text
---@return boolean|"invalid" old
function crypto.open(secret, token, options) end
---Suspends.
---@param text string
---@param options? {cost?: integer}
---@return string? stored
---@return "too_large"|"queue_full"|"shutdown"|nil code
---@return string? detail
function crypto.hash_password(text, options) end
---Suspends.
---@param text string
---@param stored string
---@return boolean? same
---@return "weak"|"invalid"|"queue_full"|"shutdown"|nil code
---@return string? detail
function crypto.verify_password(text, stored) end
---@param pem string
---@return moonloop.Key?
---@return "invalid"? code
---@return string? detail
function crypto.key(pem) end
---@param kind moonloop.crypto.Kind
---@return moonloop.Key
function crypto.generate_key(kind) end

return crypto
