"""Digests of files: read once, in constant memory, for every algorithm that is needed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sigstep.errors import NothingToExamine, Undecided
from sigstep.model.digest import Algorithm, Digest

_HEX: Final = re.compile(r"[0-9A-Fa-f]{64}")
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
        raise missing(path) from None
    except OSError as error:
        raise Undecided(
            code="subject-unreadable",
            what=f"{path} cannot be read",
            why=error.strerror or "",
            fix="check its permissions",
        ) from None
    return tuple(Digest(algorithm=one, value=running.digest()) for one, running in hashes.items())


def missing(path: Path) -> NothingToExamine:
    """The error of a file that is not there, with what may have been meant."""
    text = str(path)
    fix = "check the path"
    if text == "-":
        fix = "standard input is not read: give a file, or sha256: and the digest"
    elif _HEX.fullmatch(text):
        fix = f"check the path, or write sha256:{text} if it is a digest"
    return NothingToExamine(code="subject-missing", what=f"{path} does not exist", fix=fix)
