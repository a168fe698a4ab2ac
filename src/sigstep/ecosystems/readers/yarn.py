"""``yarn.lock`` of version 1 (yarn's own form) and of later versions (YAML)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from sigstep.ecosystems.readers.common import bounded, malformed, npm_origin, sri_digests, text_of
from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.model.dependency import CACHE, Locked, LockedFile
from sigstep.model.digest import Digest
from sigstep.wire import strict_yaml

_BERRY: Final = re.compile(r"^__metadata:", re.MULTILINE)
_SPECIFIER: Final = re.compile(r'"?(?P<name>(?:@[^/@"]+/)?[^@"]+)@(?P<range>[^",]*)')
_MEMBER: Final = re.compile(r'  "?(?P<name>[A-Za-z]+)"?:?[ ]+(?P<value>"[^"]*"|[^\s"]+)\s*')
_LIST: Final = re.compile(r"  [A-Za-z]+:\s*|    .*")  # of dependencies
_ALIAS: Final = re.compile(r"npm:(?P<name>(?:@[^/@]+/)?[^@]+)@.*")
_CHECKSUM: Final = re.compile(r"(?:(?P<key>[^/]+)/)?(?P<hex>[0-9a-f]{128})")


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every locked version of a ``yarn.lock``.

    Raises:
        FormatError: it is no lockfile of this kind, or too large.
    """
    text = text_of(data, path)
    return bounded(_berry(data, path) if _BERRY.search(text) else _classic(text, path), path)


def _classic(text: str, path: str) -> Iterator[Locked]:
    header, members, where = "", dict[str, str](), 0
    if "yarn lockfile v1" not in text[:400]:
        raise malformed(path, "it does not say that it is a yarn lockfile of version 1")
    for number, line in enumerate([*text.splitlines(), "end:"], 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line[0] != " ":
            if header:
                yield _entry(header, members, where, path)
            if not line.endswith(":"):
                raise malformed(path, f"line {number} is no header")
            header, members, where = line[:-1], {}, number
        elif match := _MEMBER.fullmatch(line):
            if match["name"] in members:  # of two, yarn takes the last
                raise malformed(path, f"line {number} says {match['name']} again")
            members[match["name"]] = match["value"].strip('"')
            where = number if match["name"] == "version" else where
        elif not _LIST.fullmatch(line):
            raise malformed(path, f"line {number} is no member of an entry")


def _entry(header: str, members: Mapping[str, str], line: int, path: str) -> Locked:
    match = _SPECIFIER.match(header)
    if match is None or "version" not in members:
        raise malformed(path, f"the entry before line {line} has no name or no version")
    alias = _ALIAS.fullmatch(match["range"])
    name = alias["name"] if alias else match["name"]
    resolved, _, sha1 = members.get("resolved", "").partition("#")
    registry, source = npm_origin(resolved, name)
    digests = sri_digests(members.get("integrity"))
    return Locked(
        ecosystem="npm",
        name=name,
        version=members["version"],
        files=(LockedFile(name="", digests=digests),) if digests else (),
        registry=registry,
        source=f"{source}#{sha1}" if source and sha1 else source,
        path=path,
        line=line,
    )


def _berry(data: bytes, path: str) -> Iterator[Locked]:
    found = strict_yaml.documents(data, at_most=limits.LOCKFILE_BYTES, name=path, nodes=limits.LOCKFILE_NODES)
    whole = found[0].value if found else None
    if not isinstance(whole, Mapping):
        raise malformed(path, "it is no mapping")
    for key, node in whole.items():
        if key == "__metadata":
            continue
        entry = node.value if isinstance(node.value, Mapping) else {}
        resolution = entry.get("resolution")
        match = _SPECIFIER.fullmatch(str(resolution.value)) if resolution else None
        if resolution is None or match is None:
            raise malformed(path, f"the entry {key[:80]!r} has no resolution")
        protocol, _, rest = match["range"].partition(":")
        checksum = entry.get("checksum")
        version = entry.get("version")
        registry = protocol == "npm" and "__archiveUrl" not in rest
        said = str(version.value) if version else ""
        yield Locked(
            ecosystem="npm",
            name=match["name"],
            version=rest.partition("::")[0] if protocol == "npm" else said,
            files=_cached(str(checksum.value)) if checksum else (),
            source="" if registry else f"{protocol} {rest}",
            path=path,
            line=version.line if version else node.line,
        )


def _cached(checksum: str) -> tuple[LockedFile, ...]:
    """The hash of yarn's own archive: it tells whether the content changed, and matches no published file."""
    match = _CHECKSUM.fullmatch(checksum)
    try:
        return (
            (LockedFile(name=f"{CACHE} {match['key'] or ''}", digests=(Digest.parse(f"sha512:{match['hex']}"),)),)
            if match
            else ()
        )
    except FormatError:
        return ()
