"""``Pipfile.lock``: sections of packages with ``version`` and ``hashes``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sigstep.ecosystems.readers.common import at_revision, bounded, hex_digest, mapping, python_name
from sigstep.model import limits
from sigstep.model.dependency import Locked, LockedFile
from sigstep.wire import strict_json
from sigstep.wire.json_lines import member_lines


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every locked version of a ``Pipfile.lock``.

    Raises:
        FormatError: it is no lockfile of this kind, or too large.
    """
    return bounded(_read(data, path), path)


def _read(data: bytes, path: str) -> Iterator[Locked]:
    whole = mapping(strict_json.loads(data, at_most=limits.LOCKFILE_BYTES, name=path), path)
    lines = member_lines(data.decode("utf-8"))
    indexes = _indexes(mapping(whole.get("_meta", {}), path), path)
    first = next(iter(indexes.values()), "")
    for section, packages in whole.items():
        if section == "_meta":
            continue
        for name, entry in mapping(packages, path).items():
            table = mapping(entry, path)
            version = str(table.get("version", ""))
            kind = next((one for one in ("git", "path", "file") if one in table), "")
            hashes = table.get("hashes")
            texts = hashes if isinstance(hashes, list) else []
            yield Locked(
                ecosystem="pypi",
                name=python_name(name),
                version=version.removeprefix("=="),
                files=tuple(LockedFile(name="", digests=hex_digest(one)) for one in texts),
                registry="" if kind else indexes.get(str(table.get("index", "")), first),
                source=at_revision(kind, table[kind], table.get("ref")) if kind else "",
                path=path,
                line=lines.get((section, name, "version"), lines[(section, name)]),
            )


def _indexes(meta: Mapping[str, Any], path: str) -> dict[str, str]:
    """Addresses of indexes by name; the first is that of packages which name none (Pipenv, package indexes)."""
    listed = meta.get("sources")
    sources = [mapping(one, path) for one in listed] if isinstance(listed, list) else []
    return {str(one.get("name", "")): str(one.get("url", "")).rstrip("/") for one in sources}
