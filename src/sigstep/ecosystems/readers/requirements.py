"""``requirements.txt`` with hashes (pip's requirements file format, hash-checking mode)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sigstep.ecosystems.readers.common import bounded, hex_digest, malformed, python_name
from sigstep.model import limits
from sigstep.model.dependency import Locked, LockedFile

_PIN: Final = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*===?\s*(?P<version>[^\s;,*]+)(?=[\s;]|$)"
)
_DIRECT: Final = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*@\s*(?P<url>\S+)")
_HASH: Final = re.compile(r"--hash[= ]\s*([a-z0-9]+:[0-9A-Fa-f]+)")
_INDEX: Final = re.compile(r"(?:--index-url|-i)(?:\s+|=)(\S+)")


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every pinned requirement; ranges and options are no locked versions and are left out.

    Raises:
        FormatError: ``lockfile-malformed``, ``lockfile-too-many``, ``digest-malformed``.
    """
    if len(data) > limits.LOCKFILE_BYTES:
        raise malformed(path, "it is too large")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise malformed(path, "it is not UTF-8") from None
    logical = tuple(_logical(text))
    index = next((found[1] for _, line in logical if (found := _INDEX.match(line))), "")
    return bounded((one for number, line in logical for one in _requirement(line, number, path, index)), path)


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Lines joined at a backslash, without comments, with the number of their first line."""
    parts: list[str] = []
    start = 1
    for number, line in enumerate(text.splitlines(), 1):
        if not parts:
            start = number
        bare = re.sub(r"(^|\s)#.*$", "", line)
        parts.append(bare.removesuffix("\\"))
        if not bare.endswith("\\"):
            yield start, " ".join(parts).strip()
            parts = []
    if parts:
        yield start, " ".join(parts).strip()


def _requirement(line: str, number: int, path: str, index: str) -> Iterator[Locked]:
    pin, direct = _PIN.match(line), _DIRECT.match(line)
    found = pin or direct
    if found is None:
        return
    hashes = (LockedFile(name="", digests=hex_digest(one.lower())) for one in _HASH.findall(line))
    yield Locked(
        ecosystem="pypi",
        name=python_name(found["name"]),
        version=pin["version"] if pin else "",
        files=tuple(hashes),
        registry=index if pin else "",
        source="" if pin or direct is None else f"url {direct['url']}",
        path=path,
        line=number,
    )
