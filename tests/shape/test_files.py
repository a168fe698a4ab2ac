"""The shape of the tree: file sizes and empty package files."""

from __future__ import annotations

from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "sigstep"
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
