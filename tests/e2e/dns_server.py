"""A name server on loopback, over UDP and TCP, that answers from a table.

    with DnsServer({("host.test", "A"): Reply(["192.0.2.1"])}) as server:
        Gateway(app, "--dns-servers", server.address)

A name of which the table has no record at all does not exist (NXDOMAIN); one that has others has no
such record. Each question is counted.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Callable, Optional, Sequence, Union

TYPES = {"A": 1, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33}
NAMES = {number: name for name, number in TYPES.items()}

SERVFAIL, NXDOMAIN, REFUSED = 2, 3, 5

UDP_MAX = 512

Key = tuple[str, str]
Data = Union[str, tuple[object, ...]]


@dataclass
class Reply:
    """What one question is answered with."""

    records: Sequence[Data] = ()  # "192.0.2.1"; of SRV (priority, weight, port, target); of TXT a tuple of strings
    ttl: int = 60
    rcode: int = 0
    alias: Optional[str] = None  # a CNAME in front of the records
    delay: float = 0.0
    drop: bool = False
    raw: Optional[Callable[[bytes], bytes]] = None  # makes the whole answer of the query
    over_tcp: list[bool] = field(default_factory=list)  # how each question came


def encode_name(name: str) -> bytes:
    labels = [label.encode() for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def encode_data(kind: str, data: Data) -> bytes:
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(data).packed
    if kind == "CNAME":
        return encode_name(str(data))
    if kind == "MX":
        return struct.pack(">H", data[0]) + encode_name(str(data[1]))
    if kind == "SRV":
        return struct.pack(">HHH", *data[:3]) + encode_name(str(data[3]))
    texts = [text.encode() for text in data]
    return b"".join(bytes([len(text)]) + text for text in texts)


def encode_record(name: str, kind: str, ttl: int, data: bytes) -> bytes:
    return encode_name(name) + struct.pack(">HHIH", TYPES[kind], 1, ttl, len(data)) + data


def parse_question(query: bytes) -> tuple[str, str, int]:
    """Name, type, and where the question ends."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
        at += 1 + query[at]
    number = struct.unpack_from(">H", query, at + 1)[0]
    return ".".join(labels).lower(), NAMES.get(number, str(number)), at + 5


def _bind_both() -> tuple[socket.socket, socket.socket]:
    """Sockets for UDP and TCP of one port, which is free for both."""
    for _ in range(100):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            udp.bind(("127.0.0.1", 0))
            tcp.bind(udp.getsockname())
        except OSError:
            udp.close()
            tcp.close()
            continue
        tcp.listen(16)
        return udp, tcp
    raise AssertionError("no port is free for UDP and TCP")


class DnsServer:
    """Runs in threads of its own, from the begin of a `with` to its end."""

    def __init__(self, table: dict[Key, Reply]) -> None:
        self.table = table
        self.asked: list[Key] = []
        self.udp, self.tcp = _bind_both()
        self.port = self.udp.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.stopping = False
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self._serve_udp, self._serve_tcp)]

    def __enter__(self) -> DnsServer:
        for sock in (self.udp, self.tcp):
            sock.settimeout(0.05)
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.stopping = True
        for thread in self.threads:
            thread.join()
        self.udp.close()
        self.tcp.close()

    def count(self, name: str, kind: str) -> int:
        """How often that was asked."""
        return self.asked.count((name, kind))

    def _answer(self, query: bytes, tcp: bool) -> Optional[bytes]:
        name, kind, end = parse_question(query)
        self.asked.append((name, kind))
        reply = self.table.get((name, kind))
        if reply is None:
            exists = any(key[0] == name for key in self.table)
            reply = Reply(rcode=0 if exists else NXDOMAIN)
        reply.over_tcp.append(tcp)
        if reply.drop:
            return None
        if reply.delay:
            time.sleep(reply.delay)
        if reply.raw:
            return reply.raw(query)
        owner, answers = name, []
        if reply.alias:
            answers.append(encode_record(name, "CNAME", reply.ttl, encode_name(reply.alias)))
            owner = reply.alias
        answers += [encode_record(owner, kind, reply.ttl, encode_data(kind, data)) for data in reply.records]
        head = struct.pack(">HHHHH", 0x8580 | reply.rcode, 1, len(answers), 0, 0)
        message = query[:2] + head + query[12:end] + b"".join(answers)
        if not tcp and len(message) > UDP_MAX:  # cut short: to be asked again over TCP
            message = query[:2] + struct.pack(">HHHHH", 0x8780, 1, 0, 0, 0) + query[12:end]
        return message

    def _serve_udp(self) -> None:
        while not self.stopping:
            try:
                query, peer = self.udp.recvfrom(4096)
            except (socket.timeout, ConnectionError):
                continue
            # Each in a thread, so that one that is late holds up nobody.
            threading.Thread(target=self._send_udp, args=(query, peer), daemon=True).start()

    def _send_udp(self, query: bytes, peer: tuple[str, int]) -> None:
        message = self._answer(query, False)
        if message is not None and not self.stopping:
            self.udp.sendto(message, peer)

    def _serve_tcp(self) -> None:
        while not self.stopping:
            try:
                conn, _ = self.tcp.accept()
            except socket.timeout:
                continue
            with conn:
                conn.settimeout(5)
                self._serve_conn(conn)

    def _serve_conn(self, conn: socket.socket) -> None:
        stream = conn.makefile("rb")
        while not self.stopping:
            size = stream.read(2)
            if len(size) < 2:
                return
            message = self._answer(stream.read(struct.unpack(">H", size)[0]), True)
            if message is not None:
                conn.sendall(struct.pack(">H", len(message)) + message)
