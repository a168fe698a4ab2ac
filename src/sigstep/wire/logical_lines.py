"""Lines of pip's requirements file format: joined at a backslash, comments left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sigstep.errors import FormatError

_CODING: Final = re.compile(r"#.*?coding[:=]\s*(?P<name>[-\w.]+)", re.ASCII)
_LIKE_ASCII: Final = frozenset({"utf-8", "utf8", "utf-8-sig", "ascii", "us-ascii", "latin-1", "iso-8859-1", "cp1252"})


def logical_lines(text: str, path: str) -> Iterator[tuple[int, str]]:
    """Lines joined at a backslash, without comments, with the number of their first line.

    Raises:
        FormatError: ``lockfile-malformed``: pip would read other lines, in UTF-16 or 32, or in what a comment names as
            the encoding (PEP 263).
    """
    named = filter(None, map(_CODING.match, text.split("\n", 2)[:2]))
    if "\0" in text or any(one["name"].lower().replace("_", "-") not in _LIKE_ASCII for one in named):
        raise FormatError(
            code="lockfile-malformed",
            what=f"{path} cannot be read as a requirements file",
            why="it is in another encoding, or says that it is",
            fix="write it in UTF-8",
        )
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
