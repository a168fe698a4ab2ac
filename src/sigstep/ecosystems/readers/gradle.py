"""Gradle's ``verification-metadata.xml``: components with the SHA-256 of their artifacts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sigstep.ecosystems.readers.common import bounded, hex_digest, malformed
from sigstep.model import limits
from sigstep.model.dependency import Locked, LockedFile
from sigstep.wire import strict_xml

_COMPONENT: Final = re.compile(r"<component[\s>]")


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every component with the artifacts whose hash is stated.

    Raises:
        FormatError: it is no file of this kind, or too large.
    """
    return bounded(_read(data, path), path)


def _read(data: bytes, path: str) -> Iterator[Locked]:
    root = strict_xml.parse(data, at_most=limits.LOCKFILE_BYTES, name=path)
    if _local(root.tag) != "verification-metadata":
        raise malformed(path, "it is no verification metadata of Gradle")
    components = [one for one in root.iter() if _local(one.tag) == "component"]
    text = data.decode("utf-8", "replace")
    starts = [text.count("\n", 0, match.start()) + 1 for match in _COMPONENT.finditer(text)] if components else []
    for at, component in enumerate(components):
        said = [component.get(name, "") for name in ("group", "name", "version")]
        if not all(said):
            raise malformed(path, "a component has no group, name or version")
        files = [
            LockedFile(name=artifact.get("name", ""), digests=hex_digest(f"sha256:{digest.get('value')}"))
            for artifact in component
            for digest in artifact
            if _local(digest.tag) == "sha256"
        ]
        yield Locked(
            ecosystem="maven",
            name=f"{said[0]}:{said[1]}",
            version=said[2],
            files=tuple(files),
            path=path,
            line=starts[at] if len(starts) == len(components) else 1,
        )


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
