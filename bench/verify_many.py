"""1,000 files with their bundles in one `sigstep verify`: time, processor time and memory of all its processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sigstep.sandbox.local import Sandbox

FILES = 1000
MEGABYTES = 150


def kilobytes(process: int) -> int:
    """Memory of a process and its children; what they share is counted once (Pss)."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        rolled = [Path(f"/proc/{one}/smaps_rollup").read_text() for one in (str(process), *children)]
    except OSError:
        return 0
    return sum(int(line.split()[1]) for text in rolled for line in text.splitlines() if line.startswith("Pss:"))


def main() -> None:
    """One line."""
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "dist"
        folder.mkdir()
        for number in range(FILES):
            data = b"file %d" % number
            (folder / f"f{number}").write_bytes(data)
            (folder / f"f{number}.sigstore.json").write_text(json.dumps(sandbox.forge.bundle(data)))
        command = [sys.executable, "-m", "sigstep", "verify", "--offline", "--repo", "acme/app", str(folder)]
        began, before = time.perf_counter(), os.times()
        running = subprocess.Popen(
            [*command, "--trusted-root", str(sandbox.trusted_root_file)], stdout=subprocess.DEVNULL
        )
        peak = 0
        while running.poll() is None:
            peak = max(peak, kilobytes(running.pid))
            time.sleep(0.02)  # noqa: TID251 - sampling
        wall, after = time.perf_counter() - began, os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
    assert running.returncode == 0
    print(
        f"{FILES} bundles in one call: {wall:.2f} s, {cpu:.2f} s of processor time on {os.cpu_count()} cores, "
        f"{peak / 1024:.0f} MB (wanted below {MEGABYTES})"
    )


if __name__ == "__main__":
    main()
