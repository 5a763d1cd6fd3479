"""A small HTTP/1.1 client over a plain socket, for what real clients take care not to do."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field
from types import TracebackType
from typing import Mapping, Optional, Union

Address = Union[str, tuple[str, int]]  # path of a unix socket, or host and port


class Closed(Exception):
    """The connection ended where more was expected."""


@dataclass
class Response:
    """One response as it came over the wire, de-chunked."""

    version: str
    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    interim: list[Response] = field(default_factory=list)  # 1xx that came before
    chunks: int = 0  # 0: not chunked

    def header(self, name: str) -> Optional[str]:
        """The value of a field, several joined; None if it is absent."""
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else None

    @property
    def text(self) -> str:
        """The body, which must be UTF-8."""
        return self.body.decode()

    @property
    def keeps(self) -> bool:
        """Whether the connection may carry another request."""
        said = (self.header("connection") or "").lower()
        return said != "close" if self.version == "HTTP/1.1" else said == "keep-alive"


class Conn:
    """A connection. Every wait on it ends after `timeout` seconds without progress: TimeoutError."""

    def __init__(self, address: Address, timeout: float, receive_buffer: int = 0) -> None:
        if isinstance(address, str):
            family = socket.AF_UNIX
        else:
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            self.sock.connect(address)
        except BaseException:
            self.sock.close()
            raise
        if family != socket.AF_UNIX:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pending = b""
        self._methods: list[str] = []  # of requests whose responses were not read yet

    def __enter__(self) -> Conn:
        return self

    def __exit__(self, _kind: Optional[type[BaseException]], _err: Optional[BaseException],
                 _tb: Optional[TracebackType]) -> None:
        self.close()

    # ---- out ---------------------------------------------------------------------------------------

    def send(self, data: bytes, method: str = "") -> None:
        """Sends bytes as they are; method: they are a request, whose response will be read."""
        if method:
            self._methods.append(method)
        self.sock.sendall(data)

    def request(self, method: str, target: str, headers: Optional[Mapping[str, str]] = None,
                body: Optional[bytes] = None, version: str = "1.1") -> None:
        """Sends a request with Host, and Content-Length if there is a body."""
        fields = {"Host": "moonloop.test", **(headers or {})}
        if body is not None and "Content-Length" not in fields:
            fields["Content-Length"] = str(len(body))
        head = f"{method} {target} HTTP/{version}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields.items()) + "\r\n"
        self.send(head.encode("latin-1") + (body or b""), method)

    def send_chunk(self, data: bytes) -> None:
        """One piece of a chunked body; an empty one ends it."""
        self.sock.sendall(b"%x\r\n%s\r\n" % (len(data), data))

    def finish_writing(self) -> None:
        """Half-closes: the peer sees the end of input."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Closes so that the peer sees a reset at once."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        """Closes; may be called more than once."""
        self.sock.close()

    # ---- in ----------------------------------------------------------------------------------------

    def _more(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise Closed(f"the connection ended behind {self._pending[-200:]!r}")
        self._pending += data

    def read_exactly(self, n: int) -> bytes:
        """The next n bytes of the wire."""
        parts, missing = [self._pending[:n]], n - len(self._pending)
        self._pending = self._pending[n:]
        while missing > 0:
            data = self.sock.recv(min(missing, 1 << 20))
            if not data:
                raise Closed(f"the connection ended {missing} bytes early")
            parts.append(data)
            missing -= len(data)
        return b"".join(parts)

    def read_until(self, mark: bytes) -> bytes:
        """What comes before the mark; the mark is taken and dropped."""
        while mark not in self._pending:
            self._more()
        found, self._pending = self._pending.split(mark, 1)
        return found

    def read_rest(self) -> bytes:
        """Everything up to the end of the connection."""
        parts = [self._pending]
        self._pending = b""
        while data := self.sock.recv(65536):
            parts.append(data)
        return b"".join(parts)

    def is_over(self) -> bool:
        """Waits for what comes next: the end (True) or bytes (False)."""
        if self._pending:
            return False
        try:
            self._more()
        except (Closed, ConnectionResetError):
            return True
        return False

    def _read_fields(self) -> list[tuple[str, str]]:
        fields = []
        while line := self.read_until(b"\r\n").decode("latin-1"):
            name, value = line.split(":", 1)
            fields.append((name.lower(), value.strip()))
        return fields

    def read_head(self) -> Response:
        """One status line with its fields, interim or final."""
        version, status, reason = self.read_until(b"\r\n").decode("latin-1").split(" ", 2)
        return Response(version, int(status), reason, self._read_fields())

    def read_chunk(self) -> bytes:
        """One piece of a chunked body; the last one is empty, and trailers follow."""
        size = int(self.read_until(b"\r\n").split(b";")[0], 16)
        if size == 0:
            return b""
        data = self.read_exactly(size)
        if self.read_exactly(2) != b"\r\n":
            raise AssertionError("a chunk is longer than it said")
        return data

    def _read_body(self, response: Response) -> None:
        if response.header("transfer-encoding") == "chunked":
            parts = []
            while data := self.read_chunk():
                parts.append(data)
            response.chunks = len(parts)
            response.body = b"".join(parts)
            response.trailers = self._read_fields()
        elif (length := response.header("content-length")) is not None:
            response.body = self.read_exactly(int(length))
        else:
            response.body = self.read_rest()

    def read_response(self) -> Response:
        """The final response to the oldest request that was sent, with its body."""
        method = self._methods.pop(0) if self._methods else "GET"
        interim = []
        while (response := self.read_head()).status < 200:
            interim.append(response)
        response.interim = interim
        if method != "HEAD" and response.status not in (204, 304):
            self._read_body(response)
        return response
