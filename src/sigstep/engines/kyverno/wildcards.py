"""Kyverno's wildcards: ``*`` for any text, ``?`` for one character."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache


def wildcard(pattern: str, text: str) -> bool:
    """Whether the whole text matches; in linear time."""
    return _compiled(pattern[:4096]).fullmatch(text) is not None


def matches_any(patterns: Sequence[str], text: str) -> bool:
    """Whether one of the patterns matches."""
    return any(wildcard(one, text) for one in patterns)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    import re2

    means = {"*": "(?s:.*)", "?": "(?s:.)"}
    compiled: re.Pattern[str] = re2.compile("".join(means.get(one) or re2.escape(one) for one in pattern))
    return compiled
