"""Protocols of the families that take the outside: token sources and subject sources. Stores: `sigstep.ports.store`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sigstep.model.subject import Subject
from sigstep.model.token import IdentityToken
from sigstep.ports.world import World


class TokenSource(Protocol):
    """One way to get an OIDC token."""

    @property
    def name(self) -> str:
        """The source's name in options and messages."""
        ...

    def obtain(self, audience: str, world: World) -> IdentityToken | None:
        """A fresh token for that audience; None where this source is not available here.

        Raises:
            TokenError: it is available and gave none.
        """
        ...


class SubjectSource(Protocol):
    """One way to name subjects: files, a directory, a checksums file, a digest, an image, a manifest."""

    def resolve(self, world: World) -> Sequence[Subject]:
        """The subjects that were named, without repetitions.

        Raises:
            NothingToExamine: nothing matches.
            SigstepError: something named cannot be read.
        """
        ...
