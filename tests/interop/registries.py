"""Registries that others wrote, on free ports of loopback: Debian's docker-registry behind a password, and olareg."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.interop.tools import tool

# `secret` for `user`, bcrypt
_PASSWORDS = "user:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"
_CONFIG = """version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
auth: {{htpasswd: {{realm: interop, path: {folder}/htpasswd}}}}
log: {{level: error}}
"""


@dataclass(frozen=True)
class Served:
    """A registry: its address, and Docker's configuration folder with its password."""

    name: str
    url: str
    docker_config: Path

    @property
    def host(self) -> str:
        """Host and port."""
        return self.url.partition("//")[2]


@contextmanager
def docker_registry(folder: Path) -> Iterator[Served]:
    """Debian's docker-registry (distribution 2.8): no referrers API, and a password."""
    program = shutil.which("docker-registry")
    assert program is not None, "docker-registry is not installed: run `make interop`"
    port = _port()
    (folder / "htpasswd").write_text(_PASSWORDS)
    (folder / "config.yml").write_text(_CONFIG.format(folder=folder, port=port))
    with _served("docker-registry", [program, "serve", str(folder / "config.yml")], port, folder) as served:
        yield served


@contextmanager
def olareg(folder: Path, *, referrers: bool = True) -> Iterator[Served]:
    """olareg in memory, with and without the referrers API."""
    port = _port()
    command = [tool("olareg"), "serve", "--port", str(port), "--store-type", "mem", "--api-delete"]
    with _served("olareg", [*command, f"--api-referrer={str(referrers).lower()}"], port, folder) as served:
        yield served


@contextmanager
def _served(name: str, command: list[str], port: int, folder: Path) -> Iterator[Served]:
    auth = base64.b64encode(b"user:secret").decode()
    (folder / "config.json").write_text(json.dumps({"auths": {f"localhost:{port}": {"auth": auth}}}))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(port)
            yield Served(name=name, url=f"http://localhost:{port}", docker_config=folder)
        finally:
            process.terminate()


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)  # noqa: TID251
    raise TimeoutError(port)
