"""``mise.lock``: tools with address and checksum for each platform; those that are assets of GitHub releases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sigstep.ecosystems.readers.common import bounded, mapping, release_asset
from sigstep.model import limits
from sigstep.model.dependency import Locked
from sigstep.wire import strict_toml


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every release asset whose SHA-256 is locked.

    Raises:
        FormatError: it is no lockfile of this kind, or too large.
    """
    return bounded(_read(data, path), path)


def _read(data: bytes, path: str) -> Iterator[Locked]:
    whole = strict_toml.loads(data, at_most=limits.LOCKFILE_BYTES, name=path)
    for name, value in mapping(whole.get("tools", {}), path).items():
        entries = value if isinstance(value, list) else [value]
        lines = strict_toml.array_lines(data.decode("utf-8"), f"tools.{name}", entries)
        for entry, line in zip(entries, lines, strict=True):
            for platform in _platforms(mapping(entry, path)):
                yield from release_asset(str(platform.get("url")), str(platform.get("checksum")), path, line)


def _platforms(entry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    below = entry.get("platforms")
    for value in [*(below.values() if isinstance(below, Mapping) else ()), *entry.values()]:
        if isinstance(value, Mapping) and "url" in value:
            yield value
