"""in-toto links: what a step took, ran and made (in-toto specification 4.4; predicates/link v0.3)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sigstep.wire.fields import malformed, objects, optional, required, texts

LEGACY: Final = "https://in-toto.io/Link/v1"
V03: Final = "https://in-toto.io/attestation/link/v0.3"


class Link:
    """The kind of links (`sigstep.ports.predicate.PredicateKind`)."""

    name: str = "link"
    uris: tuple[str, ...] = (LEGACY, V03)
    aliases: Mapping[str, str] = MappingProxyType({"link": LEGACY})

    def check(self, uri: str, predicate: Mapping[str, Any]) -> None:
        """Refuse a link without a name, or whose command or materials have another shape.

        Raises:
            FormatError: ``predicate-malformed``.
        """
        required(predicate, "name", str)
        if not isinstance(predicate.get("command"), str):
            texts(predicate, "command")
        if uri == V03:
            objects(predicate, "materials")
        elif not all(isinstance(predicate.get(name, {}), (dict, list)) for name in ("materials", "products")):
            raise malformed("materials or products is neither an object nor a list")

    def describe(self, uri: str, predicate: Mapping[str, Any]) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's
        """The step's name, command and counts."""
        command = predicate.get("command")
        shown = command if isinstance(command, str) else " ".join(texts(predicate, "command"))
        return (
            f"step {optional(predicate, 'name', str)}",
            f"ran {shown or 'nothing'}",
            f"{len(predicate.get('materials') or ())} materials, {len(predicate.get('products') or ())} products",
        )
