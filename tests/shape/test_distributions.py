"""What a core install brings: each distribution has its line in docs/dependencies.md, and no other comes along."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
MOST = 19  # docs/dependencies.md says why it is more than the aim of 15


def core_distributions(name: str = "sigstep", seen: frozenset[str] = frozenset()) -> frozenset[str]:
    """Names of all that an install without extras brings on this interpreter."""
    for line in importlib.metadata.requires(name) or ():
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        wanted = re.sub(r"[-_.]+", "-", requirement.name.lower())
        if wanted not in seen:
            seen = core_distributions(wanted, seen | {wanted})
    return seen


def reasons(heading: str) -> set[str]:
    """First cells of the table under a heading of the page."""
    page = (ROOT / "docs" / "dependencies.md").read_text()
    section = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| ([a-z0-9-]+) \|", section, re.MULTILINE)) - {"distribution"}


def test_every_distribution_of_a_core_install_has_its_reason() -> None:
    """Design: the core install stays small, and a test counts it."""
    installed = core_distributions()
    assert "cryptography" in installed
    assert installed <= reasons("Core")
    assert len(installed) <= MOST
