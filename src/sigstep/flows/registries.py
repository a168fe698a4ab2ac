"""Which registries are in use: by option, package-manager configuration of the base commit, environment, or asking."""

from __future__ import annotations

import base64
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from sigstep.errors import FormatError, ServiceError, UsageError
from sigstep.flows.lockfiles import Git
from sigstep.flows.redirects import read_redirects
from sigstep.model import limits
from sigstep.model.dependency import Locked
from sigstep.ports.world import World
from sigstep.services.github import github_of
from sigstep.services.registry import origin_of, same_origin

_ENVIRONMENT: Final = {
    "npm": ("NPM_CONFIG_REGISTRY", "npm_config_registry", "YARN_NPM_REGISTRY_SERVER"),
    "pypi": ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"),
    "maven": ("MAVEN_REPOSITORY",),
}
_CONFIGURATION: Final = (".npmrc", ".yarnrc.yml", "bunfig.toml", "uv.toml", "pyproject.toml", "pip.conf")
_SECONDS: Final = 20.0
_TOKEN: Final = re.compile(r"\s*//(?P<host>[^/\s]+)/(?:[^\s=]*/)?:_authToken\s*=\s*[\"']?(?P<token>[^\s\"']+)")
_KNOWN_NOTARY: Final = re.compile(r'"(?P<name>[a-z0-9.-]+)":\s*"(?P<key>[^"\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Registries:
    """Addresses by ecosystem (and npm scope, ``npm @scope``).

    ``logins`` are user names and passwords that stood in addresses, by origin; ``forge`` is GitHub's API; ``notary``
    is the verifier key of Go's checksum database. ``asks_runs``: GitHub's API may be asked about every publisher's run:
    it was named, or there is a token for it; without one it answers 60 times an hour.
    """

    by_name: Mapping[str, str]
    logins: Mapping[str, str] = field(default_factory=dict)
    forge: str = ""
    notary: str = ""
    asks_runs: bool = False

    @property
    def addresses(self) -> frozenset[str]:
        """Every address."""
        return frozenset(self.by_name.values())

    def fill(self, locked: Sequence[Locked]) -> tuple[Locked, ...]:
        """The locked versions, with the configured registry where the lockfile states none."""
        return tuple(self._filled(one) for one in locked)

    def _filled(self, locked: Locked) -> Locked:
        if locked.source or locked.registry:
            return locked
        scope = locked.name.partition("/")[0]
        address = self.by_name.get(f"{locked.ecosystem} {scope}") or self.by_name.get(locked.ecosystem, "")
        return replace(locked, registry=address) if address else locked


def registries_of(
    git: Git, commit: str, options: Mapping[str, str], locked: Sequence[Locked], world: World
) -> Registries:
    """The registries in use.

    Args:
        git: the repository.
        commit: whose configuration files count.
        options: what the user said, by ecosystem; it wins.
        locked: what is locked: only ecosystems in it are looked for beyond files and environment.
        world: environment and child processes.

    Raises:
        UsageError: ``git-failed``.
    """
    found: dict[str, str] = {}
    files = git.files(commit)
    paths = [one for one in _CONFIGURATION if one in files and files[one][1] <= limits.POLICY_BYTES]
    for path, data in zip(paths, git.read([files[one][0] for one in paths]), strict=True):
        for name, address in _configured(path, data):
            found.setdefault(name, address)
    for ecosystem, names in _ENVIRONMENT.items():
        for variable in names:
            if world.environ.get(variable):
                found.setdefault(ecosystem, world.environ[variable].split(" ")[0])
    found = {name: address for name, address in {**found, **options}.items() if address}
    missing = {one.ecosystem for one in locked if not one.source and not one.registry} - found.keys()
    found |= {name: address for name in sorted(missing & {"npm", "pypi"}) if (address := _asked(name, world))}
    for one in locked:  # another lockfile of the repository may say it
        if one.registry and one.ecosystem in missing and one.ecosystem not in {"npm", "pypi", "oci"}:
            found.setdefault(one.ecosystem, one.registry)
    notary = _notary(world) if any(one.ecosystem == "golang" for one in locked) else ""
    if notary:
        found.setdefault("golang", f"https://{notary.partition('+')[0]}")  # the database's name is its address
    split = {name: _split(address) for name, address in found.items()}
    return Registries(
        by_name={name: address for name, (address, _) in split.items()},
        logins={origin_of(address): login for address, login in split.values() if login},
        forge=split.get("github", (github_of(world).api, ""))[0].rstrip("/"),
        notary=notary,
        asks_runs="github" in split or bool(world.environ.get("GITHUB_API_URL") or github_of(world).token),
    )


def authorizations(registries: Registries, variables: Mapping[str, str], world: World) -> dict[str, str]:
    """The ``Authorization`` header for each origin that has a credential; it is sent to no other.

    Args:
        registries: addresses that may carry a user name and password.
        variables: host to the name of an environment variable with its token.

    Raises:
        UsageError: ``registry-credential``: the variable is not set.
    """
    found: dict[str, str] = {}
    path = world.environ.get("NPM_CONFIG_USERCONFIG") or f"{world.environ.get('HOME', '')}/.npmrc"
    for match in filter(None, map(_TOKEN.match, _lines(Path(path)))):
        token = re.sub(r"\$\{(\w+)\}", lambda name: world.environ.get(name[1], ""), match["token"])
        if token:
            found[f"https://{match['host'].lower()}"] = f"Bearer {token}"
    for origin, login in registries.logins.items():
        found[origin] = f"Basic {base64.b64encode(login.encode()).decode()}"
    github = github_of(world)
    if github.token and same_origin(github.api, registries.forge):
        found[origin_of(registries.forge)] = f"Bearer {github.token}"
    for host, variable in variables.items():
        token = world.environ.get(variable, "")
        if not token:
            raise UsageError(
                code="registry-credential",
                what=f"the environment has no {variable[:80]}",
                why=f"it is said to hold the token for {host[:100]}",
                fix="set it, or leave --credential out",
            )
        found[host if "://" in host else f"https://{host.lower()}"] = f"Bearer {token}"
    return found


def _configured(path: str, data: bytes) -> Iterable[tuple[str, str]]:
    """Pairs of ecosystem (with a scope) and address in one configuration file; one that cannot be read has none."""
    try:
        found = read_redirects(data, path)
    except FormatError:
        return
    for one in found:
        known = one.setting in {"npm", "pypi"} or one.setting.startswith("npm @")
        if known and one.to.startswith(("https://", "http://")):
            yield one.setting, one.to


def _asked(ecosystem: str, world: World) -> str:
    """What the package manager says; it is asked outside the repository, whose own settings may be the change."""
    with tempfile.TemporaryDirectory(prefix="sigstep-") as empty:
        command = {
            "npm": ["npm", "--prefix", empty, "config", "get", "registry"],
            "pypi": ["pip", "config", "get", "global.index-url"],
        }[ecosystem]
        said = _run(command, world)
    return said if said.startswith(("https://", "http://")) else ""


def _notary(world: World) -> str:
    """The verifier key of the checksum database: of ``GOSUMDB``, or the one that the installed Go knows."""
    name = world.environ.get("GOSUMDB", "").split(" ")[0] or _run(["go", "env", "GOSUMDB"], world)
    if "+" in name or not name or name == "off":
        return "" if name == "off" else name
    root = _run(["go", "env", "GOROOT"], world)
    text = "\n".join(_lines(Path(root, "src", "cmd", "go", "internal", "modfetch", "key.go"))) if root else ""
    return next((match["key"] for match in _KNOWN_NOTARY.finditer(text) if match["name"] == name), "")


def _run(command: Sequence[str], world: World) -> str:
    program = world.process.which(command[0])
    if program is None:
        return ""
    try:
        done = world.process.run([program, *command[1:]], timeout=_SECONDS)
    except ServiceError:
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.status == 0 else ""


def _split(address: str) -> tuple[str, str]:
    """An address without user name and password, and these."""
    parts = urlsplit(address)
    login, at, host = parts.netloc.rpartition("@")
    plain = urlunsplit((parts.scheme, host, parts.path, parts.query, "")).rstrip("/")
    return plain, unquote(login) if at else ""


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "replace")[: limits.POLICY_BYTES].splitlines()
    except OSError:
        return []
