"""Digests: an algorithm and the right number of bytes."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass

from sigstep.errors import FormatError


class Algorithm(enum.Enum):
    """Digest algorithms strong enough to identify an artifact; the value is in-toto's and OCI's name."""

    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"

    @property
    def size(self) -> int:
        """Length of a digest in bytes."""
        return {"sha256": 32, "sha384": 48, "sha512": 64}[self.value]

    def new(self) -> hashlib._Hash:
        """A fresh hash object."""
        return hashlib.new(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A digest of an artifact: ``algorithm`` and ``value`` (exactly ``algorithm.size`` bytes)."""

    algorithm: Algorithm
    value: bytes

    def __post_init__(self) -> None:
        if len(self.value) != self.algorithm.size:
            raise FormatError(
                code="digest-malformed",
                what=f"a {self.algorithm.value} digest has {self.algorithm.size} bytes",
                why=f"this one has {len(self.value)}",
                fix="give the whole digest in hexadecimal",
            )

    @property
    def hex(self) -> str:
        """The value in lower-case hexadecimal."""
        return self.value.hex()

    def __str__(self) -> str:
        return f"{self.algorithm.value}:{self.hex}"

    @classmethod
    def of(cls, data: bytes, algorithm: Algorithm = Algorithm.SHA256) -> Digest:
        """The digest of ``data``."""
        return cls(algorithm=algorithm, value=hashlib.new(algorithm.value, data).digest())

    @classmethod
    def parse(cls, text: str) -> Digest:
        """A digest written ``algorithm:hex`` (OCI image-spec, descriptor digests; upper-case hex is read too).

        Raises:
            FormatError: ``digest-malformed``, ``digest-algorithm-unsupported``.
        """
        name, colon, digits = text.partition(":")
        if not colon:
            raise FormatError(
                code="digest-malformed",
                what=f"{text!r} is not a digest",
                fix="write it as sha256:<64 hexadecimal digits>",
            )
        try:
            algorithm = Algorithm(name.lower())
        except ValueError:
            raise FormatError(
                code="digest-algorithm-unsupported",
                what=f"digests of the algorithm {name!r} are not accepted",
                why="only sha256, sha384 and sha512 identify an artifact",
                fix="give a sha256 digest",
            ) from None
        if not digits.isascii() or not digits.isalnum():
            raise FormatError(
                code="digest-malformed",
                what=f"{text!r} is not hexadecimal",
                fix="give the digest in hexadecimal",
            )
        try:
            value = bytes.fromhex(digits)
        except ValueError:
            raise FormatError(
                code="digest-malformed",
                what=f"{text!r} is not hexadecimal",
                fix="give the digest in hexadecimal",
            ) from None
        return cls(algorithm=algorithm, value=value)
