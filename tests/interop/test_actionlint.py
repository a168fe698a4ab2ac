"""actionlint reads every workflow that the repository runs or hands out."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.interop.tools import tool

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted([*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob("workflows-examples/*.yml")])


@pytest.mark.parametrize("path", [one for one in WORKFLOWS if one.name != "gitlab-ci.yml"], ids=lambda path: path.name)
def test_no_finding(path: Path) -> None:
    """Expressions, contexts, shells and keys of the workflow."""
    command = [tool("actionlint"), "-shellcheck=", "-pyflakes=", "-no-color", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")
