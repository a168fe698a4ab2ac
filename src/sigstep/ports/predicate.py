"""The protocol of the predicate family. Pure: predicates reach no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class PredicateKind(Protocol):
    """One kind of predicate: its type URIs, how to check one, and how to tell people what one says."""

    @property
    def name(self) -> str:
        """The kind's name in options and file names, e.g. ``provenance``."""
        ...

    @property
    def uris(self) -> tuple[str, ...]:
        """Type URIs of this kind; the first is the one we write."""
        ...

    @property
    def aliases(self) -> Mapping[str, str]:
        """Names that cosign or gh use, to the URI that each means."""
        ...

    def check(self, uri: str, predicate: Mapping[str, Any]) -> None:
        """Refuse a predicate that is not of this kind.

        Raises:
            FormatError: ``predicate-malformed``.
        """
        ...

    def describe(self, uri: str, predicate: Mapping[str, Any]) -> tuple[str, ...]:
        """What the predicate says, in lines for people (unescaped; renderers escape)."""
        ...
