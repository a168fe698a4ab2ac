"""``pdm.lock``: ``[[package]]`` with ``files``."""

from __future__ import annotations

from collections.abc import Iterator

from sigstep.ecosystems.readers.common import at_revision, bounded, python_files, python_name, toml_packages
from sigstep.model.dependency import Locked


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every locked version of a ``pdm.lock``.

    Raises:
        FormatError: it is no lockfile of this kind, or too large.
    """
    return bounded(_read(data, path), path)


def _read(data: bytes, path: str) -> Iterator[Locked]:
    for table, name, version, line in toml_packages(data, path, "package"):
        kind = next((one for one in ("git", "path", "url") if one in table), "")
        yield Locked(
            ecosystem="pypi",
            name=python_name(name),
            version=version,
            files=python_files(table.get("files"), path),
            source=at_revision(kind, table[kind], table.get("revision")) if kind else "",
            path=path,
            line=line,
        )
