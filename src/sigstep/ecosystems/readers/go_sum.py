"""``go.sum`` and ``go.work.sum``: module, version and ``h1:`` a line; ``/go.mod`` lines are about module files only."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from sigstep.ecosystems.readers.common import bounded, malformed
from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.model.dependency import Locked, LockedFile
from sigstep.model.digest import Algorithm, Digest


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every module whose content a ``go.sum`` states.

    Raises:
        FormatError: ``lockfile-malformed``, ``lockfile-too-many``.
    """
    if len(data) > limits.LOCKFILE_BYTES:
        raise malformed(path, "it is too large")
    return bounded(_read(data, path), path)


def _read(data: bytes, path: str) -> Iterator[Locked]:
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if not line.strip():
            continue
        parts = line.split()
        if len(parts) != 3:
            raise malformed(path, f"line {number} has not three parts")
        module, version, digest = parts
        if version.endswith("/go.mod") or not digest.startswith("h1:"):
            continue
        yield Locked(
            ecosystem="golang",
            name=module,
            version=version,
            files=(LockedFile(name="", digests=(_tree(digest, path, number),)),),
            path=path,
            line=number,
        )


def _tree(text: str, path: str, number: int) -> Digest:
    try:
        return Digest(algorithm=Algorithm.SHA256, value=base64.b64decode(text[3:], validate=True))
    except (binascii.Error, ValueError, FormatError):
        raise malformed(path, f"line {number} has no h1 hash") from None
