// node:http; usage: node node_app.js PORT
"use strict";
const http = require("node:http");

function answer(res, body, type = "text/plain") {
	res.writeHead(200, { "content-type": type, "content-length": Buffer.byteLength(body) });
	res.end(body);
}

const routes = {
	"/": (req, res) => answer(res, "Hello, World!"),
	"/about": (req, res) => answer(res, `node ${process.versions.node}; JSON by JSON.stringify`),
	"/json": (req, res) => {
		const value = { message: "Hello, World!", id: 42, ok: true, price: 9.5, tags: ["a", "b", "c"] };
		answer(res, JSON.stringify(value), "application/json");
	},
	"/headers": (req, res) => {
		const agent = req.headers["user-agent"];
		const language = req.headers["accept-language"];
		const id = req.headers["x-request-id"];
		answer(res, agent && language && id ? id : "missing");
	},
	"/echo": (req, res) => {
		const pieces = [];
		req.on("data", (piece) => pieces.push(piece));
		req.on("end", () => answer(res, Buffer.concat(pieces)));
	},
	"/sleep": (req, res) => setTimeout(answer, 10, res, "Hello, World!"),
};

const server = http.createServer((req, res) => routes[req.url](req, res));
server.keepAliveTimeout = 300000;
server.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
