"""Tokens of other CI systems, by the library ``id``: GitLab CI, Buildkite, CircleCI and Google Cloud."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Final

from sigstep.errors import TokenError
from sigstep.model.token import IdentityToken
from sigstep.oidc.claims import read_token
from sigstep.ports.world import World

_AGENTS: Final = {"BUILDKITE": "buildkite-agent", "CIRCLECI": "circleci"}
_TOKEN: Final = re.compile(r"eyJ[\w-]{4,}(\.[\w-]*){0,2}")  # also cut off: ``id`` passes on what an agent says
_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AmbientCredential:
    """Whatever ``id`` detects. It reads the process's own environment and speaks to the agent or metadata server.

    ``seconds``: how long that may take; ``id`` itself waits for an agent without end.
    """

    name: str = "ambient"
    seconds: float = _SECONDS

    def obtain(self, audience: str, world: World) -> IdentityToken | None:
        """See `TokenSource.obtain`.

        Raises:
            TokenError: ``token-request-refused``, and those of `read_token`.
        """
        if world.environ.get("GITHUB_ACTIONS"):
            return None  # our own bounded client speaks there
        if _has_none(audience, world):
            return None  # `sigstep.oidc.missing` says what to paste
        raw = self._detect(audience)
        return None if raw is None else read_token(raw, audience=audience, world=world)

    def _detect(self, audience: str) -> str | None:
        import id as ambient

        found: list[str | None] = []
        failed: list[Exception] = []

        def detect() -> None:
            try:
                found.append(ambient.detect_credential(audience))
            except (ambient.IdentityError, OSError, ValueError) as error:
                failed.append(error)

        asking = threading.Thread(target=detect, daemon=True)
        asking.start()
        asking.join(self.seconds)
        if failed:
            raise _refused(f"{type(failed[0]).__name__}: {_TOKEN.sub('[token]', str(failed[0]))[:300]}")
        if not found:
            raise _refused(f"there was no answer within {self.seconds:g} s")
        return found[0]


def _has_none(audience: str, world: World) -> bool:
    """Whether this is a job that was not given what a token needs."""
    environ = world.environ
    variable = re.sub(r"[^A-Z0-9]", "_", audience.upper()) + "_ID_TOKEN"
    if environ.get("GITLAB_CI") and not environ.get(variable):
        return True
    return any(environ.get(name) and world.process.which(program) is None for name, program in _AGENTS.items())


def _refused(why: str) -> TokenError:
    return TokenError(
        code="token-request-refused",
        what="the CI system gave no OIDC token",
        why=why,
        fix="check that the job asks for a token with the audience sigstore",
    )
