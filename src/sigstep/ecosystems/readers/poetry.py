"""``poetry.lock``: ``[[package]]`` with ``files``; the older ``[metadata.files]`` is read too."""

from __future__ import annotations

from collections.abc import Iterator

from sigstep.ecosystems.readers.common import at_revision, bounded, mapping, python_files, python_name, toml_packages
from sigstep.model import limits
from sigstep.model.dependency import Locked
from sigstep.wire import strict_toml


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every locked version of a ``poetry.lock``.

    Raises:
        FormatError: it is no lockfile of this kind, or too large.
    """
    return bounded(_read(data, path), path)


def _read(data: bytes, path: str) -> Iterator[Locked]:
    whole = strict_toml.loads(data, at_most=limits.LOCKFILE_BYTES, name=path)
    metadata = mapping(mapping(whole.get("metadata", {}), path).get("files", {}), path)
    for table, name, version, line in toml_packages(data, path, "package"):
        source = mapping(table.get("source", {}), path)
        kind, url = str(source.get("type", "")), str(source.get("url", ""))
        registry = kind in {"", "legacy"}
        yield Locked(
            ecosystem="pypi",
            name=python_name(name),
            version=version,
            files=python_files(table.get("files") or metadata.get(name), path),
            registry=url if registry else "",
            source="" if registry else at_revision(kind, url, source.get("resolved_reference")),
            path=path,
            line=line,
        )
