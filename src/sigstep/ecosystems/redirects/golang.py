"""``replace`` of ``go.mod`` and ``go.work`` (Go Modules Reference): a module's code comes from another place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sigstep.ecosystems.redirects.common import lines_of, redirect
from sigstep.model.dependency import Redirect

_WORD: Final = re.compile(r"\"[^\"]*\"|`[^`]*`|[^\s()]+|[()]")


def module(data: bytes, path: str) -> Iterator[Redirect]:
    """Every replacement by another module or a folder; versions are left out, as they stand in ``go.sum``."""
    inside = False
    for number, line in enumerate(lines_of(data), 1):
        words = [one.strip('"`') for one in _WORD.findall(line.partition("//")[0])]
        if words[:2] == ["replace", "("]:
            inside = True
        elif words[:1] == [")"]:
            inside = False
        elif "=>" in words[:-1] and (inside or words[0] == "replace"):
            name, to = words[0 if inside else 1], words[words.index("=>") + 1]
            if to != name:
                yield from redirect(f"golang replace {name}", to, path, number)
