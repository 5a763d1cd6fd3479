"""A plain ASGI application; usage: python3 -m uvicorn --app-dir DIR uvicorn_app:app."""

import asyncio
import json
import platform

import uvicorn


def _start(body: bytes, content_type: bytes = b"text/plain") -> dict:
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    return {"type": "http.response.start", "status": 200, "headers": headers}


async def _answer(send, body: bytes, content_type: bytes = b"text/plain") -> None:
    await send(_start(body, content_type))
    await send({"type": "http.response.body", "body": body})


async def hello(scope, receive, send):
    await _answer(send, b"Hello, World!")


async def about(scope, receive, send):
    text = f"uvicorn {uvicorn.__version__}, Python {platform.python_version()}; JSON by json.dumps"
    await _answer(send, text.encode())


async def encode(scope, receive, send):
    tags = ["a", "b", "c"]
    value = {"message": "Hello, World!", "id": 42, "ok": True, "price": 9.5, "tags": tags}
    body = json.dumps(value, separators=(",", ":")).encode()
    await _answer(send, body, b"application/json")


async def headers(scope, receive, send):
    fields = dict(scope["headers"])
    agent = fields.get(b"user-agent")
    language = fields.get(b"accept-language")
    request_id = fields.get(b"x-request-id")
    await _answer(send, request_id if agent and language and request_id else b"missing")


async def echo(scope, receive, send):
    body = b""
    more = True
    while more:
        message = await receive()
        body += message["body"]
        more = message.get("more_body", False)
    await _answer(send, body)


async def sleep(scope, receive, send):
    await asyncio.sleep(0.01)
    await _answer(send, b"Hello, World!")


ROUTES = {
    "/": hello,
    "/about": about,
    "/json": encode,
    "/headers": headers,
    "/echo": echo,
    "/sleep": sleep,
}


async def app(scope, receive, send):
    await ROUTES[scope["path"]](scope, receive, send)
