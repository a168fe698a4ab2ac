"""On which line each member of a JSON document stands."""

from __future__ import annotations

import json
import re
from typing import Final

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:\n]')


def member_lines(text: str, *, deepest: int = 3) -> dict[tuple[str, ...], int]:
    """Lines (from 1) of all members down to ``deepest`` levels, keyed by their path of names.

    ``text`` is JSON that `sigstep.wire.strict_json.loads` accepts; elements of arrays have no lines of their own.
    """
    lines: dict[tuple[str, ...], int] = {}
    path: list[str | None] = []
    number, key, expect_key = 1, "", False
    for token in _TOKEN.finditer(text):
        word = token.group()
        if word == "\n":
            number += 1
        elif word in "{[":
            path.append(key if word == "{" else None)
            key, expect_key = "", word == "{"
        elif word in "}]":
            path.pop()
            expect_key = False
        elif word == ",":
            expect_key = bool(path) and path[-1] is not None
        elif word != ":" and expect_key:
            expect_key = False
            key = str(json.loads(word))
            names = [one for one in path[1:] if one is not None]
            if len(names) == len(path) - 1 < deepest:
                names.append(key)
                lines[tuple(names)] = number
    return lines
