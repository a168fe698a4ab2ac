"""OIDC tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityToken:
    """An OIDC identity token: what we present to Fulcio. Its ``repr`` never shows the token.

    ``claims`` are decoded, not verified, unless ``verified`` says so.
    """

    raw: str = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    verified: bool = False

    def __repr__(self) -> str:
        return f"IdentityToken(iss={self.claims.get('iss')!r}, aud={self.claims.get('aud')!r})"

    __str__ = __repr__

    @property
    def issuer(self) -> str:
        """The ``iss`` claim."""
        return str(self.claims.get("iss", ""))
