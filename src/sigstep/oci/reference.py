"""Image references: ``[host[:port]/]repository[:tag][@digest]`` (OCI distribution-spec; Docker's defaults)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import Final

from sigstep.errors import FormatError, UsageError
from sigstep.model.digest import Digest

DOCKER_HUB: Final = "docker.io"
_HUB_ALIASES: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?")
_LONGEST: Final = 255
_LAST_PORT: Final = 65535
_BARE_ID: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An image: ``host`` (with its port), ``repository``, and a tag, a digest or both; the digest decides."""

    host: str
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    @property
    def name(self) -> str:
        """Host and repository, the name that goes into statements."""
        return f"{self.host}/{self.repository}"

    @property
    def selector(self) -> str:
        """What a registry is asked for: the digest where there is one, else the tag."""
        return str(self.digest) if self.digest is not None else self.tag or "latest"

    def at(self, digest: Digest) -> Reference:
        """The same repository, pinned to a digest."""
        return replace(self, tag=None, digest=digest)

    def tagged(self, tag: str) -> Reference:
        """Another tag of the same repository."""
        return replace(self, tag=tag, digest=None)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}@{self.digest}" if self.digest is not None else f"{self.name}{tag}"


def parse_reference(text: str) -> Reference:
    """A reference; without a host it is on Docker Hub, without a tag and digest it is ``latest``.

    Raises:
        UsageError: ``image-reference``.
    """
    if "://" in text:
        raise _error(text, "an image's name begins with its host, without a scheme")
    rest, at, digits = text.partition("@")
    digest = _digest(text, digits) if at else None
    host, rest = _split_host(rest)
    repository, colon, tag = rest.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise _error(text, f"{tag[:140]!r} is not a tag")
    port = host.rpartition(":")[2]
    if not _HOST.fullmatch(host) or (port.isdecimal() and int(port) > _LAST_PORT):
        raise _error(text, f"{host[:140]!r} is not a host")
    if host.lower() in _HUB_ALIASES:
        host = DOCKER_HUB
        if _BARE_ID.fullmatch(repository):
            raise _error(text, "64 hexadecimal digits are an image's id, not its name")
        repository = repository if "/" in repository else f"library/{repository}"
    if not _REPOSITORY.fullmatch(repository) or len(host) + 1 + len(repository) > _LONGEST:
        raise _error(text, f"{repository[:140]!r} is not a repository's name; it is lower case")
    if not colon and digest is None:
        tag = "latest"
    return Reference(host=host.lower(), repository=repository, tag=tag or None, digest=digest)


def looks_like_image(text: str) -> bool:
    """Whether a text means an image rather than a file: it names a host, or a digest after ``@``."""
    name, at, _ = text.partition("@")
    first, slash, _ = name.partition("/")
    return bool(at and name) or bool(slash and first not in {".", "..", ""} and _split_host(name)[0] == first)


def api_host(host: str) -> str:
    """The host that serves a registry's API."""
    return "registry-1.docker.io" if host == DOCKER_HUB else host


def is_loopback(host: str) -> bool:
    """Whether a host (with or without a port) is this machine."""
    bare = host.rsplit(":", 1)[0] if not host.endswith("]") and host.count(":") != 0 else host
    bare = bare.strip("[]")
    if bare == "localhost":
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def _split_host(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        return first, rest
    return DOCKER_HUB, text


def _digest(text: str, digits: str) -> Digest:
    try:
        digest = Digest.parse(digits)
    except FormatError as error:
        raise _error(text, f"{error.what}: {error.why}" if error.why else error.what) from error
    if str(digest) != digits:
        raise _error(text, "a digest is written in lower case")
    return digest


def _error(text: str, why: str) -> UsageError:
    return UsageError(
        code="image-reference",
        what=f"{text[:300]!r} does not name an image",
        why=why,
        fix="write it as host/repository@sha256:<64 hexadecimal digits>",
    )
