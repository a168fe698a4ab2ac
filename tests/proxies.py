"""A recording proxy on loopback: it opens TLS under a CA of its own and hands every request to one server."""

from __future__ import annotations

import base64
import http.client
import ssl
import tempfile
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.interop.stack import keys

USER, PASSWORD = "proxy-user", "proxy-password"


@dataclass(frozen=True)
class Seen:
    """One request as it arrived: the host that was asked for, and all that was sent."""

    host: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class RecordingProxy:
    """Started on entry; ``answers`` maps hosts to the server that answers in their place, others get a 404."""

    answers: dict[str, str]
    seen: list[Seen] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)

    def __enter__(self) -> RecordingProxy:
        self._folder = tempfile.TemporaryDirectory()
        self._authority = keys.issue("test proxy", organization="test")
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()
        self.ca_file = Path(self._folder.name) / "ca.pem"
        self.ca_file.write_bytes(keys.pem(self._authority))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()

    @property
    def environ(self) -> dict[str, str]:
        """The variables of a machine that reaches the world through this proxy."""
        address = f"http://{USER}:{PASSWORD}@127.0.0.1:{self._server.server_port}"
        return {
            "HTTP_PROXY": address,
            "HTTPS_PROXY": address,
            "http_proxy": address,
            "https_proxy": address,
            "NO_PROXY": "",
            "no_proxy": "",
            "REQUESTS_CA_BUNDLE": str(self.ca_file),
        }

    @property
    def hosts(self) -> set[str]:
        """Hosts that were asked for."""
        return {one.host for one in self.seen}

    def context(self, host: str) -> ssl.SSLContext:
        """TLS in the name of a host."""
        with self._lock:
            if host not in self._contexts:
                leaf = keys.issue("leaf", organization="test", issuer=self._authority, authority=False, host=host)
                folder = Path(self._folder.name)
                (folder / "leaf.pem").write_bytes(keys.pem(leaf, self._authority))
                (folder / "leaf.key").write_bytes(keys.pkcs8(leaf.key))
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(folder / "leaf.pem", folder / "leaf.key")
                self._contexts[host] = context
            return self._contexts[host]

    def answer(self, seen: Seen) -> tuple[int, dict[str, str], bytes]:
        """Record a request, and what the server in the host's place says."""
        with self._lock:
            self.seen.append(seen)
        place = self.answers.get(seen.host)
        if place is None:
            return 404, {}, b"the proxy does not know this host"
        parts = urlsplit(place)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=20)
        connection.request(seen.method, seen.path, seen.body or None, {**seen.headers, "Host": parts.netloc})
        got = connection.getresponse()
        body = got.read()
        connection.close()
        kept = {name: value for name, value in got.getheaders() if name.lower() in ("content-type", "location")}
        return got.status, kept, body


def _handler(proxy: RecordingProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        target = ""

        def do_CONNECT(self) -> None:
            self.target = self.path.rpartition(":")[0]
            self._note_authorization()
            self.send_response(200)
            self.end_headers()
            self.connection: Any = proxy.context(self.target).wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb", -1)
            self.wfile: Any = self.connection.makefile("wb", 0)
            self.close_connection = False

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if not self.target:
                self._note_authorization()
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name: value for name, value in self.headers.items() if not name.startswith("Proxy-")}
            seen = Seen(self.target or parts.hostname or "", self.command, path, headers, body)
            status, kept, answer = proxy.answer(seen)
            self.send_response(status)
            for name, value in {**kept, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def do_POST(self) -> None:
            self.do_GET()

        def finish(self) -> None:
            super().finish()
            self.connection.close()

        def _note_authorization(self) -> None:
            scheme, _, value = self.headers.get("Proxy-Authorization", "").partition(" ")
            proxy.authorizations.append(base64.b64decode(value).decode() if scheme == "Basic" else "")

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler
