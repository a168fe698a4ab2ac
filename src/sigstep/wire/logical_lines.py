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
        bare = re.sub(r"(^|\s)#.*$", "", line)
        parts.append(bare.removesuffix("\\"))
        if not bare.endswith("\\"):
            yield start, " ".join(parts).strip()
            parts = []
    if parts:
        yield start, " ".join(parts).strip()
