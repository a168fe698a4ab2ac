"""`make demo`, after set-up: the main job from end to end, on loopback, within a minute."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_demo(tmp_path: Path) -> None:
    """It attests provenance, SBOM and tests of sigstep's own wheel, judges them, and refuses a changed file."""
    out = tmp_path / "demo-out"
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))  # noqa: TID251
    environ = {**os.environ, "PATH": path}  # noqa: TID251
    began = time.monotonic()
    command = [sys.executable, str(ROOT / "scripts" / "demo.py"), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240, env=environ, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < 60
    wheel = next(out.glob("*.whl")).name
    for kind in ("", ".sbom", ".test-result"):
        assert (out / f"{wheel}{kind}.sigstore.json").exists()
    assert "subject-mismatch" in done.stdout
