---@meta moonloop.socket

---@class moonloop.TlsOptions
---@field verify? boolean client: true; server: false
---@field ca? string PEM
---@field cert? string PEM, the leaf first
---@field key? string PEM
---@field server_name? string
---@field alpn? string[] the most wanted first
---@field min_version? "1.2"|"1.3"
---@field timeout? number seconds, of the handshake in start_tls and serve

---@class moonloop.StreamOptions
---@field read_timeout? number seconds; 60
---@field write_timeout? number seconds; 60
---@field line_max? integer bytes; 64 KiB
---@field all_max? integer bytes; 64 MiB
---@field nodelay? boolean true
---@field keepalive? integer seconds

---@class moonloop.ConnectOptions: moonloop.StreamOptions
---@field host? string when there is no address
---@field port? integer
---@field timeout? number seconds, for name, connection and TLS; 10
---@field tls? true|moonloop.TlsOptions
---@field bind? string the address to connect from
---@field attempt_delay? number seconds between the addresses of a name; 0.25

---@class moonloop.TlsInfo
---@field version string "TLSv1.3"
---@field cipher string
---@field alpn? string
---@field subject? string of the peer's certificate
---@field server_name? string that a client asked for
---@field resumed boolean

---@class moonloop.SocketInfo
---@field address string
---@field peer string
---@field tls? moonloop.TlsInfo

---@class moonloop.Socket
---@field address string for the details of errors
local Socket = {}
---Suspends. Nothing that came is lost, whatever it returns.
---@param what? "some"|"line"|"all"|integer
---@param timeout? number seconds
---@return string? bytes
---@return string? code
---@return string? detail
function Socket:read(what, timeout) end
---Suspends.
---@param delimiter string
---@param options? { max?: integer, timeout?: number, keep?: boolean }
---@return string? bytes
---@return string? code
---@return string? detail
function Socket:read_until(delimiter, options) end
---Each step suspends.
---@return fun(): string?
function Socket:lines() end
---Suspends until the system took all.
---@param data string|(string|number)[]
---@param timeout? number seconds
---@return true? ok
---@return string? code
---@return string? detail
function Socket:write(data, timeout) end
---Suspends, over TLS.
---@param timeout? number seconds
---@return true? ok
---@return string? code
---@return string? detail
function Socket:shutdown(timeout) end
---@return true
function Socket:close() end
---@return boolean
function Socket:is_open() end
---@param timeouts { read?: number, write?: number } seconds
function Socket:set_timeouts(timeouts) end
---@return moonloop.SocketInfo? info
---@return string? code
---@return string? detail
function Socket:info() end
---Suspends.
---@param timeout? number seconds
---@return true? ok
---@return string? code
---@return string? detail
function Socket:handshake(timeout) end
---Suspends. A table may have server = true.
---@param options? true|moonloop.TlsOptions
---@return true? ok
---@return string? code
---@return string? detail
function Socket:start_tls(options) end
---@return true
function Socket:release() end

---@class moonloop.ListenOptions: moonloop.StreamOptions
---@field backlog? integer 511
---@field reuse_port? boolean true
---@field mode? integer of a unix socket's file; 384 (0600)
---@field tls? moonloop.TlsOptions

---@class moonloop.Listener
local Listener = {}
---Suspends.
---@param timeout? number seconds
---@return moonloop.Socket? socket
---@return string? code
---@return string? detail
function Listener:accept(timeout) end
---Suspends until it is closed and the last connection ended.
---@param fn fun(socket: moonloop.Socket)
---@param options? { max?: integer }
---@return true? ok
---@return string? code
---@return string? detail
function Listener:serve(fn, options) end
---@return string
function Listener:address() end
---@return true
function Listener:close() end

---@class moonloop.Udp
local Udp = {}
---Suspends while the system has no room.
---@param data string
---@param to? string "1.2.3.4:port"
---@return true? ok
---@return string? code
---@return string? detail
function Udp:send(data, to) end
---Suspends.
---@param timeout? number seconds
---@return string? data
---@return string from the sender's address; or a code
---@return string? detail
function Udp:receive(timeout) end
---@return { address: string, peer?: string }? info
---@return string? code
---@return string? detail
function Udp:info() end
---@return true
function Udp:close() end

---@class moonloop.PoolOptions: moonloop.ConnectOptions
---@field max? integer connections per key; 32
---@field idle? integer kept idle; max
---@field idle_timeout? number seconds; 60
---@field max_uses? integer
---@field max_age? number seconds
---@field wait_timeout? number seconds; 10

---@class moonloop.PoolStats
---@field open integer connections
---@field idle integer
---@field busy integer
---@field waiting integer tasks in line
---@field connects integer since the start
---@field reuses integer since the start

---@class moonloop.SocketPool
local Pool = {}
---Suspends.
---@param address? string
---@param options? moonloop.ConnectOptions
---@return moonloop.Socket? socket
---@return string? code
---@return string? detail
function Pool:connect(address, options) end
---Suspends.
---@param address? string
---@param fn fun(socket: moonloop.Socket): ...
---@param options? moonloop.ConnectOptions
---@return any ...
function Pool:with(address, fn, options) end
---@return moonloop.PoolStats
function Pool:stats() end
---@return true
function Pool:close() end

local socket = {}

---Suspends.
---@param address? string "host:port", "[::1]:port", "unix:/path", "unix:@name"
---@param options? moonloop.ConnectOptions
---@return moonloop.Socket? socket
---@return string? code
---@return string? detail
function socket.connect(address, options) end

---@param address string
---@param options? moonloop.ListenOptions
---@return moonloop.Listener? listener
---@return string? code
---@return string? detail
function socket.listen(address, options) end

---@param options? { bind?: string, connect?: string, reuse_port?: boolean }
---@return moonloop.Udp? udp
---@return string? code
---@return string? detail
function socket.udp(options) end

---@param options? moonloop.PoolOptions
---@return moonloop.SocketPool
function socket.pool(options) end

---@return moonloop.Socket? a
---@return moonloop.Socket|string b or a code
---@return string? detail
function socket.pair() end

return socket
