"""``pnpm-lock.yaml`` of lockfile versions 5, 6 and 9: the ``packages`` member."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from sigstep.ecosystems.readers.common import bounded, malformed, npm_origin, sri_digests
from sigstep.model import limits
from sigstep.model.dependency import Locked, LockedFile
from sigstep.wire import strict_yaml

_OLD: Final = re.compile(r"/(?P<name>(?:@[^/@]+/)?[^/@]+)/(?P<version>[^_/(]+)(?:_.*)?")
_NEW: Final = re.compile(r"/?(?P<name>(?:@[^/@]+/)?[^/@]+)@(?P<version>[^(@]+)(?:\(.*)?")


def read(data: bytes, path: str) -> tuple[Locked, ...]:
    """Every locked version of a ``pnpm-lock.yaml``.

    Raises:
        FormatError: it is no lockfile of this kind, or too large.
    """
    return bounded(_read(data, path), path)


def _read(data: bytes, path: str) -> Iterator[Locked]:
    found = strict_yaml.documents(data, at_most=limits.LOCKFILE_BYTES, name=path, nodes=limits.LOCKFILE_NODES)
    whole = found[-1].value if found else None
    if not isinstance(whole, Mapping) or "lockfileVersion" not in whole:
        raise malformed(path, "it has no lockfileVersion")
    old = str(whole["lockfileVersion"].value).startswith("5")
    packages = whole["packages"].value if "packages" in whole else {}
    if not isinstance(packages, Mapping):
        raise malformed(path, "packages is no mapping")
    for key, node in packages.items():
        entry = strict_yaml.plain(node)
        match = (_OLD if old else _NEW).fullmatch(key)
        if not isinstance(entry, Mapping):
            raise malformed(path, f"{key[:80]!r} is no mapping")
        resolution = entry.get("resolution")
        resolution = resolution if isinstance(resolution, Mapping) else {}
        integrity = resolution.get("integrity")
        digests = sri_digests(integrity)
        name = match["name"] if match else str(entry.get("name", key))
        version = match["version"] if match else str(entry.get("version", ""))
        registry, other = npm_origin(str(resolution.get("tarball") or ""), name)
        if "repo" in resolution:
            other = f"{resolution['repo']}#{resolution.get('commit')}"
        if not integrity and not registry and not other:
            other = key
        yield Locked(
            ecosystem="npm",
            name=name,
            version=version,
            files=(LockedFile(name="", digests=digests),) if digests else (),
            registry=registry,
            source=other or (version if "/" in version else ""),
            path=path,
            line=max(1, node.line - 1),
        )
