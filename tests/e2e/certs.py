"""Certificates made on the spot by the openssl command: an authority and what it signs, as PEM files.

In a test in Python:

    with certs.Authority() as ca:
        server = ca.issue("localhost", "127.0.0.1")       # its names
        old = ca.issue("localhost", expired=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(server.cert, server.key)

    ca.cert is the authority's own certificate. All of it is gone at the end of the block.

From a spec in Lua, or a shell; DIRECTORY must be there, and gets ca.pem, server.pem, server.key,
expired.pem, expired.key (both for the names), client.pem, client.key, self.pem and self.key (signed
by itself):

    python3 tests/e2e/certs.py DIRECTORY NAME...          # "localhost", "127.0.0.1", "*.example.org"
"""

from __future__ import annotations

import ipaddress
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple, Optional

DAYS = 2


class Pem(NamedTuple):
    cert: Path
    key: Path


def _openssl(*arguments: object) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(map(str, arguments))}: {done.stderr}")


def _alternative(name: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


class Authority:
    """One that signs certificates in a directory: a given one, or its own, removed at the end."""

    def __init__(self, directory: Optional[Path] = None) -> None:
        self._own = directory is None
        self.directory = Path(tempfile.mkdtemp(prefix="moonloop-certs-")) if directory is None else directory
        self._pem = self.self_signed("ca", ca=True)
        self.cert = self._pem.cert

    def __enter__(self) -> Authority:
        return self

    def __exit__(self, *_: object) -> None:
        if self._own:
            shutil.rmtree(self.directory)

    def _files(self, name: str) -> Pem:
        return Pem(self.directory / f"{name}.pem", self.directory / f"{name}.key")

    def self_signed(self, name: str, *names: str, ca: bool = False) -> Pem:
        """A certificate that nobody vouches for, in NAME.pem and NAME.key."""
        files = self._files(name)
        extensions = ["-addext", "subjectAltName=" + ",".join(map(_alternative, names))] if names else []
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", DAYS,
                 "-subj", f"/CN={name}", "-addext", f"basicConstraints=critical,CA:{str(ca).upper()}", *extensions,
                 "-keyout", files.key, "-out", files.cert)
        return files

    def issue(self, *names: str, file: str = "server", expired: bool = False) -> Pem:
        """A certificate for the names (none: a client's), in FILE.pem and FILE.key."""
        files, request, extensions = self._files(file), self.directory / "request", self.directory / "extensions"
        lines = ["basicConstraints=critical,CA:FALSE"]
        if names:
            lines.append("subjectAltName=" + ",".join(map(_alternative, names)))
        extensions.write_text("\n".join(lines))
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={file}",
                 "-keyout", files.key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self._pem.cert, "-CAkey", self._pem.key, "-CAcreateserial",
                 "-extfile", extensions, "-days", -1 if expired else DAYS, "-out", files.cert)
        request.unlink()
        extensions.unlink()
        return files


def main(directory: str, *names: str) -> None:
    authority = Authority(Path(directory))
    authority.issue(*names)
    authority.issue(*names, file="expired", expired=True)
    authority.issue(file="client")
    authority.self_signed("self", *names)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: certs.py DIRECTORY NAME...")
    main(*sys.argv[1:])
