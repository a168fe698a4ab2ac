"""How saved images are named; `sigstep.oci.layout` reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TRANSPORTS: Final = frozenset({"oci", "oci-archive", "docker-archive"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedImage:
    """Where a saved image is: a folder or an archive, and which of its images (its tag or whole name)."""

    path: Path
    ref_name: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.ref_name}" if self.ref_name else str(self.path)


def parse_saved(text: str) -> SavedImage | None:
    """``oci:PATH[:NAME]``, ``oci-archive:FILE[:NAME]``, ``docker-archive:FILE[:NAME]``; None for another text."""
    transport, colon, rest = text.partition(":")
    if not colon or transport not in _TRANSPORTS or not rest:
        return None
    path, _, name = rest.partition(":")
    return SavedImage(path=Path(path), ref_name=name)
