"""``Gemfile.lock``: sections by indentation; ``CHECKSUMS`` (since Bundler 2.5) has a SHA-256 for each gem."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sigstep.ecosystems.readers.common import at_revision, bounded, hex_digest, malformed, text_of
from sigstep.model.dependency import Locked, LockedFile

_SPEC: Final = re.compile(r"    (?P<name>[A-Za-z0-9_.-]+) \((?P<version>[^\s()]+)\)")
_SUM: Final = re.compile(r"  (?P<name>[A-Za-z0-9_.-]+) \((?P<version>[^\s()]+)\)(?: sha256=(?P<hex>[0-9a-f]{64}))?.*")
_SECTIONS: Final = {"GEM": "", "GIT": "git", "PATH": "path", "PLUGIN SOURCE": "plugin"}


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every locked gem; a platform is part of its version, as in the names of gems.

    Raises:
        FormatError: it is no lockfile of this kind, or too large.
    """
    text = text_of(data, path)
    if not any(line in _SECTIONS for line in text.splitlines()):
        raise malformed(path, "it has no section of gems")
    return bounded(_read(text, path), path)


def _read(text: str, path: str) -> Iterator[Locked]:
    lines = text.splitlines()
    sums = dict(_checksums(lines))
    section, remote, revision = "", "", ""
    for number, line in enumerate(lines, 1):
        if line and line[0] != " ":
            section, remote, revision = line.strip(), "", ""
        elif line.startswith("  remote: "):
            remote = line.removeprefix("  remote: ").strip()
        elif line.startswith("  revision: "):
            revision = line.removeprefix("  revision: ").strip()
        elif section in _SECTIONS and (match := _SPEC.fullmatch(line)):
            name, version = match["name"], match["version"]
            kind = _SECTIONS[section]
            digest = hex_digest(f"sha256:{sums[name, version]}") if (name, version) in sums else ()
            yield Locked(
                ecosystem="gem",
                name=name,
                version=version,
                files=(LockedFile(name=f"{name}-{version}.gem", digests=digest),) if digest else (),
                registry="" if kind else remote.rstrip("/"),
                source=at_revision(kind, remote, revision) if kind else "",
                path=path,
                line=number,
            )


def _checksums(lines: list[str]) -> Iterator[tuple[tuple[str, str], str]]:
    inside = False
    for line in lines:
        if line and line[0] != " ":
            inside = line.strip() == "CHECKSUMS"
        elif inside and (match := _SUM.fullmatch(line)) and match["hex"]:
            yield (match["name"], match["version"]), match["hex"]
