"""The network door: bounds, deadlines, redirects, and what follows a redirect to another host."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sigstep.errors import ServiceError
from sigstep.ports.real import LazyHttp
from sigstep.ports.requests_http import RequestsHttp


@dataclass
class Site:
    """A server whose pages are scripted; what it was sent."""

    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""


def serve(site: Site) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            status, headers, body = site.pages.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.path == "/drip":
                with contextlib.suppress(OSError):
                    for at in range(len(body)):
                        self.wfile.write(body[at : at + 1])
                        self.wfile.flush()
                        time.sleep(0.05)  # noqa: TID251
                self.close_connection = True
                return
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server


@pytest.fixture
def sites() -> Iterator[tuple[Site, Site]]:
    pair = Site(), Site()
    servers = [serve(one) for one in pair]
    yield pair
    for server in servers:
        server.shutdown()
        server.server_close()


def refused(site: Site, path: str, *, at_most: int = 100, redirects: int = 0, timeout: float = 5) -> str:
    with pytest.raises(ServiceError) as caught:
        RequestsHttp().request("GET", site.url + path, at_most=at_most, redirects=redirects, timeout=timeout)
    return caught.value.code


def test_answers_are_bounded_in_size_and_time(sites: tuple[Site, Site]) -> None:
    """A byte too many, or a drip beyond the deadline."""
    site, _ = sites
    site.pages = {"/": (200, {}, b"x" * 100), "/large": (200, {}, b"x" * 101), "/drip": (200, {}, b"x" * 100)}
    assert RequestsHttp().request("GET", f"{site.url}/", at_most=100).body == b"x" * 100
    assert refused(site, "/large") == "answer-too-large"
    assert refused(site, "/drip", timeout=0.3) == "network-failed"


def test_redirects_are_followed_only_where_asked_for(sites: tuple[Site, Site]) -> None:
    """And so many times."""
    site, _ = sites
    site.pages = {"/x": (302, {"Location": "http://[/"}, b""), "/y": (302, {"Location": "http://a:b/"}, b"")}
    codes = {refused(site, path, redirects=1) for path in site.pages}
    assert codes <= {"redirect-refused", "network-failed"}  # requests itself refuses some
    site.pages = {"/a": (302, {"Location": "/b"}, b""), "/b": (307, {"Location": "/c"}, b""), "/c": (200, {}, b"c")}
    assert refused(site, "/a") == "redirect-refused"
    assert refused(site, "/a", redirects=1) == "redirect-refused"
    got = RequestsHttp().request("GET", f"{site.url}/a", at_most=9, redirects=2)
    assert (got.body, got.url) == (b"c", f"{site.url}/c")


def test_credentials_stay_with_their_host(sites: tuple[Site, Site]) -> None:
    """Another origin gets none of the caller's headers but the harmless ones; a stream does the same."""
    site, other = sites
    site.pages = {"/a": (302, {"Location": f"{other.url}/b", "Set-Cookie": "c=1"}, b"")}
    other.pages = {"/b": (200, {}, b"b")}
    headers = {"Authorization": "Bearer secret", "Accept": "text/plain", "X-Key": "secret"}
    http = LazyHttp()
    with http.stream("GET", f"{site.url}/a", at_most=9, headers=headers, redirects=1) as stream:
        assert b"".join(stream.chunks()) == b"b"
    http.request("GET", f"{site.url}/a", at_most=9, headers=headers, redirects=1)
    assert site.seen[0][1]["authorization"] == "Bearer secret"
    assert "cookie" not in site.seen[1][1]
    for _, sent in other.seen:
        assert sent["accept"] == "text/plain"
        assert "authorization" not in sent
        assert "x-key" not in sent


def test_a_redirect_from_https_to_http_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer could be replaced on the way."""
    import responses

    with responses.RequestsMock() as double:
        double.get("https://a.example/", status=302, headers={"Location": "http://b.example/"})
        with pytest.raises(ServiceError) as caught:
            RequestsHttp().request("GET", "https://a.example/", at_most=9, redirects=3)
    assert caught.value.code == "redirect-refused"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "gopher://a.example/", "http://[/"])
def test_no_connection_is_said_without_details_of_the_library(url: str) -> None:
    """Each is retryable, and names the host only."""
    with pytest.raises(ServiceError) as caught:
        RequestsHttp().request("GET", url, at_most=9, timeout=1)
    assert caught.value.code == "network-failed"
