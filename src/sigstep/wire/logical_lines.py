"""Lines of pip's requirements file format: joined at a backslash, comments left out."""

from __future__ import annotations

import re
from collections.abc import Iterator


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines joined at a backslash, without comments, with the number of their first line."""
    parts: list[str] = []
    start = 1
    for number, line in enumerate(text.splitlines(), 1):
        if not parts:
            start = number
        comment = re.match(r"\s*#", line)  # ends what is joined, also where a backslash stands at its end
        parts.append(f" {line}" if comment else line.strip("\\"))
        if comment or not line.endswith("\\"):
            yield start, _bare(parts)
            parts = []
    if parts:
        yield start, _bare(parts)


def _bare(parts: list[str]) -> str:
    return re.sub(r"(^|\s)#.*$", "", "".join(parts)).strip()
