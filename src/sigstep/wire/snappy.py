"""Snappy blocks (google/snappy, format_description.txt), as GitHub serves bundles."""

from __future__ import annotations

from sigstep.errors import FormatError, UsageError
from sigstep.model import limits


def unsnapped(data: bytes) -> bytes:
    """A bundle out of a snappy block (google/snappy, format_description.txt); JSON as it is.

    The declared length is checked before memory is taken for it.

    Raises:
        UsageError: ``snappy-missing``.
        FormatError: ``snappy-too-large``, ``snappy-malformed``.
    """
    if data[:1] == b"{":
        return data
    length = 0
    for at, byte in enumerate(data[:5]):
        length |= (byte & 0x7F) << (7 * at)
        if byte < 0x80:
            break
    if length > limits.SNAPPY_BYTES:
        raise FormatError(
            code="snappy-too-large",
            what="a bundle of GitHub is too large",
            why=f"it says {length} bytes; at most {limits.SNAPPY_BYTES} are read",
            fix="ask GitHub's support",
        )
    try:
        from cramjam import snappy
    except ImportError:
        raise UsageError(
            code="snappy-missing",
            what="GitHub's bundles cannot be read: they are compressed with snappy",
            why="the extra action is not installed",
            fix="install sigstep[action]",
        ) from None
    try:
        return bytes(snappy.decompress_raw(data))
    except Exception as error:  # noqa: BLE001 - cramjam's own type is not stable across its versions
        raise FormatError(
            code="snappy-malformed",
            what="a bundle of GitHub cannot be decompressed",
            why=str(error)[:200],
            fix="ask again",
        ) from None
