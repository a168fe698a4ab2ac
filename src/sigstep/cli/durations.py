"""Times that options name."""

from __future__ import annotations

import re
from typing import Final

from sigstep.errors import UsageError

_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600}


def duration(text: str) -> float:
    """Seconds of ``90s``, ``45m``, ``2h`` or a bare number of seconds.

    Raises:
        UsageError: ``option-malformed``.
    """
    match = re.fullmatch(r"(\d{1,6})([smh]?)", text)
    if match is None:
        raise UsageError(
            code="option-malformed", what=f"{text[:40]!r} is not a time", why="", fix="write 90s, 45m or 2h"
        )
    return float(match[1]) * _UNITS[match[2]]
