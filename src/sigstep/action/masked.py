"""A token source whose tokens the runner masks before anything else can log them."""

from __future__ import annotations

from dataclasses import dataclass

from actions_toolkit import core

from sigstep.model.token import IdentityToken
from sigstep.ports.families import TokenSource
from sigstep.ports.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """Another source, with ``::add-mask::`` for each token and its signature alone."""

    source: TokenSource

    @property
    def name(self) -> str:
        """See `TokenSource.name`."""
        return self.source.name

    def obtain(self, audience: str, world: World) -> IdentityToken | None:
        """See `TokenSource.obtain`."""
        token = self.source.obtain(audience, world)
        if token is not None:
            for secret in (token.raw, token.raw.rpartition(".")[2]):
                core.issue_command("add-mask", {}, secret)
        return token
