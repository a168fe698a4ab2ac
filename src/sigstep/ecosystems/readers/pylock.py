"""``pylock.toml`` (PEP 751): ``[[packages]]`` with ``index``, ``sdist`` and ``wheels``."""

from __future__ import annotations

from collections.abc import Iterator

from sigstep.ecosystems.readers.common import bounded, python_files, python_name, toml_packages
from sigstep.model.dependency import Locked


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every locked version of a ``pylock.toml``.

    Raises:
        FormatError: it is no lockfile of this kind, or too large.
    """
    return bounded(_read(data, path), path)


def _read(data: bytes, path: str) -> Iterator[Locked]:
    for table, name, version, line in toml_packages(data, path, "packages"):
        sdist, wheels = table.get("sdist"), table.get("wheels")
        files = [*([sdist] if sdist is not None else []), *(wheels if isinstance(wheels, list) else [])]
        kind = next((one for one in ("vcs", "directory", "archive") if one in table), "")
        yield Locked(
            ecosystem="pypi",
            name=python_name(name),
            version=version,
            files=python_files(files, path),
            registry=str(table.get("index", "")),
            source=f"{kind} {table[kind]}" if kind else "",
            path=path,
            line=line,
        )
