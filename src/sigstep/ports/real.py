"""The real form of each door but the network (see `sigstep.ports.requests_http`)."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timezone

from sigstep.errors import ServiceError, Undecided
from sigstep.ports.http import DEFAULT_TIMEOUT_SECONDS, Http, Response, Stream
from sigstep.ports.world import Completed, World


def real_world() -> World:
    """The real world. The network's library is imported at the first request."""
    return World(
        http=LazyHttp(),
        clock=RealClock(),
        entropy=RealEntropy(),
        environ=environment(),
        process=RealProcess(),
        tell=Teller(),
    )


class Teller:
    """Lines on standard error, as text and nothing else; at most one in ``seconds``, as many threads may wait."""

    def __init__(self, *, seconds: float = 5.0) -> None:
        self._seconds = seconds
        self._next = 0.0
        self._lock = threading.Lock()

    def __call__(self, line: str) -> None:
        with self._lock:
            if time.monotonic() < self._next:
                return
            self._next = time.monotonic() + self._seconds
        shown = "".join(char if char.isprintable() else "?" for char in line).replace("::", ":?:")
        print(shown, file=sys.stderr, flush=True)


_INTERRUPTED = threading.Event()


def wake_up() -> None:
    """End every wait of `RealClock`, now and from now on: the process has been asked to end."""
    _INTERRUPTED.set()


def environment() -> Mapping[str, str]:
    """A copy of the process's environment."""
    return dict(os.environ)  # noqa: TID251 - this is the door


class RealClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime.now(timezone.utc)  # noqa: TID251 - this is the door

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`.

        Raises:
            Undecided: ``interrupted``: `wake_up` was called before or meanwhile.
        """
        if _INTERRUPTED.wait(seconds):
            raise Undecided(
                code="interrupted", what="the run was asked to end", why="by a signal", fix="run it again with --resume"
            )


class RealEntropy:
    """The operating system's randomness."""

    def token(self, size: int) -> bytes:
        """See `Entropy.token`."""
        import secrets

        return secrets.token_bytes(size)


class RealProcess:
    """Child processes of the operating system."""

    def which(self, name: str) -> str | None:
        """See `Process.which`."""
        import shutil

        return shutil.which(name)

    def run(
        self,
        arguments: Sequence[str],
        *,
        timeout: float,
        stdin: bytes = b"",
        environ: Mapping[str, str] | None = None,
    ) -> Completed:
        """See `Process.run`."""
        import subprocess

        try:
            done = subprocess.run(  # noqa: S603 - a list, no shell
                list(arguments),
                input=stdin,
                capture_output=True,
                timeout=timeout,
                check=False,
                env=None if environ is None else dict(environ),
            )
        except subprocess.TimeoutExpired as error:
            raise ServiceError(
                code="process-timeout",
                what=f"{arguments[0]} did not end within {timeout:g} s",
                why="it was ended",
                fix="run it by hand to see what it waits for",
            ) from error
        except OSError as error:
            raise ServiceError(
                code="process-failed",
                what=f"{arguments[0]} cannot be started",
                why=str(error),
                fix="install it, or fix PATH",
            ) from error
        return Completed(status=done.returncode, stdout=done.stdout, stderr=done.stderr)


class LazyHttp:
    """`RequestsHttp`, made at the first request, so that offline work does not import it."""

    def __init__(self) -> None:
        self._http: Http | None = None
        self._lock = threading.Lock()

    def _real(self) -> Http:
        with self._lock:
            if self._http is None:
                from sigstep.ports.requests_http import RequestsHttp

                self._http = RequestsHttp()
            return self._http

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
        return self._real().request(
            method, url, at_most=at_most, headers=headers, body=body, timeout=timeout, redirects=redirects
        )

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
        """See `Http.stream`."""
        return self._real().stream(method, url, at_most=at_most, headers=headers, timeout=timeout, redirects=redirects)
