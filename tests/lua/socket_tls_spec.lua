local fs = require("moonloop.fs")
local moonloop = require("moonloop")
local process = require("moonloop.process")
local socket = require("moonloop.socket")
local support = require("support")
local sync = require("moonloop.sync")
local task = require("moonloop.task")

local contains = support.contains

local here = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$")
local NAMES = { "localhost", "*.example.org", "127.0.0.1" }

-- A client and a server of Python, which has OpenSSL by other bindings.
local PYTHON_SERVER = [[
import socket, ssl, sys
cert, key, version = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
context.load_cert_chain(cert, key)
context.set_alpn_protocols(["echo"])
with socket.create_server(("127.0.0.1", 0)) as listener:
    listener.settimeout(30)
    print(listener.getsockname()[1], flush=True)
    connection, _ = listener.accept()
    connection.settimeout(30)
    with context.wrap_socket(connection, server_side=True) as tls:
        data = tls.recv(100000)
        while data:
            tls.sendall(data)
            data = tls.recv(100000)
        tls.unwrap()
]]
local PYTHON_CLIENT = [[
import socket, ssl, sys
ca, port, version = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
context.set_alpn_protocols(["echo"])
with socket.create_connection(("127.0.0.1", int(port)), timeout=30) as connection:
    with context.wrap_socket(connection, server_hostname="www.example.org") as tls:
        tls.sendall(b"hello\n")
        print(tls.version(), tls.selected_alpn_protocol(), tls.recv(100).decode().strip())
        tls.unwrap()
]]
local VERSIONS = { TLSv1_2 = "TLSv1.2", TLSv1_3 = "TLSv1.3" }

describe("TLS", function()
	local dir, pem

	setup(function()
		dir = assert(fs.tempdir())
		local made = assert(process.run({ "python3", here .. "/../e2e/certs.py", dir.path, unpack(NAMES) }))
		assert(made.status == 0, made.stderr)
		pem = setmetatable({}, { __index = function(_, name)
			return assert(fs.read(dir.path .. "/" .. name))
		end })
	end)

	teardown(function()
		dir:close()
	end)

	local function identity(name, more)
		local options = { cert = pem[name .. ".pem"], key = pem[name .. ".key"] }
		for key, value in pairs(more or {}) do
			options[key] = value
		end
		return options
	end

	local function echo_only(sock)
		for line in sock:lines() do
			assert(sock:write(line .. "\n"))
		end
	end

	local function echo(sock)
		echo_only(sock)
		assert(sock:shutdown())
	end

	-- Runs a server while fn(its address) runs.
	local function serving(tls, answer, fn)
		local listener = assert(socket.listen("127.0.0.1:0", { tls = tls }))
		local server = task.spawn(listener.serve, listener, answer)
		local ok, err = pcall(fn, listener:address())
		listener:close()
		server:join(30)
		if not ok then
			error(err, 0)
		end
	end

	local function connect(address, tls)
		return socket.connect(address, { tls = tls, timeout = 30 })
	end

	-- It echoes to one client. In `address`: where it listens.
	local function python_server(version)
		local server = assert(process.spawn({ "python3", "-c", PYTHON_SERVER, dir.path .. "/server.pem",
			dir.path .. "/server.key", version }))
		server.address = "127.0.0.1:" .. assert(server.stdout:read("line", 60))
		return server
	end

	it("carries lines, and tells what was agreed on", function()
		serving(identity("server", { alpn = { "echo" } }), echo, function(address)
			local sock = assert(connect(address, { ca = pem["ca.pem"], alpn = { "other", "echo" } }))
			assert(sock:write({ "hel", "lo", "\n" }))
			assert.equal("hello", sock:read("line"))
			assert.same({ version = "TLSv1.3", cipher = "TLS_AES_256_GCM_SHA384", alpn = "echo",
				subject = "CN=server", resumed = false }, sock:info().tls)
			assert.is_true(sock:shutdown())
			assert.same({ nil, "closed" }, { (sock:read()), (select(2, sock:read())) })
			sock:close()
		end)
	end)

	it("carries much, both ways at once", function()
		local data = ("0123456789abcdef"):rep(200000)
		serving(identity("server"), function(sock)
			local writer = task.spawn(sock.write, sock, data)
			assert.equal(#data, #assert(sock:read(#data)))
			assert.is_true(writer:join())
			assert(sock:shutdown())
		end, function(address)
			local sock = assert(connect(address, { ca = pem["ca.pem"] }))
			local writer = task.spawn(sock.write, sock, data)
			assert.is_true(data == sock:read("all"))
			assert.is_true(writer:join())
			sock:close()
		end)
	end)

	it("resumes a session, by server and by name", function()
		serving(identity("server"), echo, function(address)
			local tls = { ca = pem["ca.pem"], server_name = "a.example.org" }
			local seen = {}
			for i = 1, 3 do
				local sock = assert(connect(address, tls))
				assert(sock:write("x\n"))
				assert.equal("x", sock:read("line"))
				seen[i] = sock:info().tls.resumed
				sock:close()
				tls = { ca = pem["ca.pem"], server_name = i == 1 and "a.example.org" or "b.example.org" }
			end
			assert.same({ false, true, false }, seen)
		end)
	end)

	it("refuses servers that cannot be trusted", function()
		local rows = {
			{ "server", { ca = pem["ca.pem"], server_name = "example.com" },
				"the name example.com is not in the certificate" },
			{ "server", { ca = pem["ca.pem"], server_name = "127.0.0.2" },
				"the address 127.0.0.2 is not in the certificate" },
			{ "server", {}, "the issuer of the certificate is not trusted" },
			{ "server", { ca = pem["self.pem"] }, "the issuer of the certificate is not trusted" },
			{ "expired", { ca = pem["ca.pem"] }, "certificate has expired" },
			{ "self", { ca = pem["ca.pem"] }, "self-signed certificate" },
		}
		for _, row in ipairs(rows) do
			serving(identity(row[1]), echo, function(address)
				local sock, code, detail = connect(address, row[2])
				assert.is_nil(sock)
				assert.equal("tls", code)
				contains(row[3], detail)
				contains(address, detail)
				row[2].verify = false
				sock = assert(connect(address, row[2]))
				assert(sock:write("x\n"))
				assert.equal("x", sock:read("line"))
				sock:close()
			end)
		end
	end)

	it("demands a client's certificate", function()
		serving(identity("server", { verify = true, ca = pem["ca.pem"] }), function(sock)
			assert(sock:write(sock:info().tls.subject .. "\n"))
		end, function(address)
			local sock = assert(connect(address, identity("client", { ca = pem["ca.pem"] })))
			assert.equal("CN=client", sock:read("line"))
			sock:close()
			-- In TLS 1.3 the client is done with its handshake before it is refused.
			for why, tls in pairs({ ["certificate required"] = { ca = pem["ca.pem"] },
				["unknown ca"] = identity("self", { ca = pem["ca.pem"] }) }) do
				sock = assert(connect(address, tls))
				local _, code, detail = sock:read("line")
				assert.equal("tls", code)
				contains("the peer refused: " .. why, detail)
				sock:close()
			end
		end)
	end)

	-- The client demands a close_notify after its own.
	local function ask_by_python(answer)
		for name, version in pairs(VERSIONS) do
			serving(identity("server", { alpn = { "echo" } }), answer, function(address)
				local done = assert(process.run({ "python3", "-c", PYTHON_CLIENT, dir.path .. "/ca.pem",
					address:match("%d+$"), name }, { timeout = 60 }))
				assert.equal("", done.stderr)
				assert.equal(version .. " echo hello\n", done.stdout)
			end)
		end
	end

	it("talks with Python's client", function()
		ask_by_python(echo)
	end)

	it("ends properly when it is closed, though the peer ended first", function()
		ask_by_python(echo_only)
	end)

	it("talks with Python's server", function()
		local data = ("line of text\n"):rep(20000)
		for name, version in pairs(VERSIONS) do
			local server = python_server(name)
			local sock = assert(connect(server.address, { ca = pem["ca.pem"], alpn = { "echo" } }))
			assert.equal(version, sock:info().tls.version)
			assert.equal("echo", sock:info().tls.alpn)
			local writer = task.spawn(sock.write, sock, data)
			assert.is_true(data == sock:read(#data))
			assert.is_true(writer:join())
			assert.is_true(sock:shutdown())
			assert.same({ "" }, { sock:read("all") })
			sock:close()
			assert.same({ status = 0 }, { status = server:wait(60).status })
			server:close()
		end
	end)

	it("begins in the middle, after the plain part", function()
		local a, b = assert(socket.pair())
		local server = task.spawn(function()
			assert.equal("STARTTLS", b:read("line"))
			assert(b:write("go\n"))
			local options = identity("server")
			options.server = true
			assert(b:start_tls(options))
			assert(b:write("secret\n"))
			return b:info().tls.server_name
		end)
		assert(a:write("STARTTLS\n"))
		assert.equal("go", a:read("line"))
		assert(a:start_tls({ ca = pem["ca.pem"], server_name = "www.example.org" }))
		assert.equal("secret", a:read("line"))
		assert.equal("www.example.org", server:join())
		a:close()
		b:close()
	end)

	it("tells a cut from an end", function()
		local server = python_server("TLSv1_3")
		local sock = assert(connect(server.address, { ca = pem["ca.pem"] }))
		assert(sock:write("half a line"))
		assert.equal("half a line", sock:read(11))
		server:kill(process.KILL)
		local _, code, detail = sock:read("all")
		assert.equal("tls", code)
		contains("without close_notify", detail)
		sock:close()
		server:close()
	end)

	it("takes no other bytes after a write that was given up", function()
		local data = ("x"):rep(20000000)
		local gate = sync.event()
		serving(identity("server"), function(sock)
			gate:wait()
			sock:read("all")
		end, function(address)
			local sock = assert(connect(address, { ca = pem["ca.pem"] }))
			local _, code, detail = sock:write(data, 0.05)
			assert.equal("timeout", code)
			local taken = tonumber(detail:match("(%d+) bytes were taken"))
			assert.is_true(taken > 0 and taken < #data)
			_, code, detail = sock:write("other")
			assert.equal("state", code)
			contains("a record is half sent", detail)
			gate:set()
			assert.is_true(sock:write(data:sub(taken + 1)))
			sock:close()
		end)
	end)

	it("says so when the peer speaks something else, or nothing", function()
		local listener = assert(socket.listen("127.0.0.1:0"))
		local server = task.spawn(listener.serve, listener, function(sock)
			assert(sock:write("220 mail.example.org\r\n"))
			sock:read("all", 30)
		end)
		local _, code, detail = connect(listener:address(), {})
		assert.equal("tls", code)
		contains("wrong version number", detail)
		listener:close()
		server:join()

		listener = assert(socket.listen("127.0.0.1:0")) -- where nobody accepts
		_, code = socket.connect(listener:address(), { tls = {}, timeout = 0.05 })
		assert.equal("timeout", code)
		local client = task.spawn(connect, listener:address(), {})
		moonloop.sleep(0.02)
		client:cancel()
		local ok, err = pcall(client.join, client)
		assert.is_false(ok)
		assert.is_true(task.is_cancelled(err))
		listener:close()
	end)

	it("names what is wrong with the options", function()
		local rows = {
			{ { ca = "text" }, "ca: no certificate in it" },
			{ { cert = "text", key = "text" }, "cert: no certificate in it" },
			{ { cert = pem["server.pem"], key = "text" }, "key: no private key in it" },
			{ { cert = pem["server.pem"], key = pem["client.key"] },
				"key: it does not fit the certificate" },
		}
		for _, row in ipairs(rows) do
			local sock, code, detail = connect("127.0.0.1:1", row[1])
			assert.is_nil(sock)
			assert.equal("invalid", code)
			contains(row[2], detail)
		end
		local _, code, detail = socket.listen("127.0.0.1:0", { tls = identity("server", { verify = true }) })
		assert.equal("invalid", code)
		contains("ca: needed to check the clients' certificates", detail)
	end)
end)
