"""``package-lock.json`` and ``npm-shrinkwrap.json``, lockfileVersion 2 and 3: the ``packages`` member."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sigstep.ecosystems.readers.common import bounded, malformed, mapping, sri_digests
from sigstep.model import limits
from sigstep.model.dependency import Locked, LockedFile
from sigstep.wire import strict_json
from sigstep.wire.json_lines import member_lines


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every locked version below ``node_modules``; links and workspace members are left out.

    Raises:
        FormatError: it is no lockfile of this kind, or too large.
    """
    return bounded(_read(data, path), path)


def _read(data: bytes, path: str) -> Iterator[Locked]:
    whole = mapping(strict_json.loads(data, at_most=limits.LOCKFILE_BYTES, name=path), path)
    if "packages" not in whole:
        raise malformed(path, "it has no packages member (lockfileVersion 1 is not read)")
    lines = member_lines(data.decode("utf-8"))
    for key, entry in mapping(whole["packages"], path).items():
        table = mapping(entry, path)
        _, below, folder = key.rpartition("node_modules/")
        version = table.get("version")
        if not below or table.get("link") is True or not isinstance(version, str):
            continue
        name = str(table.get("name") or folder)
        registry, source = _origin(str(table.get("resolved", "")), name)
        digests = sri_digests(table.get("integrity"))
        yield Locked(
            ecosystem="npm",
            name=name,
            version=version,
            files=(LockedFile(name="", digests=digests),) if digests else (),
            registry=registry,
            source=source,
            path=path,
            line=_line(lines, key, table),
        )


def _line(lines: Mapping[tuple[str, ...], int], key: str, table: Mapping[str, Any]) -> int:
    return lines[("packages", key, "version") if "version" in table else ("packages", key)]


def _origin(resolved: str, name: str) -> tuple[str, str]:
    """The registry's base address of a tarball's address, or another source."""
    if not resolved:
        return "", ""
    base, found, _ = resolved.partition(f"/{name}/-/")
    if found and base.startswith(("https://", "http://")):
        return base, ""
    return "", resolved
