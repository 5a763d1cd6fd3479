"""moonloop.dns against a name server, and connecting to names that have several addresses."""

from __future__ import annotations

import signal
import socket
import threading
import time
import unittest
from typing import Optional

from dns_server import REFUSED, SERVFAIL, DnsServer, Reply
from gateway import Gateway
from support import APPS, patient

APP = APPS / "dns.lua"


class Greeter:
    """Greets whoever connects to it, with its own name."""

    def __init__(self, host: str, port: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((host, port))
        self.socket.listen(16)
        self.host, self.port = host, self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while True:
            try:
                conn, peer = self.socket.accept()
            except OSError:
                return
            with conn:
                conn.sendall(f"{self.host} {peer[0]}\n".encode())

    def __enter__(self) -> Greeter:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()


class Hole:
    """Neither takes nor refuses: a listener whose queue is full, so that the kernel drops what comes."""

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sockets = [socket.socket(family)]
        self.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sockets[0].bind((host, port))
        self.sockets[0].listen(0)
        for _ in range(4):
            filler = socket.socket(family)
            filler.setblocking(False)
            filler.connect_ex((host, port))
            self.sockets.append(filler)
        time.sleep(0.1)

    def __enter__(self) -> Hole:
        return self

    def __exit__(self, *_: object) -> None:
        for sock in self.sockets:
            sock.close()


class Names(unittest.TestCase):
    """moonloop.dns"""

    def serve(self, table: dict, *options: str) -> tuple[DnsServer, Gateway]:
        """A name server, and a gateway that asks it; both end with the test."""
        server = DnsServer(table).__enter__()
        self.addCleanup(server.__exit__, None, None, None)
        gateway = Gateway(APP, "--dns-servers", server.address, *options)
        gateway.__enter__()
        self.addCleanup(gateway.__exit__, None, None, None)
        return server, gateway

    def test_addresses(self) -> None:
        """Both families, one of them, aliases; upper case is the same; the second look-up asks nobody."""
        server, gw = self.serve({
            ("host.test", "A"): Reply(["192.0.2.1", "192.0.2.2"]),
            ("host.test", "AAAA"): Reply(["2001:db8::1"]),
            ("www.test", "A"): Reply(["192.0.2.3"], alias="host.test"),
        })
        for _ in range(2):
            self.assertEqual(set(gw.get("/resolve?name=host.test").text.split()), {"192.0.2.1", "192.0.2.2", "2001:db8::1"})
            self.assertEqual(gw.get("/resolve?name=HOST.test&family=6").text, "2001:db8::1")
            self.assertEqual(set(gw.get("/resolve?name=host.test&family=ipv4").text.split()), {"192.0.2.1", "192.0.2.2"})
            self.assertEqual(gw.get("/resolve?name=www.test").text, "192.0.2.3")
        self.assertEqual(len(server.asked), 4)
        self.assertIn(int(gw.get("/ttl?name=www.test").text), range(30, 61))

    def test_records(self) -> None:
        """SRV, MX and TXT; the pieces of one text are joined."""
        _, gw = self.serve({
            ("_http._tcp.test", "SRV"): Reply([(20, 0, 8081, "b.test"), (10, 0, 8080, "a.test")]),
            ("off.test", "SRV"): Reply([(0, 0, 0, ".")]),
            ("host.test", "MX"): Reply([(20, "two.test"), (10, "one.test")]),
            ("host.test", "TXT"): Reply([("v=spf1 ", "-all")]),
        })
        self.assertEqual(gw.get("/srv?name=_http._tcp.test").text, "a.test:8080 b.test:8081")
        self.assertTrue(gw.get("/srv?name=off.test").text.startswith("not_found: "))
        self.assertEqual(gw.get("/mx?name=host.test").text, "one.test two.test")
        self.assertEqual(gw.get("/txt?name=host.test").text, "v=spf1 -all")
        self.assertEqual(gw.get("/srv?name=host.test").text, "not_found: host.test has no SRV record")

    def test_truncated(self) -> None:
        """What does not fit into a packet is asked for over TCP."""
        big = Reply([(f"{i:03d}" + "x" * 200,) for i in range(20)])
        _, gw = self.serve({("big.test", "TXT"): big})
        self.assertEqual(len(gw.get("/txt?name=big.test").text), 20 * 203 + 19)
        self.assertEqual(big.over_tcp, [False, True])

    def test_failures(self) -> None:
        """Each way to fail has its code, and a sentence that names the culprit."""
        server, gw = self.serve({
            ("broken.test", "A"): Reply(rcode=SERVFAIL),
            ("closed.test", "A"): Reply(rcode=REFUSED),
            ("silent.test", "A"): Reply(drop=True),
            ("garbage.test", "A"): Reply(raw=lambda query: query[:2] + b"\x85\x80\0\1\0\7\0\0\0\0" + query[12:]),
        }, "--dns-timeout", "200ms")
        who = f"the name server at {server.address}"
        for name, expected in (("none.test", "not_found: none.test: no such name"),
                               ("broken.test", f"failed: broken.test: {who} failed"),
                               ("closed.test", f"refused: closed.test: {who} refused to answer"),
                               ("silent.test", f"timeout: silent.test: {who} did not answer"),
                               ("garbage.test", f"failed: garbage.test: {who} answered with garbage"),
                               ("a..b", "invalid: the name has an empty part between its dots")):
            self.assertEqual(gw.get(f"/resolve?name={name}&family=4").text, expected)
        self.assertEqual(gw.get("/resolve?name=silent.test&timeout=0.05").text,
                         "timeout: silent.test: no answer within 0.05 s")
        self.assertTrue(gw.get("/deadline?name=silent.test").text.endswith("nil timeout true"))

    def test_second_server(self) -> None:
        """The next server is asked when the first one is not there, or fails."""
        with DnsServer({("host.test", "A"): Reply(rcode=SERVFAIL)}) as bad:
            with DnsServer({("host.test", "A"): Reply(["192.0.2.1"])}) as good:
                with Gateway(APP, "--dns-servers", f"127.0.0.1:1,{bad.address},{good.address}") as gw:
                    self.assertEqual(gw.get("/resolve?name=host.test&family=4").text, "192.0.2.1")
                self.assertEqual(bad.count("host.test", "A"), 1)

    def test_one_family(self) -> None:
        """A name server that is silent about IPv6: when the time is over, IPv4 is the answer."""
        _, gw = self.serve({("half.test", "A"): Reply(["192.0.2.1"]), ("half.test", "AAAA"): Reply(drop=True)})
        self.assertEqual(gw.get("/resolve?name=half.test&timeout=1").text, "192.0.2.1")

    def test_shared(self) -> None:
        """Ten tasks ask at once, two are cancelled: one question for each family."""
        server, gw = self.serve({("slow.test", "A"): Reply(["192.0.2.1"], delay=0.3)})
        self.assertEqual(gw.get("/many?name=slow.test").text, ",".join(["192.0.2.1"] * 8))
        self.assertEqual(server.count("slow.test", "A"), 1)
        self.assertEqual(server.count("slow.test", "AAAA"), 1)

    def test_not_kept(self) -> None:
        """--dns-cache 0: each look-up asks."""
        server, gw = self.serve({("host.test", "A"): Reply(["192.0.2.1"])}, "--dns-cache", "0")
        for _ in range(3):
            gw.get("/resolve?name=host.test&family=4")
        self.assertEqual(server.count("host.test", "A"), 3)

    def test_expires(self) -> None:
        """An answer whose time is over is asked for again."""
        server, gw = self.serve({("host.test", "A"): Reply(["192.0.2.1"], ttl=1)})
        gw.get("/resolve?name=host.test&family=4")
        time.sleep(1.1)
        gw.get("/resolve?name=host.test&family=4")
        self.assertEqual(server.count("host.test", "A"), 2)

    def test_stop_while_pending(self) -> None:
        """The end of the worker does not wait for a name."""
        _, gw = self.serve({("silent.test", "A"): Reply(drop=True)}, "--drain-timeout", "200ms")
        self.assertEqual(gw.get("/forget?name=silent.test").text, "begun")
        began = time.monotonic()
        gw.signal(signal.SIGTERM)
        gw.wait(10)
        self.assertLess(time.monotonic() - began, patient(5))


def has_ipv6() -> bool:
    """Whether this machine has ::1."""
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


@unittest.skipUnless(has_ipv6(), "no ::1 on this machine")
class HappyEyeballs(unittest.TestCase):
    """socket.connect to a name (RFC 8305)"""

    def connect(self, v4: Reply, v6: Optional[Reply], port: int, query: str = "", route: str = "connect") -> str:
        table = {("host.test", "A"): v4}
        if v6:
            table[("host.test", "AAAA")] = v6
        with DnsServer(table) as server, Gateway(APP, "--dns-servers", server.address) as gw:
            return gw.get(f"/{route}?host=host.test&port={port}{query}").text

    def test_first_v6(self) -> None:
        """IPv6 comes first, and is not kept waiting for IPv4."""
        with Greeter("::1") as six, Greeter("127.0.0.1", six.port):
            self.assertEqual(self.connect(Reply(["127.0.0.1"], delay=0.2), Reply(["::1"]), six.port), "::1 ::1")
            self.assertEqual(self.connect(Reply(["127.0.0.1"], drop=True), Reply(["::1"]), six.port), "::1 ::1")

    def test_refused(self) -> None:
        """Who refuses is passed over at once, through all addresses."""
        with Greeter("127.0.0.3") as four:
            text = self.connect(Reply(["127.0.0.2", "127.0.0.3"]), Reply(["::1"]), four.port, "&delay=30")
            self.assertEqual(text, "127.0.0.3 127.0.0.1")

    def test_hole(self) -> None:
        """An address that says nothing holds up the next one for the delay only."""
        with Greeter("127.0.0.2") as four, Hole("::1", four.port):
            text = self.connect(Reply(["127.0.0.2"]), Reply(["::1"]), four.port, "&delay=0.05&timeout=20")
            self.assertEqual(text, "127.0.0.2 127.0.0.1")

    def test_no_v6_answer(self) -> None:
        """A name server that is silent about IPv6 does not keep IPv4 from being tried."""
        with Greeter("127.0.0.2") as four:
            began = time.monotonic()
            text = self.connect(Reply(["127.0.0.2"]), Reply(drop=True), four.port)
            self.assertEqual(text, "127.0.0.2 127.0.0.1")
            self.assertLess(time.monotonic() - began, patient(4.5))

    def test_all_fail(self) -> None:
        """The detail has each address and what it said."""
        with Greeter("127.0.0.1") as used:
            port = used.port
            text = self.connect(Reply(["127.0.0.2", "127.0.0.3"]), Reply(["::1"]), port)
        self.assertTrue(text.startswith("refused: host.test: "), text)
        for address in (f"127.0.0.2:{port}", f"127.0.0.3:{port}", f"[::1]:{port}"):
            self.assertIn(address + ": ", text)

    def test_time_out(self) -> None:
        """All are silent: the time-out says so, and with which addresses."""
        with Greeter("127.0.0.1") as used, Hole("::1", used.port), Hole("127.0.0.2", used.port):
            text = self.connect(Reply(["127.0.0.2"]), Reply(["::1"]), used.port, "&delay=0.05&timeout=0.5")
            self.assertTrue(text.startswith("timeout: host.test: not connected in time; "), text)
            self.assertIn(f"[::1]:{used.port}: no answer", text)
            self.assertIn(f"127.0.0.2:{used.port}: no answer", text)
            text = self.connect(Reply(drop=True), Reply(drop=True), used.port, "&timeout=0.2")
            self.assertTrue(text.startswith("timeout: host.test: "), text)

    def test_cancelled(self) -> None:
        """Who is cancelled leaves no socket behind."""
        with Greeter("127.0.0.1") as used, Hole("::1", used.port), Hole("127.0.0.2", used.port):
            text = self.connect(Reply(["127.0.0.2"]), Reply(["::1"]), used.port, "&delay=0.05", "leave")
            self.assertEqual(text, "true true 0")

    def test_no_address(self) -> None:
        """A name without addresses."""
        self.assertEqual(self.connect(Reply(), None, 80), "not_found: host.test has no address")
        with DnsServer({}) as server, Gateway(APP, "--dns-servers", server.address) as gw:
            self.assertEqual(gw.get("/connect?host=none.test&port=80").text, "not_found: none.test: no such name")

    def test_bind(self) -> None:
        """With an address of its own only that family is asked for."""
        with Greeter("127.0.0.1") as four:
            text = self.connect(Reply(["127.0.0.1"]), Reply(["::1"]), four.port, "&bind=127.0.0.7:0")
            self.assertEqual(text, "127.0.0.1 127.0.0.7")

    def test_localhost(self) -> None:
        """A server on 127.0.0.1 alone is found as localhost, and no name server is asked."""
        with Greeter("127.0.0.1") as four, DnsServer({}) as server:
            with Gateway(APP, "--dns-servers", server.address) as gw:
                self.assertEqual(gw.get(f"/connect?host=localhost&port={four.port}").text, "127.0.0.1 127.0.0.1")
            self.assertEqual(server.asked, [])


if __name__ == "__main__":
    unittest.main()
