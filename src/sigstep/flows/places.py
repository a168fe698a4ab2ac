"""Where bundles are looked for and published online: GitHub's attestations API, a registry, a release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sigstep.errors import UsageError
from sigstep.oci.client import Settings
from sigstep.oci.reference import parse_reference
from sigstep.ports.store import Finder, Store
from sigstep.ports.world import World
from sigstep.services.github import check_slug, github_of
from sigstep.stores.github import GitHubStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The places that a user named; an empty one is not asked.

    Attributes:
        github: ``owner/name``, or ``owner`` to ask about all repositories of an owner at once.
        registry: a repository of a registry.
        release: the tag of a release of the repository ``github``.
        token: for GitHub; the environment's by default.
        predicate_type: only attestations of this type are asked for.
        retry_seconds: how long one place is tried.
        settings: how registries are reached.
    """

    github: str = ""
    registry: str = ""
    release: str = ""
    token: str = ""
    predicate_type: str = ""
    retry_seconds: float = 10.0
    settings: Settings = field(default_factory=Settings)


def finders(places: Places, world: World) -> tuple[Finder, ...]:
    """The places, in the order in which they are asked.

    Raises:
        UsageError: ``github-repository``, ``release-repository``, or a malformed image reference.
    """
    found: list[Finder] = []
    github = github_of(world, token=places.token, retry_seconds=places.retry_seconds)
    if places.github:
        check_slug(places.github if "/" in places.github else f"{places.github}/x")
        found.append(GitHubStore(github=github, place=places.github, predicate_type=places.predicate_type))
    if places.registry:
        from sigstep.flows.registry_store import RegistryStore

        found.append(RegistryStore(repository=parse_reference(places.registry), settings=places.settings))
    if places.release:
        if "/" not in places.github:
            raise UsageError(
                code="release-repository",
                what="a release is named without its repository",
                why="every repository can have a release of that tag",
                fix="name the repository: --repo OWNER/NAME",
            )
        from sigstep.stores.release import ReleaseStore

        found.append(ReleaseStore(github=github, repository=places.github, tag=places.release))
    return tuple(found)


def publishers(names: Sequence[str], repository: str, world: World) -> tuple[Store, ...]:
    """Where bundles are published: ``github``, and ``release:TAG``, of a repository ``owner/name``.

    Raises:
        UsageError: ``publish-place``, ``github-repository``.
    """
    from sigstep.stores.release import ReleaseStore

    github = github_of(world)
    found: list[Store] = []
    for name in dict.fromkeys(names):
        kind, _, tag = name.partition(":")
        if (kind, bool(tag)) not in {("github", False), ("release", True)}:
            raise UsageError(
                code="publish-place",
                what=f"{name[:80]!r} is no place to publish to",
                why="known are github and release:TAG",
                fix="choose one; an image's bundles are attached to it without being asked",
            )
        check_slug(repository)
        if kind == "github":
            server = world.environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/")
            found.append(GitHubStore(github=github, place=repository, server=server))
        else:
            found.append(ReleaseStore(github=github, repository=repository, tag=tag))
    return tuple(found)
