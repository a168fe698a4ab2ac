"""``uv.lock``: ``[[package]]`` with ``source``, ``sdist`` and ``wheels``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sigstep.ecosystems.readers.common import bounded, mapping, python_files, python_name, toml_packages
from sigstep.model.dependency import Locked


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every locked version of a ``uv.lock``.

    Raises:
        FormatError: it is no lockfile of this kind, or too large.
    """
    return bounded(_read(data, path), path)


def _read(data: bytes, path: str) -> Iterator[Locked]:
    for table, name, version, line in toml_packages(data, path, "package"):
        source = mapping(table.get("source", {}), path)
        sdist = table.get("sdist")
        wheels = table.get("wheels")
        files = [*([sdist] if sdist is not None else []), *(wheels if isinstance(wheels, list) else [])]
        yield Locked(
            ecosystem="pypi",
            name=python_name(name),
            version=version,
            files=python_files(files, path),
            registry=str(source.get("registry", "")),
            source=_other(source),
            path=path,
            line=line,
        )


def _other(source: Mapping[str, Any]) -> str:
    kind = next((one for one in source if one != "registry"), "")
    return f"{kind} {source[kind]}" if kind and "registry" not in source else ""
