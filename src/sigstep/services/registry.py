"""Asking a package registry: one bounded GET at the address that was configured, without credentials."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from sigstep.errors import ServiceError
from sigstep.ports.http import Response
from sigstep.ports.world import World

TIMEOUT_SECONDS: Final = 10.0


def get(url: str, world: World, *, accept: str, at_most: int) -> Response:
    """The answer where it is 200 or 404.

    Raises:
        ServiceError: ``registry-answer``: any other status; ``network-failed``, ``answer-too-large``.
    """
    answer = world.http.request("GET", url, at_most=at_most, headers={"Accept": accept}, timeout=TIMEOUT_SECONDS)
    if answer.status in {200, 404}:
        return answer
    raise ServiceError(
        code="registry-answer",
        what=f"the registry answered with status {answer.status}",
        why=f"to a request for {url[:200]}",
        fix="try again later",
        retryable=answer.status == 429 or answer.status >= 500,
        status=answer.status,
    )


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses have scheme, host and port in common (RFC 6454)."""
    first, second = urlsplit(one), urlsplit(other)
    return (first.scheme, first.netloc) == (second.scheme, second.netloc)
