"""``requirements.txt`` with hashes (pip's requirements file format, hash-checking mode)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from sigstep.ecosystems.readers.common import bounded, file_name, hex_digest, python_name, text_of
from sigstep.model.dependency import Locked, LockedFile
from sigstep.wire.logical_lines import logical_lines

_EDITABLE: Final = re.compile(r"(?:-e|--editable)(?:\s+|=)")
_EGG: Final = re.compile(r"#(?:.*&)?egg=([A-Za-z0-9._-]+)")
_HASH: Final = re.compile(r"--hash[= ]\s*[\"']?([a-z0-9]+:[0-9A-Fa-f]+)")
_INDEX: Final = re.compile(r"(?:--index-url|-i)(?:\s+|=)(\S+)")


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every pinned requirement; ranges and options are no locked versions and are left out.

    Raises:
        FormatError: ``lockfile-malformed``, ``lockfile-too-many``, ``digest-malformed``.
    """
    text = text_of(data, path)
    logical = tuple(logical_lines(text, path))
    index = next((found[1] for _, line in logical if (found := _INDEX.match(line))), "")
    return bounded((one for number, line in logical for one in _requirement(line, number, path, index)), path)


def _requirement(line: str, number: int, path: str, index: str) -> Iterator[Locked]:
    from packaging.requirements import InvalidRequirement, Requirement

    editable = _EDITABLE.match(line)
    text = (line[editable.end() :] if editable else line).partition(" --")[0].strip()
    if not text or (text.startswith("-") and not editable):
        return
    hashes = tuple(LockedFile(name="", digests=hex_digest(one.lower())) for one in _HASH.findall(line))
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        if "://" in text or text.startswith((".", "/", "file:")):
            kind = "url" if "://" in text and not text.startswith("file:") else "path"
            egg = _EGG.search(text)
            name = egg[1] if egg else file_name(text.rstrip("/.")) or "."
            yield _locked(name, "", hashes, source=f"{kind} {text}", path=path, line=number)
        return
    if requirement.url:
        yield _locked(requirement.name, "", hashes, source=f"url {requirement.url}", path=path, line=number)
        return
    pins = [one for one in requirement.specifier if one.operator in {"==", "==="} and not one.version.endswith(".*")]
    if len(pins) == 1:
        yield _locked(requirement.name, pins[0].version, hashes, registry=index, path=path, line=number)


def _locked(name: str, version: str, files: tuple[LockedFile, ...], **more: Any) -> Locked:
    return Locked(
        ecosystem="pypi", name=python_name(name) if name != "." else name, version=version, files=files, **more
    )
