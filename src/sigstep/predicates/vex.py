"""OpenVEX documents (OpenVEX specification 0.2.0): which vulnerabilities do not affect a product."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sigstep.wire.fields import malformed, objects, optional, required, texts

URI: Final = "https://openvex.dev/ns"
_STATUSES: Final = ("not_affected", "affected", "fixed", "under_investigation")


def not_affected(document: Mapping[str, Any]) -> frozenset[str]:
    """Identifiers and aliases that are ``not_affected`` or ``fixed`` in every product the document names.

    Statements follow one another in the order written; a later one about the same vulnerability and products replaces
    the earlier.

    Raises:
        FormatError: ``predicate-malformed``.
    """
    latest: dict[tuple[str, str], bool] = {}
    for statement in objects(document, "statements"):
        harmless = required(statement, "status", str) in ("not_affected", "fixed")
        products = repr(statement.get("products"))
        latest.update({(name, products): harmless for name in _names(statement)})
    affected = {name for (name, _), harmless in latest.items() if not harmless}
    return frozenset(name for name, _ in latest) - affected


class OpenVex:
    """The kind of OpenVEX documents (`sigstep.ports.predicate.PredicateKind`)."""

    name: str = "vex"
    uris: tuple[str, ...] = (URI, f"{URI}/v0.2.0")
    aliases: Mapping[str, str] = MappingProxyType({"openvex": URI, "vex": URI})

    def check(self, uri: str, predicate: Mapping[str, Any]) -> None:  # noqa: ARG002 - the protocol's
        """Refuse a document without its header, or a statement with an unknown status or without a justification.

        Raises:
            FormatError: ``predicate-malformed``.
        """
        for name in ("@context", "@id", "author", "timestamp"):
            required(predicate, name, str)
        required(predicate, "statements", list)
        for statement in objects(predicate, "statements"):
            status = required(statement, "status", str)
            if status not in _STATUSES:
                raise malformed(f"status {status[:40]!r} is not one of {', '.join(_STATUSES)}")
            reasons = (statement.get("justification"), statement.get("impact_statement"))
            if status == "not_affected" and not any(reasons):
                raise malformed("a not_affected statement has neither justification nor impact_statement")
            _names(statement)

    def describe(self, uri: str, predicate: Mapping[str, Any]) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's
        """Author, and a line for each statement."""
        return (
            f"VEX of {optional(predicate, 'author', str)}, {optional(predicate, 'timestamp', str)}",
            *(
                f"{_names(one)[0]}: {one.get('status')} {one.get('justification', '')}".rstrip()
                for one in objects(predicate, "statements")
            ),
        )


def _names(statement: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of a statement's vulnerability: an object since 0.2.0, text before."""
    vulnerability = statement.get("vulnerability")
    if isinstance(vulnerability, str) and vulnerability:
        return (vulnerability,)
    if not isinstance(vulnerability, dict):
        raise malformed("a statement names no vulnerability")
    return (required(vulnerability, "name", str), *texts(vulnerability, "aliases"))
