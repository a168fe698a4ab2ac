"""Faults: how a service of the sandbox is made to fail, for good or for a number of requests."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Final

from sigstep.sandbox.exchange import Refused

SERVICES: Final = (
    "fulcio",
    "github",
    "issuer",
    "registry",
    "registry-token",
    "rekor-v1",
    "rekor-v2",
    "timestamp",
    "tuf",
)
KINDS: Final = ("delay", "drip", "drop", "garbage", "lost", "status", "wrong-signature")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to fail.

    Args:
        kind: one of `KINDS`: answer late, answer byte by byte, close the connection, answer garbage,
            do what was asked and close the connection (``lost``), answer with ``status``, or answer under a wrong key.
        status: the HTTP status of ``status``.
        seconds: how long ``delay`` waits, and how long ``drip`` takes for each byte.
        times: how many requests fail; 0 for all.
        retry_after: the header Retry-After of ``status``, where it is not empty.
    """

    kind: str
    status: int = 503
    seconds: float = 1.0
    times: int = 0
    retry_after: str = ""


class Faults:
    """The switches, one a service; they may be turned while requests run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set: dict[str, Fault] = {}
        self._left: dict[str, int] = {}
        self._taken: dict[str, int] = {}

    def set(self, service: str, fault: Fault) -> None:
        """Let a service fail.

        Raises:
            Refused: no such service or kind.
        """
        if service not in SERVICES or fault.kind not in KINDS:
            raise Refused(400, f"services: {', '.join(SERVICES)}; kinds: {', '.join(KINDS)}")
        with self._lock:
            self._set[service] = fault
            self._left[service] = fault.times
            self._taken[service] = 0

    def clear(self, service: str = "") -> None:
        """Let a service, or all, work again."""
        with self._lock:
            for name in [service] if service else list(self._set):
                self._set.pop(name, None)

    def take(self, service: str) -> Fault | None:
        """The fault of the next request, counted down."""
        with self._lock:
            fault = self._set.get(service)
            if fault is not None:
                self._taken[service] += 1
            if fault is not None and fault.times:
                self._left[service] -= 1
                if self._left[service] <= 0:
                    del self._set[service]
            return fault

    def taken(self, service: str) -> int:
        """How many requests have failed since the service's fault was set."""
        with self._lock:
            return self._taken.get(service, 0)

    def listed(self) -> dict[str, str]:
        """The kind of fault of each service that has one."""
        with self._lock:
            return {service: fault.kind for service, fault in sorted(self._set.items())}


def fault_of(asked: dict[str, Any]) -> Fault:
    """A fault from the JSON of the control address.

    Raises:
        Refused: a member is of the wrong type.
    """
    try:
        return Fault(
            kind=str(asked.get("kind", "")),
            status=int(asked.get("status", 503)),
            seconds=float(asked.get("seconds", 1.0)),
            times=int(asked.get("times", 0)),
            retry_after=str(asked.get("retry_after", "")),
        )
    except (TypeError, ValueError):
        raise Refused(400, "status and times are whole numbers, seconds is a number") from None
