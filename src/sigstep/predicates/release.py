"""in-toto releases: which package and version the subjects are (predicates/release; GitHub's v0.2)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sigstep.wire.fields import malformed, optional, required

V01: Final = "https://in-toto.io/attestation/release/v0.1"
V02: Final = "https://in-toto.io/attestation/release/v0.2"


class Release:
    """The kind of releases (`sigstep.ports.predicate.PredicateKind`)."""

    name: str = "release"
    uris: tuple[str, ...] = (V01, V02)
    aliases: Mapping[str, str] = MappingProxyType({"release": V01})

    def check(self, uri: str, predicate: Mapping[str, Any]) -> None:  # noqa: ARG002 - the protocol's
        """Refuse a release without a package URL that has a version.

        Raises:
            FormatError: ``predicate-malformed``.
        """
        purl = required(predicate, "purl", str)
        if not purl.startswith("pkg:") or "@" not in purl:
            raise malformed("purl is not a package URL with a version")

    def describe(self, uri: str, predicate: Mapping[str, Any]) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's
        """The package."""
        return (f"release of {optional(predicate, 'purl', str)}",)
