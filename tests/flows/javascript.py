"""sigstore-js as a program: installed from its lockfile at first use."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent / "oracle_js"
MODULES = FOLDER / "node_modules"


def install() -> None:
    """Install what the lockfile names, by its hashes; nothing is done where it is there already."""
    with (FOLDER / "package.json").open() as lock:  # several test processes may come here at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install()


def _install() -> None:
    installed = MODULES / ".package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= (FOLDER / "package-lock.json").stat().st_mtime:
        return
    npm = shutil.which("npm")
    assert npm is not None, "these tests need node and npm"
    subprocess.run([npm, "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=FOLDER, check=True)
    installed.touch()


def run(script: str, *arguments: str, token: str = "") -> subprocess.CompletedProcess[str]:
    """Run a script of the folder."""
    node = shutil.which("node")
    assert node is not None, "these tests need node and npm"
    return subprocess.run(
        [node, str(FOLDER / script), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"ORACLE_TOKEN": token, "NODE_NO_WARNINGS": "1"},
    )
