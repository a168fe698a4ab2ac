"""``package-lock.json`` and ``npm-shrinkwrap.json``: the ``packages`` member, or the tree of lockfileVersion 1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sigstep.ecosystems.readers.common import bounded, malformed, mapping, npm_origin, sri_digests
from sigstep.model import limits
from sigstep.model.dependency import Locked, LockedFile
from sigstep.wire import strict_json
from sigstep.wire.json_lines import member_lines

_TREE_DEPTH: Final = 40  # of lockfileVersion 1; strict JSON ends at 100 levels, two of which are one of the tree


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every locked version below ``node_modules``; links and workspace members are left out.

    Raises:
        FormatError: it is no lockfile of this kind, or too large.
    """
    return bounded(_read(data, path), path)


def _read(data: bytes, path: str) -> Iterator[Locked]:
    whole = mapping(strict_json.loads(data, at_most=limits.LOCKFILE_BYTES, name=path), path)
    text = data.decode("utf-8")
    if "packages" not in whole:
        if "lockfileVersion" not in whole and "dependencies" not in whole:
            raise malformed(path, "it has neither packages nor dependencies")
        lines = member_lines(text, deepest=2 * _TREE_DEPTH)
        yield from _tree(mapping(whole.get("dependencies", {}), path), ("dependencies",), lines, path)
        return
    lines = member_lines(text)
    for key, entry in mapping(whole["packages"], path).items():
        table = mapping(entry, path)
        _, below, folder = key.rpartition("node_modules/")
        if below and table.get("link") is not True:
            yield from _locked(table, str(table.get("name") or folder), ("packages", key), lines, path)


def _tree(
    entries: Mapping[str, Any], place: tuple[str, ...], lines: Mapping[tuple[str, ...], int], path: str
) -> Iterator[Locked]:
    if len(place) > 2 * _TREE_DEPTH:
        raise malformed(path, f"its tree is deeper than {_TREE_DEPTH}")
    for name, entry in entries.items():
        table = mapping(entry, path)
        here = (*place, name)
        yield from _locked(table, name, here, lines, path)
        yield from _tree(mapping(table.get("dependencies", {}), path), (*here, "dependencies"), lines, path)


def _locked(
    table: Mapping[str, Any], name: str, place: tuple[str, ...], lines: Mapping[tuple[str, ...], int], path: str
) -> Iterator[Locked]:
    version = table.get("version", "")
    if not isinstance(version, str):
        raise malformed(path, f"the version of {name[:80]!r} is no text")
    if not version and "resolved" not in table:  # a place that an optional peer would have
        return
    if version.startswith("npm:"):  # an alias of lockfileVersion 1
        name, _, version = version[4:].rpartition("@")
    registry, source = npm_origin(str(table.get("resolved", "")), name)
    digests = sri_digests(table.get("integrity"))
    yield Locked(
        ecosystem="npm",
        name=name,
        version=version,
        files=(LockedFile(name="", digests=digests),) if digests else (),
        registry=registry,
        source=source or (version if ":" in version else ""),
        path=path,
        line=lines.get((*place, "version"), lines.get(place, 1)),
    )
