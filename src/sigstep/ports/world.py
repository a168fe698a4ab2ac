"""The world outside as one value: network, clock, randomness, environment and child processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sigstep.ports.http import Http


class Clock(Protocol):
    """Time, and waiting."""

    def now(self) -> datetime:
        """The time of day, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Entropy(Protocol):
    """Randomness that is fit for keys."""

    def token(self, size: int) -> bytes:
        """``size`` random bytes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A child process that ended: exit status, standard output and error."""

    status: int
    stdout: bytes
    stderr: bytes


class Process(Protocol):
    """Child processes."""

    def which(self, name: str) -> str | None:
        """The absolute path of a program, or None."""
        ...

    def run(
        self,
        arguments: Sequence[str],
        *,
        timeout: float,
        stdin: bytes = b"",
        environ: Mapping[str, str] | None = None,
    ) -> Completed:
        """Run a program to its end; it is killed after ``timeout`` seconds.

        Raises:
            ServiceError: ``process-failed`` when it cannot be started, ``process-timeout`` when it was killed.
        """
        ...


def silent(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What every flow is handed (`sigstep.ports.real.real_world`); tests hand over another one.

    ``tell`` shows people one line about a long wait; it is no part of any result.
    """

    http: Http
    clock: Clock
    entropy: Entropy
    environ: Mapping[str, str]
    process: Process
    tell: Callable[[str], None] = silent
