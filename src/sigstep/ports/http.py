"""HTTP as the rest of the project sees it: bounded, without ambient credentials, one kind of error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

DEFAULT_TIMEOUT_SECONDS: Final = 30.0


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port of an address (RFC 6454); what must not leave for another origin is compared by it.

    Raises:
        ValueError: the address cannot be read.
    """
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer: status, headers (names in lower case), and the whole body; ``url`` is where it came from."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Stream(Protocol):
    """An answer whose body is read piece by piece."""

    status: int
    headers: Mapping[str, str]
    url: str

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """The body in pieces of at most ``size`` bytes.

        Raises:
            ServiceError: ``network-failed``, ``answer-too-large``.
        """
        ...


class Http(Protocol):
    """The only door to the network.

    Never sends ambient credentials (netrc, cookies); proxies and CA bundles come from the environment.
    Redirects are followed only where ``redirects`` is above 0, and lose every header of the request but ``Accept``
    when the origin changes.
    """

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
        """One request, one answer; any status is an answer.

        Args:
            at_most: bytes of the body at most.
            timeout: seconds for connecting, and for the whole of the answer.

        Raises:
            ServiceError: ``network-failed`` (retryable), ``answer-too-large``, ``redirect-refused``.
        """
        ...

    def stream(
        self,
        method: str,
        url: str,
        *,
        at_most: int,
        headers: Mapping[str, str] | None = None,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        redirects: int = 0,
    ) -> AbstractContextManager[Stream]:
        """As `request`, with the body read piece by piece.

        Raises:
            ServiceError: ``network-failed`` (retryable), ``answer-too-large``, ``redirect-refused``.
        """
        ...
