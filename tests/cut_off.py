"""Commands without a network: a network namespace with loopback only, and doors to servers of this process.

A door is a Unix socket outside, and inside a listener on the server's own port: what names ``localhost:PORT`` finds the
server, and nothing else exists. Run as a program inside the namespace: ``cut_off.py PORT=SOCKET… -- COMMAND…``.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

_UP_AND_RUNNING, _SET_FLAGS = 0x41, 0x8914  # IFF_UP | IFF_RUNNING, SIOCSIFFLAGS (Linux, if.h and sockios.h)
_UNSHARE = ("unshare", "--map-root-user", "--net")


@cache
def possible() -> bool:
    """Whether this machine lets us make a network namespace."""
    with contextlib.suppress(OSError):
        return subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False, timeout=20).returncode == 0
    return False


@contextlib.contextmanager
def cut_off(command: Sequence[str], environ: Mapping[str, str]) -> Iterator[list[str]]:
    """The command that runs ``command`` without a network but for the local servers that the variables name.

    Where a namespace is not possible it is ``command`` itself; `tests/flows/test_cut_off.py` says so.
    """
    if not possible():
        yield list(command)
        return
    ports = {
        int(found) for value in environ.values() for found in re.findall(r"//(?:localhost|127\.0\.0\.1):(\d+)", value)
    }
    with tempfile.TemporaryDirectory(prefix="door-") as folder, contextlib.ExitStack() as doors:
        for port in ports:
            door = socket.socket(socket.AF_UNIX)
            doors.callback(door.close)
            door.bind(f"{folder}/{port}")
            door.listen(64)
            threading.Thread(target=_serve, args=(door, ("127.0.0.1", port)), daemon=True).start()
        named = [f"{port}={folder}/{port}" for port in ports]
        yield [*_UNSHARE, sys.executable, "-I", str(Path(__file__).resolve()), *named, "--", *command]


def _serve(listening: socket.socket, target: tuple[str, int] | str) -> None:
    """Hand every connection on."""
    while True:
        try:
            near, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_join, args=(near, target), daemon=True).start()


def _join(near: socket.socket, target: tuple[str, int] | str) -> None:
    """Pass bytes both ways until both sides have ended."""
    with near, socket.socket(socket.AF_UNIX if isinstance(target, str) else socket.AF_INET) as far:
        with contextlib.suppress(OSError):
            far.connect(target)
        back = threading.Thread(target=_pipe, args=(far, near), daemon=True)
        back.start()
        _pipe(near, far)
        back.join()


def _pipe(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _main(arguments: list[str]) -> int:
    """Inside: bring loopback up, open the doors, run the command."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP_AND_RUNNING))
    at = arguments.index("--")
    for one in arguments[:at]:
        port, _, path = one.partition("=")
        listening = socket.create_server(("127.0.0.1", int(port)), backlog=64)
        threading.Thread(target=_serve, args=(listening, path), daemon=True).start()
    return subprocess.run(arguments[at + 1 :], check=False).returncode


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
