"""Digests of files: read once, in constant memory, for every algorithm that is needed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sigstep.errors import NothingToExamine, SigstepError, Undecided
from sigstep.model.digest import Algorithm, Digest

_SHORT_NAME: Final = re.compile(r"[a-z0-9_-]+(?:/[a-z0-9_-]+)?(?::[A-Za-z0-9_.-]+)?")
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
        raise _missing(path) from None
    except OSError as error:
        raise unreadable(path, error) from None
    return tuple(Digest(algorithm=one, value=running.digest()) for one, running in hashes.items())


def absent(path: Path) -> SigstepError:
    """The error of a file that is not seen: ``subject-missing``, or ``subject-unreadable`` in a closed folder."""
    try:
        path.stat()
    except PermissionError as error:
        return unreadable(path, error)
    except OSError:
        pass
    return _missing(path)


def unreadable(path: Path, error: OSError) -> Undecided:
    """The error of a file that cannot be read."""
    return Undecided(
        code="subject-unreadable",
        what=f"{path} cannot be read",
        why=error.strerror or type(error).__name__,
        fix="check its permissions",
    )


def _missing(path: Path) -> NothingToExamine:
    """With what may have been meant."""
    text = str(path)
    fix = "check the path"
    if text == "-":
        fix = "- is no name for standard input here: write /dev/stdin, a file, or sha256: and the digest"
    elif _HEX.fullmatch(text):
        fix = f"check the path, or write sha256:{text} if it is a digest"
    elif _SHORT_NAME.fullmatch(text):
        fix = f"check the path, or write docker.io/{text} if it is an image: images are named with their host"
    return NothingToExamine(code="subject-missing", what=f"{path} does not exist", fix=fix)
