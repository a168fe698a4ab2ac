"""GitHub Actions: a token from the runner's own endpoint (GitHub documentation, OpenID Connect reference)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sigstep.errors import FormatError, ServiceError, TokenError
from sigstep.model import limits
from sigstep.model.token import IdentityToken
from sigstep.oidc.claims import read_token
from sigstep.ports.retry import Budget, retrying
from sigstep.ports.world import World
from sigstep.wire import strict_json


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubActions:
    """The token endpoint of a GitHub Actions job. Trying again ends after ``retry_seconds``."""

    retry_seconds: float = 120.0
    name: str = "github"

    def obtain(self, audience: str, world: World) -> IdentityToken | None:
        """See `TokenSource.obtain`.

        Raises:
            TokenError: ``token-request-refused``, and those of `read_token`.
            ServiceError: the endpoint does not answer.
        """
        address = world.environ.get("ACTIONS_ID_TOKEN_REQUEST_URL")
        bearer = world.environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
        if not address or not bearer:
            return None
        budget = Budget.starting_now(self.retry_seconds, world)
        url = _with_audience(address, audience)
        service = "the runner's OIDC token endpoint"
        raw = retrying(lambda: _request(url, bearer, world), service=service, budget=budget, world=world)
        return read_token(raw, audience=audience, world=world)


def _request(url: str, bearer: str, world: World) -> str:
    headers = {"Authorization": f"Bearer {bearer}", "Accept": "application/json; api-version=2.0"}
    answer = world.http.request("GET", url, at_most=limits.TOKEN_BYTES, headers=headers)
    if answer.status >= 500 or answer.status in (408, 429):
        raise ServiceError(
            code="service-failed",
            what=f"the runner's OIDC token endpoint answered with status {answer.status}",
            fix="try again later",
            retryable=True,
            status=answer.status,
        )
    if answer.status != 200:
        raise _refused(f"it answered with status {answer.status}")
    try:
        value = strict_json.loads(answer.body, at_most=limits.TOKEN_BYTES, name="answer of the token endpoint")
    except FormatError:
        raise _refused("its answer is not JSON") from None
    token = value.get("value") if isinstance(value, dict) else None
    if not isinstance(token, str) or not token:
        raise _refused("its answer holds no token")
    return token


def _with_audience(address: str, audience: str) -> str:
    """The address has a query already; ``audience`` is one more parameter of it."""
    parts = urlsplit(address)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "audience"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("audience", audience)])))


def _refused(why: str) -> TokenError:
    return TokenError(
        code="token-request-refused",
        what="the runner's OIDC token endpoint gave no token",
        why=why,
        fix="give the job `permissions: id-token: write`; if it has it, see GitHub's status page",
    )
