"""in-toto references v0.1: documents that are attested by their digest instead of by value (predicates/reference)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sigstep.model.digest import Digest
from sigstep.wire.fields import malformed, objects, optional, required

URI: Final = "https://in-toto.io/attestation/reference/v0.1"


def make(*, attester_id: str, name: str, digest: Digest, media_type: str) -> dict[str, Any]:
    """The predicate that refers to one document by an in-toto ResourceDescriptor.

    Args:
        attester_id: URI of who refers to it.
        name: the document's file name.
        digest: of its bytes.
        media_type: what it is.
    """
    return {
        "attester": {"id": attester_id},
        "references": [{"name": name, "digest": {digest.algorithm.value: digest.hex}, "mediaType": media_type}],
    }


class Reference:
    """The kind of references (`sigstep.ports.predicate.PredicateKind`)."""

    name: str = "reference"
    uris: tuple[str, ...] = (URI,)
    aliases: Mapping[str, str] = MappingProxyType({"reference": URI})

    def check(self, uri: str, predicate: Mapping[str, Any]) -> None:  # noqa: ARG002 - the protocol's
        """Refuse a predicate without attester, or with a reference that has no digest.

        Raises:
            FormatError: ``predicate-malformed``.
        """
        required(predicate, "attester.id", str)
        references = objects(predicate, "references")
        if not references:
            raise malformed("references is missing or empty")
        for one in references:
            required(one, "digest", dict)

    def describe(self, uri: str, predicate: Mapping[str, Any]) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's
        """A line for each document."""
        return tuple(
            f"refers to {optional(one, 'name', str) or optional(one, 'uri', str) or 'a document'} "
            f"({optional(one, 'mediaType', str) or 'of an unstated kind'}), "
            + ", ".join(f"{name}:{value}" for name, value in required(one, "digest", dict).items())
            for one in objects(predicate, "references")
        )
