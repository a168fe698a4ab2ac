"""Tokens that the user hands over: a file, or a variable that is named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sigstep.errors import TokenError
from sigstep.model import limits
from sigstep.model.token import IdentityToken
from sigstep.oidc.claims import read_token
from sigstep.ports.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFile:
    """A file that holds one token; it is read afresh each time."""

    path: Path
    name: str = "file"

    def obtain(self, audience: str, world: World) -> IdentityToken | None:
        """See `TokenSource.obtain`.

        Raises:
            TokenError: ``token-file-unreadable``, and those of `read_token`.
        """
        try:
            with self.path.open("rb") as file:
                data = file.read(limits.TOKEN_BYTES + 1)
        except OSError as error:
            raise TokenError(
                code="token-file-unreadable",
                what=f"the token file {str(self.path)!r} cannot be read",
                why=error.strerror or type(error).__name__,
                fix="check the path and its permissions",
            ) from None
        return read_token(data.decode("ascii", "replace"), audience=audience, world=world)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenVariable:
    """An environment variable that the user names; none is read unasked."""

    variable: str
    name: str = "environment"

    def obtain(self, audience: str, world: World) -> IdentityToken | None:
        """See `TokenSource.obtain`.

        Raises:
            TokenError: ``token-variable-empty``, and those of `read_token`.
        """
        raw = world.environ.get(self.variable)
        if not raw:
            raise TokenError(
                code="token-variable-empty",
                what=f"the variable {self.variable} holds no token",
                why="it is not set, or empty",
                fix="set it to a token with the audience sigstore",
            )
        return read_token(raw, audience=audience, world=world)
