"""What a registry asks for (RFC 9110 challenges), and a token for credentials (distribution token spec)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

from sigstep.errors import FormatError, ServiceError
from sigstep.oci.credentials import Credential
from sigstep.oci.reference import api_host, is_loopback
from sigstep.ports.world import World
from sigstep.wire import strict_json

_PART: Final = re.compile(r'([A-Za-z0-9_-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)))?')
_TOKEN_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What a 401 asks for: the scheme in lower case, and its parameters."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenge(header: str) -> Challenge | None:
    """What a ``WWW-Authenticate`` header asks for (RFC 9110, 11.6.1): a token where it may be one, else a password.

    Registries that take both say so in several headers, which arrive joined; None: neither is known to us.
    """
    found: dict[str, dict[str, str]] = {}
    parameters: dict[str, str] = {}
    for match in _PART.finditer(header[:8192]):
        name, quoted, bare = match[1].lower(), match[2], match[3]
        if quoted is None and bare is None:
            parameters = found.setdefault(name, {})
        else:
            parameters[name] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
    scheme = next((one for one in ("bearer", "basic") if one in found), None)
    return Challenge(scheme=scheme, parameters=found[scheme]) if scheme else None


def check_realm(realm: str, host: str, *, plain: bool = False) -> None:
    """Refuse a token service that does not belong to the registry: it would get the credentials.

    It has to be https on the registry's host, on a parent domain of it or beside it (``auth.example.com`` for
    ``registry.example.com``); plain http only where both are this machine, or on the registry's own host where that is
    asked without TLS on demand (``plain``).

    Raises:
        ServiceError: ``registry-realm``.
    """
    parts = urlsplit(realm)
    registry = _bare(api_host(host))
    name = parts.hostname or ""
    local = is_loopback(name) and is_loopback(registry)
    if parts.scheme == "http" and (local or (plain and name == registry and not parts.username)):
        return
    if parts.scheme == "https" and not parts.username and (local or name == registry or _related(name, registry)):
        return
    raise ServiceError(
        code="registry-realm",
        what=f"{host} asks to send credentials to another place",
        why=f"its token service is {parts.scheme}://{name}"[:300],
        fix="check the registry's address; sign in with basic authentication if the registry has it",
    )


def fetch_token(
    challenge: Challenge,
    *,
    host: str,
    plain: bool,
    scope: str,
    credential: Credential | None,
    world: World,
    timeout: float,
) -> str:
    """A token for a scope from the service that the challenge names (distribution token spec; OAuth 2).

    Raises:
        ServiceError: ``registry-realm``, ``registry-unauthorized``, ``registry-token``.
    """
    realm = challenge.parameters.get("realm", "")
    if not realm:
        raise _no_token(host, "the registry names no token service", 401)
    check_realm(realm, host, plain=plain)
    asked = {name: challenge.parameters[name] for name in ("service",) if name in challenge.parameters}
    asked["scope"] = scope
    accept = {"Accept": "application/json"}
    headers = dict(accept)
    if credential is not None and credential.identity_token:
        form = {**asked, "grant_type": "refresh_token", "refresh_token": credential.identity_token}
        body = urlencode({**form, "client_id": "sigstep"}).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = world.http.request("POST", realm, at_most=_TOKEN_BYTES, headers=headers, body=body, timeout=timeout)
    else:
        if credential is not None:
            headers["Authorization"] = credential.basic()
        url = _token_url(realm, asked)
        answer = world.http.request("GET", url, at_most=_TOKEN_BYTES, headers=headers, timeout=timeout)
    if answer.status in {401, 403} and credential is not None and scope.endswith(":pull"):
        # what everybody may read is read without the credentials, which may have expired or be for something else
        bare = world.http.request(
            "GET", _token_url(realm, asked), at_most=_TOKEN_BYTES, headers=accept, timeout=timeout
        )
        answer = bare if bare.status == 200 else answer
    if answer.status in {401, 403}:
        raise unauthorized(host, credential, answer.status)
    if answer.status != 200:
        raise _no_token(host, f"the token service answered with status {answer.status}", answer.status)
    return _token(answer.body, host)


def _token_url(realm: str, asked: Mapping[str, str]) -> str:
    return f"{realm}{'&' if '?' in realm else '?'}{urlencode(asked)}"


def unauthorized(host: str, credential: Credential | None, status: int) -> ServiceError:
    """The error for credentials that are missing or not accepted."""
    refused = credential is not None
    return ServiceError(
        code="registry-unauthorized",
        what=f"{host} wants {'other ' if refused else ''}credentials",
        why="those that are configured were not accepted" if refused else "none are configured",
        fix=f"run `docker login {host}`{'; they may have expired' if refused else ''}",
        status=status,
    )


def _token(body: bytes, host: str) -> str:
    try:
        value = strict_json.loads(body, at_most=_TOKEN_BYTES, name="registry token")
    except FormatError as error:
        raise _no_token(host, error.why, 200) from error
    for name in ("token", "access_token"):
        found = value.get(name) if isinstance(value, dict) else None
        if isinstance(found, str) and found and found.isascii() and found.isprintable():
            return found
    raise _no_token(host, "the answer has no token", 200)


def _no_token(host: str, why: str, status: int) -> ServiceError:
    return ServiceError(
        code="registry-token",
        what=f"there is no token for {host}",
        why=why,
        fix="try again later",
        retryable=status >= 500 or status == 429,
        status=status,
    )


def _related(name: str, registry: str) -> bool:
    parent = registry.partition(".")[2]
    return parent.count(".") >= 1 and (name == parent or name.endswith("." + parent))


def _bare(host: str) -> str:
    return urlsplit(f"//{host}").hostname or ""
