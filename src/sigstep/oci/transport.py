"""One request to a registry: the address, the credentials it asks for, trying again, and a code for each status."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import urljoin, urlsplit

from sigstep.errors import ServiceError
from sigstep.oci.auth import Challenge, fetch_token, parse_challenge, unauthorized
from sigstep.oci.credentials import Credential, find_credential
from sigstep.oci.reference import Reference, api_host, is_loopback
from sigstep.ports.http import Response, origin
from sigstep.ports.retry import Budget, retry_after, retrying
from sigstep.ports.world import World

REDIRECTS: Final = 5
_RETRYABLE: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_SECONDS: Final = 60.0
_NO_MIRRORS: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How registries are reached.

    ``plain_http``: hosts that are asked without TLS on demand (this machine always is).
    ``mirrors``: hosts to read from first, by registry. ``retry_seconds``: the budget for trying again.
    """

    plain_http: frozenset[str] = frozenset()
    mirrors: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NO_MIRRORS)
    credential: Credential | None = None
    retry_seconds: float = 60.0


class Transport:
    """Requests of one run: keeps the challenges it met and the tokens it got. Safe for threads."""

    def __init__(self, world: World, settings: Settings) -> None:
        self.world = world
        self.settings = settings
        self._budget = Budget.starting_now(settings.retry_seconds, world)
        self._challenges: dict[str, Challenge] = {}
        self._tokens: dict[tuple[str, str], str] = {}
        self._credentials: dict[str, Credential | None] = {}
        self._lock = threading.Lock()

    def send(
        self,
        method: str,
        image: Reference,
        path: str,
        *,
        at_most: int,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        allowed: tuple[int, ...] = (200,),
        once_only: bool = False,
    ) -> Response:
        """One request below a repository, or to a whole address; other origins than the registry's get no credentials.

        Raises:
            ServiceError: a ``registry-*`` code for a status that is not allowed; ``service-unavailable``.
        """
        url = path if "://" in path else self.url(image, path)
        scope = scope_of(method, image)
        own = origin(url) == origin(self._base(image.host))

        def once() -> Response:
            sent = {**(headers or {}), **(self.authorization(image, scope) if own else {})}
            redirects = REDIRECTS if method in {"GET", "HEAD"} else 0
            return self.world.http.request(
                method, url, at_most=at_most, headers=sent, body=body, timeout=_SECONDS, redirects=redirects
            )

        def action() -> Response:
            response = once()
            if response.status == 401 and own:
                self._answer(response, image, scope)
                response = once()
            if response.status in allowed:
                return response
            if response.status == 401:
                raise unauthorized(image.host, self._credential(image), 401)
            raise failure(image.host, response, urlsplit(url).path, self.world)

        if once_only:
            return action()
        return retrying(action, service=f"the registry {image.host}", budget=self._budget, world=self.world)

    def authorization(self, image: Reference, scope: str) -> dict[str, str]:
        """The headers that a request with this scope carries; a known challenge is answered beforehand."""
        with self._lock:
            found = self._tokens.get((image.host, scope))
            challenge = self._challenges.get(image.host)
        if found is None and challenge is not None:
            found = self._token(challenge, image, scope)
        return {"Authorization": found} if found else {}

    def location(self, response: Response, image: Reference) -> str:
        """Where an upload goes on.

        Raises:
            ServiceError: ``registry-redirect``.
        """
        found = urljoin(f"{self._base(image.host)}/", response.headers.get("location", ""))
        if urlsplit(found).scheme != "https" and origin(found) != origin(self._base(image.host)):
            raise ServiceError(
                code="registry-redirect",
                what=f"{image.host} wants the upload to go to an unsafe address",
                why="it is neither its own nor https",
                fix="check the registry's configuration",
            )
        return found

    def url(self, image: Reference, path: str) -> str:
        """The address of something below a repository."""
        return f"{self._base(image.host)}/v2/{image.repository}/{path}"

    def _answer(self, response: Response, image: Reference, scope: str) -> None:
        challenge = parse_challenge(response.headers.get("www-authenticate", ""))
        if challenge is None:
            raise unauthorized(image.host, self._credential(image), 401)
        with self._lock:
            self._challenges[image.host] = challenge
        self._token(challenge, image, scope)

    def _token(self, challenge: Challenge, image: Reference, scope: str) -> str:
        host, credential = image.host, self._credential(image)
        if challenge.scheme == "basic":
            if credential is None or not credential.username:
                raise unauthorized(host, credential, 401)
            value = credential.basic()
        else:
            value = "Bearer " + fetch_token(
                challenge,
                host=host,
                plain=host in self.settings.plain_http,
                scope=scope,
                credential=credential,
                world=self.world,
                timeout=_SECONDS,
            )
        with self._lock:
            self._tokens[(host, scope)] = value
        return value

    def _credential(self, image: Reference) -> Credential | None:
        if self.settings.credential is not None:
            return self.settings.credential
        if image.name not in self._credentials:
            self._credentials[image.name] = find_credential(image.host, self.world, repository=image.repository)
        return self._credentials[image.name]

    def _base(self, host: str) -> str:
        plain = host in self.settings.plain_http or is_loopback(host)
        return f"{'http' if plain else 'https'}://{api_host(host)}"


def scope_of(method: str, image: Reference) -> str:
    """The scope that a request needs (distribution token spec): ``repository:<name>:pull[,push[,delete]]``."""
    actions = {"GET": "pull", "HEAD": "pull", "DELETE": "pull,push,delete"}.get(method, "pull,push")
    return f"repository:{image.repository}:{actions}"


def failure(host: str, response: Response, path: str, world: World) -> ServiceError:
    """The error for a status that was not expected."""
    status, where = response.status, path[:200]
    what = f"{host} answered with status {status}"
    if status == 404:
        return ServiceError(
            code="registry-not-found", what=what, why=f"{where} is not there", fix="check the image's name", status=404
        )
    if status == 403:
        return ServiceError(
            code="registry-forbidden",
            what=what,
            why=f"the credentials do not reach {where}",
            fix="give the account, or the job's token, the right to this repository",
            status=403,
        )
    if status in _RETRYABLE:
        return ServiceError(
            code="registry-unavailable",
            what=what,
            why=where,
            fix="try again later",
            retryable=True,
            status=status,
            retry_after=retry_after(response, world),
        )
    return ServiceError(
        code="registry-refused", what=what, why=where, fix="the registry does not do this", status=status
    )
