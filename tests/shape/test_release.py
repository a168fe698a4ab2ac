"""What a release hands out: the same bytes from the same commit, the examples inside, and a small tree for `uses:`."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
TREE_BYTES = 1_000_000  # what every job that uses the Action downloads


def build(out: Path) -> dict[str, bytes]:
    """Wheel and sdist as the release makes them, with the wheels that set-up brought."""
    wheels = str(Path(sys.prefix) / "wheelhouse")
    environ = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels}  # noqa: TID251
    command = [str(ROOT / "scripts" / "build.sh"), str(out)]
    subprocess.run(command, check=True, capture_output=True, env=environ, timeout=120)
    return {path.name: path.read_bytes() for path in out.iterdir()}


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    """Somebody else can rebuild a release and compare."""
    first, second = build(tmp_path / "first"), build(tmp_path / "second")
    assert len(first) == 2
    assert first == second
    (wheel,) = (tmp_path / "first").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"sigstep/workflows-examples/{path.name}" for path in (ROOT / "workflows-examples").iterdir()} <= set(names)


def test_what_uses_downloads_is_small() -> None:
    """GitHub packs the commit without what is marked export-ignore."""
    command = ["git", "archive", "--worktree-attributes", "HEAD"]
    tree = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60).stdout
    assert len(gzip.compress(tree)) < TREE_BYTES
    names = (
        subprocess.run(["tar", "-t"], input=tree, check=True, capture_output=True, timeout=60).stdout.decode().split()
    )
    assert {name.partition("/")[0] for name in names} & {
        "tests",
        "docs",
        "bench",
        ".ci",
        ".github",
        "workflows-examples",
    } == set()
    assert {"action.yml", "verify/action.yml", "requirements/action.txt", "src/sigstep/action/main.py"} <= set(names)
