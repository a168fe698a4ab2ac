"""Credentials for registries (Docker's config.json and helpers) and the token exchange (distribution token spec)."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from sigstep.errors import FormatError, ServiceError, SigstepError, UsageError
from sigstep.model import limits
from sigstep.oci.reference import DOCKER_HUB, api_host, is_loopback
from sigstep.ports.world import World
from sigstep.wire import strict_json

_HELPER: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HELPER_SECONDS: Final = 30.0
_HUB_KEYS: Final = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io")
_PARAMETER: Final = re.compile(r'\s*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,|$)')
_TOKEN_BYTES: Final = 256 * 1024
_GITHUB_HOST: Final = "ghcr.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A user's name and secret, or an identity token; its ``repr`` shows neither secret."""

    username: str = ""
    secret: str = ""
    identity_token: str = ""

    def basic(self) -> str:
        """The value of an ``Authorization`` header (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.secret}".encode()).decode()

    def __repr__(self) -> str:
        return f"Credential(username={self.username!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What a 401 asks for: the scheme in lower case, and its parameters."""

    scheme: str
    parameters: Mapping[str, str]


def find_credential(host: str, world: World) -> Credential | None:
    """The credential for a registry, or None: ``credHelpers``, ``credsStore``, ``auths``, then GitHub's token.

    Files in order: ``$REGISTRY_AUTH_FILE``, ``$DOCKER_CONFIG/config.json`` or ``~/.docker/config.json``,
    ``$XDG_RUNTIME_DIR/containers/auth.json``. Hosts match exactly, never by part.

    Raises:
        UsageError: ``registry-config`` when a file is there and cannot be read.
        ServiceError: ``registry-helper`` when a named helper does not answer as it should.
    """
    keys = _HUB_KEYS if host == DOCKER_HUB else (host,)
    for file in _files(world):
        config = _load(file)
        if config is None:
            continue
        found = _from_helpers(config, keys, world) or _from_auths(config, keys, file)
        if found is not None:
            return found
    token = world.environ.get("GITHUB_TOKEN", "")
    if host == _GITHUB_HOST and token:
        return Credential(username=world.environ.get("GITHUB_ACTOR", "") or "x-access-token", secret=token)
    return None


def parse_challenge(header: str) -> Challenge | None:
    """The first challenge of a ``WWW-Authenticate`` header that we can answer (RFC 9110, 11.6.1), or None."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() not in {"bearer", "basic"}:
        return None
    parameters = {}
    for match in _PARAMETER.finditer(rest[:8192]):
        quoted, bare = match.group(2), match.group(3)
        parameters[match.group(1).lower()] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
    return Challenge(scheme=scheme.lower(), parameters=parameters)


def check_realm(realm: str, host: str) -> None:
    """Refuse a token service that does not belong to the registry: it would get the credentials.

    It has to be https on the registry's host, on a parent domain of it or beside it (``auth.example.com`` for
    ``registry.example.com``); plain http only where both are this machine.

    Raises:
        ServiceError: ``registry-realm``.
    """
    parts = urlsplit(realm)
    registry = _bare(api_host(host))
    name = parts.hostname or ""
    local = is_loopback(name) and is_loopback(registry)
    if parts.scheme == "http" and local:
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
    challenge: Challenge, *, host: str, scope: str, credential: Credential | None, world: World, timeout: float
) -> str:
    """A token for a scope from the service that the challenge names (distribution token spec; OAuth 2).

    Raises:
        ServiceError: ``registry-realm``, ``registry-unauthorized``, ``registry-token``.
    """
    realm = challenge.parameters.get("realm", "")
    check_realm(realm, host)
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
    why = "the credentials that are configured were not accepted" if credential else "no credentials are configured"
    return ServiceError(
        code="registry-unauthorized",
        what=f"{host} wants other credentials",
        why=why,
        fix=f"run `docker login {host}`; they may have expired",
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


def _files(world: World) -> list[Path]:
    environ = world.environ
    found = [environ[name] for name in ("REGISTRY_AUTH_FILE",) if environ.get(name)]
    if environ.get("DOCKER_CONFIG"):
        found.append(f"{environ['DOCKER_CONFIG']}/config.json")
    elif environ.get("HOME"):
        found.append(f"{environ['HOME']}/.docker/config.json")
    if environ.get("XDG_RUNTIME_DIR"):
        found.append(f"{environ['XDG_RUNTIME_DIR']}/containers/auth.json")
    return [Path(one) for one in found]


def _load(file: Path) -> dict[str, Any] | None:
    try:
        with file.open("rb") as handle:
            data = handle.read(limits.REGISTRY_CONFIG_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _config(file, error.strerror or "it cannot be read") from error
    try:
        value = strict_json.loads(data, at_most=limits.REGISTRY_CONFIG_BYTES, name="registry configuration")
    except FormatError as error:
        raise _config(file, error.why) from error
    if not isinstance(value, dict):
        raise _config(file, "it is no object")
    return value


def _from_helpers(config: dict[str, Any], keys: tuple[str, ...], world: World) -> Credential | None:
    helpers = config.get("credHelpers")
    named = [(key, helpers[key]) for key in keys if key in helpers] if isinstance(helpers, dict) else []
    if not named and config.get("credsStore"):
        named = [(keys[0], config["credsStore"])]
    for key, helper in named:
        if not isinstance(helper, str) or not _HELPER.fullmatch(helper):
            raise _helper(str(helper)[:64], "its name is not acceptable")
        found = _ask(helper, key, world)
        if found is not None:
            return found
    return None


def _ask(helper: str, key: str, world: World) -> Credential | None:
    program = world.process.which(f"docker-credential-{helper}")
    if program is None:
        raise _helper(helper, "the program is not on PATH")
    done = world.process.run([program, "get"], timeout=_HELPER_SECONDS, stdin=key.encode())
    if done.status != 0:
        if b"not found" in done.stdout.lower():
            return None
        raise _helper(helper, f"it ended with status {done.status}")
    try:
        value = strict_json.loads(done.stdout, at_most=_TOKEN_BYTES, name="credential")
    except SigstepError as error:
        raise _helper(helper, "its answer is not JSON") from error
    user, secret = (value.get("Username"), value.get("Secret")) if isinstance(value, dict) else (None, None)
    if not isinstance(user, str) or not isinstance(secret, str):
        raise _helper(helper, "its answer has no Username or Secret")
    if user == "<token>":
        return Credential(identity_token=secret)
    return Credential(username=user, secret=secret) if user or secret else None


def _from_auths(config: dict[str, Any], keys: tuple[str, ...], file: Path) -> Credential | None:
    auths = config.get("auths")
    if not isinstance(auths, dict):
        return None
    by_host = {_host_of(name): entry for name, entry in auths.items()}
    for key in keys:
        entry = by_host.get(_host_of(key))
        if not isinstance(entry, dict):
            continue
        token = entry.get("identitytoken")
        if isinstance(token, str) and token:
            return Credential(identity_token=token)
        if isinstance(entry.get("auth"), str) and entry["auth"]:
            return _pair(entry["auth"], file)
        user, secret = entry.get("username"), entry.get("password")
        if isinstance(user, str) and isinstance(secret, str) and user:
            return Credential(username=user, secret=secret)
    return None


def _pair(text: str, file: Path) -> Credential:
    try:
        user, colon, secret = base64.b64decode(text, validate=True).decode().rstrip("\0").partition(":")
    except ValueError:
        raise _config(file, "an auth member is not base64") from None
    if not colon:
        raise _config(file, "an auth member has no colon")
    return Credential(username=user, secret=secret)


def _host_of(key: str) -> str:
    without = key.partition("://")[2] if "://" in key else key
    return without.partition("/")[0].lower()


def _config(file: Path, why: str) -> UsageError:
    return UsageError(
        code="registry-config",
        what=f"the registry configuration {file} cannot be used",
        why=why,
        fix="run `docker login` again, or set DOCKER_CONFIG to another folder",
    )


def _helper(name: str, why: str) -> ServiceError:
    return ServiceError(
        code="registry-helper",
        what=f"the credential helper {name!r} gave nothing",
        why=why,
        fix="install it, or take it out of Docker's config.json",
    )
