"""Tokens of other CI systems, by the library ``id``: GitLab CI, Buildkite, CircleCI and Google Cloud."""

from __future__ import annotations

from dataclasses import dataclass

from sigstep.errors import TokenError
from sigstep.model.token import IdentityToken
from sigstep.oidc.claims import read_token
from sigstep.ports.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class AmbientCredential:
    """Whatever ``id`` detects. It reads the process's own environment and speaks to the agent or metadata server."""

    name: str = "ambient"

    def obtain(self, audience: str, world: World) -> IdentityToken | None:
        """See `TokenSource.obtain`.

        Raises:
            TokenError: ``token-request-refused``, and those of `read_token`.
        """
        if world.environ.get("GITHUB_ACTIONS"):
            return None  # our own bounded client speaks there
        import id as ambient

        try:
            raw = ambient.detect_credential(audience)
        except (ambient.IdentityError, OSError, ValueError) as error:
            raise TokenError(
                code="token-request-refused",
                what="the CI system gave no OIDC token",
                why=f"{type(error).__name__}: {str(error)[:300]}",
                fix="check that the job asks for a token with the audience sigstore",
            ) from None
        return None if raw is None else read_token(raw, audience=audience, world=world)
