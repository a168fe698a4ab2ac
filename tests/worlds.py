"""Worlds for tests: a clock that only moves when told or slept on, scripted HTTP, counted randomness."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from sigstep.errors import ServiceError
from sigstep.ports.http import DEFAULT_TIMEOUT_SECONDS, Response, Stream
from sigstep.ports.real import RealProcess
from sigstep.ports.world import World

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=timezone.utc)


class SimulatedClock:
    """Sleeping moves it; nothing else does, but `advance`."""

    def __init__(self, start: datetime = NOW) -> None:
        self._start = start
        self._seconds = 0.0
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> datetime:
        """See `Clock.now`."""
        return self._start + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self._seconds

    def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        with self._lock:
            self.slept.append(seconds)
            self._seconds += seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._seconds += seconds


class CountedEntropy:
    """The same bytes on every run."""

    def __init__(self) -> None:
        self._calls = 0

    def token(self, size: int) -> bytes:
        """See `Entropy.token`."""
        self._calls += 1
        return hashlib.shake_128(str(self._calls).encode()).digest(size)


@dataclass(frozen=True)
class Sent:
    """A request as it was sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


Answering = Callable[[Sent], Response]


@dataclass
class ScriptedHttp:
    """Answers every request by ``answer`` and keeps what was sent."""

    answer: Answering
    sent: list[Sent] = field(default_factory=list)

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
        one = Sent(method, url, dict(headers or {}), body or b"")
        self.sent.append(one)
        return self.answer(one)

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
        raise NotImplementedError(url)
        yield


def answer(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, url: str = "") -> Response:
    """An answer."""
    return Response(status=status, headers=dict(headers or {}), body=body, url=url)


def no_network(sent: Sent) -> Response:
    """The answer of a network that is not there."""
    raise ServiceError(code="network-failed", what=f"no usable answer from {sent.url}", retryable=True)


def world(
    answering: Answering = no_network,
    *,
    environ: Mapping[str, str] | None = None,
    clock: SimulatedClock | None = None,
) -> World:
    """A world without a network unless ``answering`` is one."""
    return World(
        http=ScriptedHttp(answering),
        clock=clock or SimulatedClock(),
        entropy=CountedEntropy(),
        environ=dict(environ or {}),
        process=RealProcess(),
    )


def in_turn(answers: Sequence[Response | Exception]) -> Answering:
    """One answer after the other; the last one stays."""
    left = list(answers)

    def answering(sent: Sent) -> Response:
        one = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(one, Exception):
            raise one
        return one

    return answering
