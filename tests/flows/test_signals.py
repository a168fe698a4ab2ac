"""Ctrl-C, SIGTERM and SIGKILL in the middle of a run: whole files only, and a second run signs what is missing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sigstep.sandbox.faults import Fault
from sigstep.sandbox.local import Sandbox
from sigstep.wire.bundle import parse_bundle

FILES = 60
SECONDS = 30


def begin(sandbox: Sandbox, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """``sigstep`` in a process of its own."""
    environ = {**os.environ, **sandbox.environ(), "PYTHONUNBUFFERED": "1"}  # noqa: TID251
    command = [sys.executable, "-m", "sigstep", *arguments]
    return subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(folder: Path, count: int) -> None:
    """Until so many bundles are there."""
    deadline = time.monotonic() + SECONDS
    while len(list(folder.glob("*.sigstore.json"))) < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)  # noqa: TID251


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(FILES):
        (tmp_path / f"{number}.bin").write_bytes(str(number).encode())
    return tmp_path


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
@pytest.mark.parametrize("command", ["sign", "attest"])
def test_a_run_that_is_ended_can_be_taken_up(
    sandbox: Sandbox, folder: Path, command: str, number: int, status: int
) -> None:
    """What is there is whole and verifies; what is missing is signed by the next run."""
    sandbox.faults.set("timestamp", Fault(kind="delay", seconds=0.2))
    running = begin(sandbox, folder, command, "*.bin")
    try:
        wait_for(folder, 3)
        running.send_signal(number)
        _, said = running.communicate(timeout=SECONDS)
    finally:
        running.kill()
        sandbox.faults.clear()
    assert running.returncode == status, said
    assert "Traceback" not in said
    left = sorted(folder.glob("*.sigstore.json"))
    assert 3 <= len(left) < FILES
    for path in left:
        assert not parse_bundle(path.read_bytes()).pending
    if number != signal.SIGKILL:
        assert "[interrupted]" in said
        assert not list(folder.glob(".sigstep-*"))
    again = begin(sandbox, folder, command, "*.bin", "--resume", "--format", "json")
    out, said = again.communicate(timeout=SECONDS)
    assert again.returncode == 0, said
    assert sorted(one["bundle"] for one in json.loads(out)["made"] if one["kept"]) == [path.name for path in left]
    verified = begin(sandbox, folder, "verify", *(f"{one}.bin" for one in range(FILES)), "--repo", "acme/app")
    out, said = verified.communicate(timeout=SECONDS)
    assert verified.returncode == 0, out + said


@pytest.mark.parametrize("service", ["issuer", "fulcio", "rekor-v1", "timestamp"])
def test_a_wait_is_ended_at_once(sandbox: Sandbox, folder: Path, service: str) -> None:
    """A run that waits for a service to come back for an hour doesn't wait when it is told to end."""
    sandbox.faults.set(service, Fault(kind="status", status=502, retry_after="600"))
    running = begin(sandbox, folder, "sign", "1.bin", "2.bin", "--retry-for", "1h")
    try:
        deadline = time.monotonic() + SECONDS
        while not sandbox.faults.taken(service) and time.monotonic() < deadline:
            time.sleep(0.02)  # noqa: TID251
        time.sleep(0.2)  # noqa: TID251
        running.terminate()
        began = time.monotonic()
        _, said = running.communicate(timeout=SECONDS)
    finally:
        running.kill()
        sandbox.faults.clear()
    assert running.returncode == 143, said
    assert time.monotonic() - began < 5
    assert not list(folder.glob("*.sigstore.json"))
