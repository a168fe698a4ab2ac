"""`Http` on requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from sigstep.errors import ServiceError
from sigstep.ports.http import DEFAULT_TIMEOUT_SECONDS, Response, Stream, origin

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_CONNECT_SECONDS: Final = 10.0


class RequestsStream:
    """A `Stream` on an open requests answer, with a deadline for the whole of it."""

    def __init__(self, answer: requests.Response, *, at_most: int, deadline: float) -> None:
        self.status = answer.status_code
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in answer.headers.items()}
        self.url = answer.url
        self._answer = answer
        self._at_most = at_most
        self._deadline = deadline

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """See `Stream.chunks`."""
        seen = 0
        try:
            # what is there at once: a drip must not outlast the deadline
            while piece := self._answer.raw.read1(size, decode_content=True):
                seen += len(piece)
                if seen > self._at_most:
                    raise _too_large(self.url, self._at_most)
                if time.monotonic() > self._deadline:
                    raise _failed(self.url, "the answer took too long")
                yield piece
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _failed(self.url, _reason(error)) from error


class RequestsHttp:
    """The real network; one session a thread."""

    def __init__(self, *, user_agent: str = "sigstep") -> None:
        self._user_agent = user_agent
        self._local = threading.local()

    def request(
        self,
        method: str,
        url: str,
        *,
        at_most: int,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        redirects: int = 0,
    ) -> Response:
        """See `Http.request`."""
        with self._open(method, url, headers, body, timeout, redirects, at_most) as stream:
            data = b"".join(stream.chunks())
            return Response(status=stream.status, headers=stream.headers, body=data, url=stream.url)

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        at_most: int,
        headers: Mapping[str, str] | None = None,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        redirects: int = 0,
    ) -> Iterator[Stream]:
        """See `Http.stream`."""
        with self._open(method, url, headers, None, timeout, redirects, at_most) as stream:
            yield stream

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.auth = _NoAuth()
            adapter = HTTPAdapter(pool_connections=16, pool_maxsize=16, max_retries=0)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            self._local.session = session
        return session

    @contextmanager
    def _open(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        body: bytes | None,
        timeout: float,
        redirects: int,
        at_most: int,
    ) -> Iterator[RequestsStream]:
        deadline = time.monotonic() + timeout
        sent = {"User-Agent": self._user_agent, "Accept-Encoding": "identity", **(headers or {})}
        while True:
            answer = self._send(method, url, sent, body, timeout)
            try:
                if answer.status_code not in _REDIRECTS or "Location" not in answer.headers:
                    yield RequestsStream(answer, at_most=at_most, deadline=deadline)
                    return
                if redirects <= 0:
                    raise ServiceError(
                        code="redirect-refused",
                        what=f"{_host(url)} answered with a redirect",
                        why="this service is not expected to redirect",
                        fix="check the address of the service",
                        status=answer.status_code,
                    )
                target = _target(url, answer.headers["Location"])
            finally:
                answer.close()
            redirects -= 1
            if origin(target) != origin(url):
                if urlsplit(target).scheme != "https" and urlsplit(url).scheme == "https":
                    raise ServiceError(
                        code="redirect-refused",
                        what=f"{_host(url)} redirects to plain http",
                        why="the answer could be replaced on the way",
                        fix="check the address of the service",
                    )
                kept = ("accept", "user-agent", "accept-encoding", "range")
                sent = {name: value for name, value in sent.items() if name.lower() in kept}
            url = target

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout: float
    ) -> requests.Response:
        session = self._session()
        session.cookies.clear()
        try:
            return session.request(
                method,
                url,
                headers=dict(headers),
                data=body,
                timeout=(min(_CONNECT_SECONDS, timeout), timeout),
                allow_redirects=False,
                stream=True,
            )
        except (requests.RequestException, OSError, ValueError) as error:
            raise _failed(url, _reason(error)) from error


class _NoAuth(requests.auth.AuthBase):
    """Keeps requests from looking into netrc: it only does so where no auth is set."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def _target(url: str, location: str) -> str:
    """The address that a redirect names; a server may write anything there."""
    try:
        target = urljoin(url, location)
        origin(target)
    except ValueError:
        raise ServiceError(
            code="redirect-refused",
            what=f"{_host(url)} answered with a redirect to no address",
            why="its Location cannot be read",
            fix="check the address of the service",
        ) from None
    return target


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _reason(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "TLS: the certificate was not accepted (a corporate CA goes into REQUESTS_CA_BUNDLE)"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "the connection failed"
    return type(error).__name__


def _failed(url: str, why: str) -> ServiceError:
    return ServiceError(
        code="network-failed",
        what=f"no usable answer from {_host(url)}",
        why=why,
        fix="check the network, the proxy and the address; then try again",
        retryable=True,
    )


def _too_large(url: str, at_most: int) -> ServiceError:
    return ServiceError(
        code="answer-too-large",
        what=f"the answer of {_host(url)} is larger than {at_most} bytes",
        why="answers are bounded",
        fix="check the address of the service",
    )
