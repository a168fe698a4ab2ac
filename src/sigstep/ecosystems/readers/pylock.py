"""``pylock.toml`` (PEP 751): ``[[packages]]`` with ``index``, ``sdist`` and ``wheels``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sigstep.ecosystems.readers.common import at_revision, bounded, mapping, python_files, python_name, toml_packages
from sigstep.model.dependency import Locked, PinnedPublisher

_HOSTS: Final = {"GitHub": "https://github.com/", "GitLab": "https://gitlab.com/"}


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
        other = mapping(table.get(kind, {}), path)
        if kind == "archive":
            files.append(other)
        yield Locked(
            ecosystem="pypi",
            name=python_name(name),
            version=version,
            files=python_files(files, path),
            registry=str(table.get("index", "")),
            source=at_revision(kind, other.get("url") or other.get("path"), other.get("commit-id")) if kind else "",
            path=path,
            line=line,
            publishers=tuple(_publishers(table.get("attestation-identities"), path)),
        )


def _publishers(value: Any, path: str) -> Iterator[PinnedPublisher]:
    """Who is said to attest the files (PEP 751, ``attestation-identities``; kinds of PEP 740's publishers)."""
    for one in value if isinstance(value, list) else ():
        table = mapping(one, path)
        said = {name: str(text) for name, text in table.items() if isinstance(text, str)}
        host = _HOSTS.get(said.get("kind", ""), "")
        yield PinnedPublisher(
            repository=f"{host}{said.get('repository', '')}" if said.get("repository") else "",
            subject=said.get("email", ""),
            workflow=said.get("workflow") or said.get("workflow_filepath", ""),
            environment=said.get("environment", ""),
        )
