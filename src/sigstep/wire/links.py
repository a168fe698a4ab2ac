"""Link headers (RFC 8288), as lists of registries and of GitHub's API use them."""

from __future__ import annotations

import re
from typing import Final

_NEXT: Final = re.compile(r'<([^<>\s]{1,4096})>\s*;[^,]*\brel="?next"?', re.IGNORECASE)
_READ: Final = 65536  # characters of a header that are looked at


def next_address(link: str) -> str:
    """The address with the relation ``next``, or empty."""
    found = _NEXT.search(link[:_READ])
    return found[1] if found else ""
