"""``bun.lock``: JSON with trailing commas and comments; a package is an array that begins with ``name@version``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sigstep.ecosystems.readers.common import bounded, malformed, mapping, npm_origin, sri_digests, text_of
from sigstep.model import limits
from sigstep.model.dependency import Locked, LockedFile
from sigstep.wire import strict_json
from sigstep.wire.json_lines import member_lines

_LOOSE: Final = re.compile(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*[\s\S]*?\*/|,(?=\s*[}\]])')
_NAMED: Final = re.compile(r"(?P<name>(?:@[^/@]+/)?[^/@]+)@(?P<version>.+)", re.DOTALL)


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every locked version of a ``bun.lock``; members of the workspace are local.

    Raises:
        FormatError: it is no lockfile of this kind, or too large.
    """
    return bounded(_read(data, path), path)


def _read(data: bytes, path: str) -> Iterator[Locked]:
    text = _LOOSE.sub(lambda match: match[1] or "\n" * match[0].count("\n"), text_of(data, path))
    whole = mapping(strict_json.loads(text.encode(), at_most=limits.LOCKFILE_BYTES, name=path), path)
    if "lockfileVersion" not in whole:
        raise malformed(path, "it has no lockfileVersion")
    lines = member_lines(text, deepest=2)
    for key, entry in mapping(whole.get("packages", {}), path).items():
        match = _NAMED.fullmatch(entry[0]) if isinstance(entry, list) and entry and isinstance(entry[0], str) else None
        if match is None:
            raise malformed(path, f"the package {key[:80]!r} has no name and version")
        version, name = match["version"], match["name"]
        digests = sri_digests(entry[-1]) if len(entry) > 1 else ()
        registry, source = "", ""
        if ":" in version:
            kind, _, place = version.partition(":")
            source = f"{kind} {place}"
        elif len(entry) > 1 and isinstance(entry[1], str) and entry[1]:
            registry, source = npm_origin(entry[1], name)
            if source.startswith(("https://", "http://")) and not source.endswith(".tgz"):
                registry, source = source.rstrip("/"), ""
        yield Locked(
            ecosystem="npm",
            name=name,
            version=version,
            files=(LockedFile(name="", digests=digests),) if digests else (),
            registry=registry,
            source=source,
            path=path,
            line=lines.get(("packages", key), 1),
        )
