"""in-toto SCAI attribute reports (attestation spec, predicates/scai v0.3; v0.2 is read)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sigstep.wire.fields import malformed, objects, optional, required

URI: Final = "https://in-toto.io/attestation/scai/v0.3"


class Scai:
    """The kind of SCAI attribute reports (`sigstep.ports.predicate.PredicateKind`)."""

    name: str = "scai"
    uris: tuple[str, ...] = (URI, "https://in-toto.io/attestation/scai/attribute-report/v0.2")
    aliases: Mapping[str, str] = MappingProxyType({"scai": URI})

    def check(self, uri: str, predicate: Mapping[str, Any]) -> None:  # noqa: ARG002 - the protocol's
        """Refuse a report without an attribute.

        Raises:
            FormatError: ``predicate-malformed``.
        """
        attributes = objects(predicate, "attributes")
        if not attributes:
            raise malformed("attributes is missing or empty")
        for attribute in attributes:
            required(attribute, "attribute", str)

    def describe(self, uri: str, predicate: Mapping[str, Any]) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's
        """A line for each attribute."""
        return tuple(
            f"attribute {one.get('attribute')}"
            + (
                f" of {target}"
                if (target := optional(one, "target.name", str) or optional(one, "target.uri", str))
                else ""
            )
            for one in objects(predicate, "attributes")
        )
