"""Server processes: started on loopback, waited for, ended by id."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

START_SECONDS = 60
STOP_SECONDS = 10


def free_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Processes:
    """Children of one stack; `stop` ends each by its id, last one first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str, arguments: list[str], *, environ: dict[str, str] | None = None, user: str = "") -> None:
        """Start a server; its output goes to ``<name>.log`` in the folder."""
        command = ["runuser", "-u", user, "--", *arguments] if user else arguments
        with (self._folder / f"{name}.log").open("wb") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environ or {})},  # noqa: TID251
                cwd=self._folder,
                start_new_session=True,
            )
        self._running.append((name, child))

    def wait(self, name: str, url: str) -> None:
        """Wait until the server answers on ``url`` with 200.

        Raises:
            RuntimeError: it ended, or did not answer in time; the message has the end of its log.
        """
        deadline = time.monotonic() + START_SECONDS
        child = dict(self._running)[name]
        while time.monotonic() < deadline:
            if child.poll() is not None:
                break
            with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
            time.sleep(0.1)  # noqa: TID251
        raise RuntimeError(f"{name} does not answer on {url}: {self.log(name)}")

    def wait_port(self, name: str, port: int) -> None:
        """Wait until somebody listens.

        Raises:
            RuntimeError: nobody did in time.
        """
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.1)  # noqa: TID251
        raise RuntimeError(f"{name} does not listen on {port}: {self.log(name)}")

    def log(self, name: str) -> str:
        """The end of a server's output."""
        return (self._folder / f"{name}.log").read_text(errors="replace")[-2000:]

    def stop(self) -> None:
        """End every child: SIGTERM to its group, SIGKILL where that does not help."""
        for _, child in reversed(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait(STOP_SECONDS)
        self._running.clear()
