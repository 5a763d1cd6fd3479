local dns = require("moonloop.dns")
local plain = require("plain_env")
local socket = require("moonloop.socket")
local support = require("support")
local thread = require("moonloop.thread")

local raises, begins, contains = support.raises, support.begins, support.contains

local function addresses(list)
	local texts = {}
	for i, item in ipairs(list) do
		texts[i] = item.address
	end
	table.sort(texts)
	return texts
end

-- Runs an application in a gateway whose name server never says anything. Its lifespan calls the body.
local function with_silent_server(body)
	local silent = assert(socket.udp({ bind = "127.0.0.1:0" }))
	local port = silent:info().address:match(":(%d+)$")
	local rc, text = support.check(([[
		local dns, task = require("moonloop.dns"), require("moonloop.task")
		local moonloop, time = require("moonloop"), require("moonloop.time")
		return function(scope, receive, send)
			receive()
			%s
			send({ type = "lifespan.startup.complete" })
			receive()
			send({ type = "lifespan.shutdown.complete" })
		end
	]]):format(body), "--dns-servers 127.0.0.1:" .. port)
	silent:close()
	assert.equal(0, rc, text)
end

describe("dns.resolve", function()
	it("gives addresses back as they are", function()
		assert.same({ { address = "192.0.2.1", family = 4, ttl = 0 } }, dns.resolve("192.0.2.1"))
		assert.same({ { address = "2001:db8::1", family = 6, ttl = 0 } },
			dns.resolve("2001:db8::1", { family = 6 }))
	end)

	it("knows localhost, and what is below it", function()
		assert.same({ "127.0.0.1", "::1" }, addresses(dns.resolve("localhost")))
		assert.same({ "127.0.0.1", "::1" }, addresses(dns.resolve("App.LOCALHOST.")))
		assert.same({ "127.0.0.1" }, addresses(dns.resolve("localhost", { family = "ipv4" })))
		assert.same({ "::1" }, addresses(dns.resolve("localhost", { family = 6 })))
	end)

	it("answers a family that an address has not", function()
		local list, code, detail = dns.resolve("127.0.0.1", { family = 6 })
		assert.is_nil(list)
		assert.equal("not_found", code)
		assert.equal("127.0.0.1 has no IPv6 address", detail)
	end)

	it("answers a name that cannot be", function()
		for _, name in ipairs({ "", ".", "a..b", "a b", "a\0b", "b\195\188cher.test", "127.1",
			("a"):rep(64) .. ".test", ("ab."):rep(100) .. "test", "[::1]", "a/b" }) do
			local list, code, detail = dns.resolve(name)
			assert.is_nil(list)
			assert.equal("invalid", code, name)
			begins("the name ", detail)
		end
	end)

	it("raises what is called wrongly, at the line of the call", function()
		local rows = {
			{ "the name must be a string, got nil" },
			{ "the name must be a string, got number", 5 },
			{ "options must be a table, got number", "localhost", 5 },
			{ 'family must be "any", "ipv4", "ipv6", 4 or 6, got 5', "localhost", { family = 5 } },
			{ "timeout must be a number of seconds >= 0, got -1", "localhost", { timeout = -1 } },
		}
		for _, row in ipairs(rows) do
			local err = raises(function()
				dns.resolve(row[2], row[3])
			end)
			begins(support.line(-2) .. "dns.resolve: " .. row[1], err)
		end
	end)

	it("says in a pool thread that it waits", function()
		local ok, err = pcall(thread.run, plain(function()
			require("moonloop.dns").resolve("localhost")
		end))
		assert.is_false(ok)
		contains("pool thread", err)
	end)

	it("ends with its time, the deadline around it, and the task", function()
		with_silent_server([[
			local list, code, detail = dns.resolve("host.test", { timeout = 0.05 })
			assert(list == nil and code == "timeout" and detail == "host.test: no answer within 0.05 s", detail)
			list, code = task.timeout(0.05, dns.resolve, "host.test")
			assert(list == nil and code == "timeout")
			local t = task.spawn(dns.resolve, "host.test")
			moonloop.sleep(0.02)
			t:cancel()
			local ok, err = pcall(t.join, t)
			assert(not ok and task.is_cancelled(err))
			task.background(task.shield, dns.txt, "host.test")
		]])
	end)

	it("has its name in the tree of tasks", function()
		with_silent_server([[
			local t = task.spawn(function()
				task.name("asker")
				local list = dns.srv("_http._tcp.test")
				return list
			end)
			moonloop.sleep(0.02)
			local found
			local function look(nodes)
				for _, node in ipairs(nodes) do
					found = node.name == "asker" and node.waits_for or found
					look(node.children)
				end
			end
			look(task.tree())
			assert(found == "dns.srv", tostring(found))
			t:cancel()
		]])
	end)
end)

describe("dns.srv, dns.txt, dns.mx", function()
	it("know of localhost that it has none", function()
		for name, what in pairs({ srv = "SRV", txt = "TXT", mx = "MX" }) do
			local list, code, detail = dns[name]("localhost")
			assert.is_nil(list)
			assert.equal("not_found", code)
			assert.equal("localhost has no " .. what .. " record", detail)
		end
	end)

	it("raise at the line of the call", function()
		for _, name in ipairs({ "srv", "txt", "mx" }) do
			local err = raises(function()
				dns[name]()
			end)
			begins(support.line(-2) .. "dns." .. name .. ": the name must be a string", err)
		end
	end)
end)
