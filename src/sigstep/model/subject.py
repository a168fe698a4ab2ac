"""What is signed or examined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sigstep.model.digest import Algorithm, Digest

_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One artifact, resolved: its name and its digests, computed by us or given by the caller.

    Attributes:
        name: the name that goes into a statement (a base name, a relative path, an image repository); may be empty.
        digests: at least one, at most one per algorithm.
        location: where it was found, for people: a path, an image reference with digest, or the digest itself.
        annotations: annotations of the in-toto ResourceDescriptor.
        commit: the Git object (SHA-1, 40 hexadecimal digits) where the artifact is a commit or tag; it has no digests.
    """

    name: str
    digests: tuple[Digest, ...]
    location: str = ""
    annotations: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    commit: str = ""

    def digest(self, algorithm: Algorithm = Algorithm.SHA256) -> Digest | None:
        """The digest of that algorithm, or None when it was not computed."""
        return next((digest for digest in self.digests if digest.algorithm is algorithm), None)
