"""Bytes against the digest and size that were asked for."""

from __future__ import annotations

from sigstep.errors import FormatError
from sigstep.model.digest import Digest
from sigstep.oci.manifest import Descriptor


def check_bytes(data: bytes, digest: Digest, size: int | None, name: str) -> None:
    """Refuse bytes that are not those of a digest and size.

    Raises:
        FormatError: ``registry-size-mismatch``, ``registry-digest-mismatch``.
    """
    value = Digest.of(data, digest.algorithm).value
    compare(value, len(data), digest, len(data) if size is None else size, name)


def check_size(descriptor: Descriptor, at_most: int) -> None:
    """Refuse a blob that is said to be too large.

    Raises:
        FormatError: ``registry-blob-too-large``.
    """
    if descriptor.size > at_most:
        raise FormatError(
            code="registry-blob-too-large",
            what=f"the blob {descriptor.digest} is too large",
            why=f"it has {descriptor.size} bytes; at most {at_most} are read",
            fix="look at what the manifest lists",
        )


def compare(value: bytes, seen: int, digest: Digest, size: int, name: str) -> None:
    """Hold what came, by its digest's bytes and its size, against what was asked for.

    Raises:
        FormatError: ``registry-size-mismatch``, ``registry-digest-mismatch``.
    """
    if seen != size:
        raise FormatError(
            code="registry-size-mismatch",
            what=f"{name} is not what was asked for",
            why=f"{seen} bytes came where {size} are said to be",
            fix="try again; if it stays, the registry or something on the way is broken",
        )
    if value != digest.value:
        raise FormatError(
            code="registry-digest-mismatch",
            what=f"{name} is not what was asked for",
            why=f"the bytes that came have the digest {digest.algorithm.value}:{value.hex()}",
            fix="do not use this image; the registry or something on the way has changed it",
        )
