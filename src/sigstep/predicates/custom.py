"""Cosign's custom predicate: any bytes with a time (COSIGN_PREDICATE_SPEC)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any, Final

from sigstep.wire.fields import malformed, optional, required

URI: Final = "https://cosign.sigstore.dev/attestation/v1"


def make(data: bytes, *, time: datetime) -> dict[str, Any]:
    """The predicate around any text.

    Args:
        data: the file, UTF-8.
        time: when it was attested (aware).

    Raises:
        FormatError: ``predicate-malformed`` for bytes that are not UTF-8.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise malformed("the file is not UTF-8") from None
    return {"Data": text, "Timestamp": time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")}


class Custom:
    """The kind of custom predicates (`sigstep.ports.predicate.PredicateKind`)."""

    name: str = "custom"
    uris: tuple[str, ...] = (URI,)
    aliases: Mapping[str, str] = MappingProxyType({"custom": URI})

    def check(self, uri: str, predicate: Mapping[str, Any]) -> None:  # noqa: ARG002 - the protocol's
        """Refuse a predicate without data or time.

        Raises:
            FormatError: ``predicate-malformed``.
        """
        if "Data" not in predicate:
            raise malformed("Data is missing")
        required(predicate, "Timestamp", str)

    def describe(self, uri: str, predicate: Mapping[str, Any]) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's
        """The time and the first line."""
        first = str(predicate.get("Data", "")).partition("\n")[0][:120]
        return (f"custom claim of {optional(predicate, 'Timestamp', str)}", first)
