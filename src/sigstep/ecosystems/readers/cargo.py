"""``Cargo.lock``: ``[[package]]`` with ``source`` and ``checksum``; workspace members have no source."""

from __future__ import annotations

from collections.abc import Iterator

from sigstep.ecosystems.readers.common import bounded, hex_digest, mapping, toml_packages
from sigstep.model import limits
from sigstep.model.dependency import Locked, LockedFile
from sigstep.wire import strict_toml


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every locked version of a ``Cargo.lock``.

    Raises:
        FormatError: it is no lockfile of this kind, or too large.
    """
    return bounded(_read(data, path), path)


def _read(data: bytes, path: str) -> Iterator[Locked]:
    whole = strict_toml.loads(data, at_most=limits.LOCKFILE_BYTES, name=path)
    sums = mapping(whole.get("metadata", {}), path)  # of version 1
    for table, name, version, line in toml_packages(data, path, "package"):
        source = str(table.get("source", "path"))
        kind, _, address = source.partition("+")
        registry = address if kind in {"registry", "sparse"} else ""
        checksum = table.get("checksum") or sums.get(f"checksum {name} {version} ({source})")
        digests = hex_digest(f"sha256:{checksum}") if checksum and checksum != "<none>" else ()
        yield Locked(
            ecosystem="cargo",
            name=name,
            version=version,
            files=(LockedFile(name=f"{name}-{version}.crate", digests=digests),) if digests else (),
            registry=registry,
            source="" if registry else source,
            path=path,
            line=line,
        )
