"""Digests of files: read once, in constant memory, for every algorithm that is needed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sigstep.errors import NothingToExamine, Undecided
from sigstep.model.digest import Algorithm, Digest

CHUNK_BYTES: Final = 1 << 18  # fits a core's cache


def hash_file(path: Path, algorithms: Iterable[Algorithm] = (Algorithm.SHA256,)) -> tuple[Digest, ...]:
    """Digests of a file, in the order of `Algorithm`.

    Raises:
        NothingToExamine: ``subject-missing``.
        Undecided: ``subject-unreadable``.
    """
    hashes = {one: one.new() for one in Algorithm if one in set(algorithms)}
    try:
        piece = memoryview(bytearray(CHUNK_BYTES))  # one buffer: a fresh one for each piece costs more than hashing it
        with path.open("rb", buffering=0) as file:
            while size := file.readinto(piece):
                for running in hashes.values():
                    running.update(piece[:size])
    except FileNotFoundError:
        raise NothingToExamine(
            code="subject-missing", what=f"{path} does not exist", why="", fix="check the path"
        ) from None
    except OSError as error:
        raise Undecided(
            code="subject-unreadable",
            what=f"{path} cannot be read",
            why=error.strerror or "",
            fix="check its permissions",
        ) from None
    return tuple(Digest(algorithm=one, value=running.digest()) for one, running in hashes.items())
