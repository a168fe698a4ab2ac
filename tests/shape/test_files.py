"""The shape of the tree: file sizes and empty package files."""

from __future__ import annotations

import re
from pathlib import Path

from sigstep.wire import strict_toml

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "sigstep"
LONGEST = 400


def test_no_file_is_longer_than_400_lines() -> None:
    """Design, layout: files stop at 400 lines."""
    long = {
        str(file): lines for file in SOURCE.rglob("*.py") if (lines := len(file.read_text().splitlines())) > LONGEST
    }
    assert not long


def test_every_module_says_what_it_is() -> None:
    """A newcomer reads the first line of a file first."""
    silent = [str(file) for file in SOURCE.rglob("*.py") if (text := file.read_text()) and not text.startswith('"""')]
    assert not silent


def test_the_explanation_names_every_layer() -> None:
    """The newcomer's page has the layers of the import contract, in their order."""
    page = (
        (ROOT / "docs" / "explanation" / "architecture.md").read_text().partition("## Layers")[2].partition("\n## ")[0]
    )
    told = [
        name
        for line in page.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    ]
    contract = strict_toml.loads((ROOT / "pyproject.toml").read_bytes(), at_most=100_000)["tool"]["importlinter"][
        "contracts"
    ][0]
    assert told == [name for layer in contract["layers"] for name in layer.split(" | ")]


def test_the_threat_model_names_tests_that_are_there() -> None:
    """Each claim has the test that shows it."""
    named = set(re.findall(r"\b(test_[a-z0-9_]+)", (ROOT / "docs" / "threat-model.md").read_text()))
    files = list((ROOT / "tests").rglob("test_*.py"))
    there = {path.stem for path in files} | {
        name for path in files for name in re.findall(r"^def (test_[a-z0-9_]+)", path.read_text(), re.MULTILINE)
    }
    assert named
    assert named - there == set()
