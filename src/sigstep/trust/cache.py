"""The folder where trust material is kept between runs, and whole-file writes."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sigstep.ports.world import World

_ANCHOR: Final = "anchor.json"
_ANCHOR_BYTES: Final = 512_000  # python-tuf's bound on root.json


def folder(url: str, world: World) -> Path:
    """The cache folder of one TUF repository: ``SIGSTEP_CACHE_DIR``, else the platform's cache folder."""
    base = world.environ.get("SIGSTEP_CACHE_DIR")
    if base is None:
        import platformdirs

        base = platformdirs.user_cache_dir("sigstep")
    return Path(base) / "tuf" / quote(url, safe="")


def read(path: Path, at_most: int) -> bytes | None:
    """A file's bytes, or None where it is missing, unreadable or larger than ``at_most`` bytes."""
    try:
        with path.open("rb") as file:
            data = file.read(at_most + 1)
    except OSError:
        return None
    return data if len(data) <= at_most else None


def write(path: Path, data: bytes) -> None:
    """Write a whole file or nothing (temporary file, fsync, rename).

    Raises:
        OSError: it cannot be written.
    """
    import tempfile

    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".sigstep-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def checked_lately(path: Path, world: World, within: timedelta) -> bool:
    """Whether the time that `mark_checked` wrote lies at most ``within`` in the past."""
    said = read(path / "checked", 64)
    try:
        time = datetime.fromisoformat(said.decode()) if said else None
    except ValueError:
        return False
    if time is None or time.tzinfo is None:
        return False
    return timedelta(0) <= world.clock.now() - time <= within


def mark_checked(path: Path, world: World) -> None:
    """Write down that the repository was asked now.

    Raises:
        OSError: it cannot be written.
    """
    write(path / "checked", world.clock.now().isoformat().encode())


def anchor(url: str, world: World) -> bytes | None:
    """The first ``root.json`` that `keep_anchor` kept for a TUF repository, or None."""
    return read(folder(url.rstrip("/"), world) / _ANCHOR, _ANCHOR_BYTES)


def keep_anchor(url: str, root: bytes, world: World) -> None:
    """Keep the first ``root.json`` of a TUF repository, so that its address alone names it from now on.

    Raises:
        OSError: it cannot be written.
    """
    write(folder(url.rstrip("/"), world) / _ANCHOR, root)
