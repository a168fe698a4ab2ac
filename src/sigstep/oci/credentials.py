"""Credentials for registries: Docker's config.json with its helpers, Podman's auth.json, and GitHub's token."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sigstep.errors import FormatError, ServiceError, SigstepError, UsageError
from sigstep.model import limits
from sigstep.oci.reference import DOCKER_HUB
from sigstep.ports.world import World
from sigstep.wire import strict_json

_HELPER: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HELPER_SECONDS: Final = 30.0
_HUB_KEYS: Final = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io")
_ANSWER_BYTES: Final = 256 * 1024
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


def find_credential(host: str, world: World, *, repository: str = "") -> Credential | None:
    """The credential for a repository, or None: ``credHelpers``, ``credsStore``, ``auths``, then GitHub's token.

    Files in order: ``$REGISTRY_AUTH_FILE``, ``$DOCKER_CONFIG/config.json`` or ``~/.docker/config.json``,
    ``$XDG_RUNTIME_DIR/containers/auth.json``. Hosts match exactly, never by part; ``auths`` of a namespace or
    repository go before those of its host, and to no other (containers-auth.json(5)).

    Raises:
        UsageError: ``registry-config`` when a file is there and cannot be read.
        ServiceError: ``registry-helper`` when a named helper does not answer as it should.
    """
    keys = _HUB_KEYS if host == DOCKER_HUB else (host,)
    for file in _files(world):
        config = _load(file)
        if config is None:
            continue
        found = _from_helpers(config, keys, world) or _from_auths(config, keys, repository, file)
        if found is not None:
            return found
    token = world.environ.get("GITHUB_TOKEN", "")
    if host == _GITHUB_HOST and token:
        return Credential(username=world.environ.get("GITHUB_ACTOR", "") or "x-access-token", secret=token)
    return None


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
        value = strict_json.loads(done.stdout, at_most=_ANSWER_BYTES, name="credential")
    except SigstepError as error:
        raise _helper(helper, "its answer is not JSON") from error
    user, secret = (value.get("Username"), value.get("Secret")) if isinstance(value, dict) else (None, None)
    if not isinstance(user, str) or not isinstance(secret, str):
        raise _helper(helper, "its answer has no Username or Secret")
    if user == "<token>":
        return Credential(identity_token=secret)
    return Credential(username=user, secret=secret) if user or secret else None


def _from_auths(config: dict[str, Any], keys: tuple[str, ...], repository: str, file: Path) -> Credential | None:
    auths = config.get("auths")
    if not isinstance(auths, dict):
        return None
    by_place = {_place_of(name): entry for name, entry in auths.items()}
    hosts, parts = [_place_of(key) for key in keys], repository.split("/")
    inner = ["/".join((host, *parts[:count])) for count in range(len(parts), 0, -1) for host in hosts]
    for place in (*inner, *hosts):
        entry = by_place.get(place)
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


def _place_of(key: str) -> str:
    """A key as a host, from an address too, or a host and namespace."""
    _, scheme, rest = key.lower().rpartition("://")
    return rest.partition("/")[0] if scheme else rest.rstrip("/")


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
