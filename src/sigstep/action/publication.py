"""Where the bundles of a step go: which stores the inputs name, and the storage record of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sigstep.action.inputs import Inputs
from sigstep.action.subjects import image_of
from sigstep.errors import SigstepError, UsageError
from sigstep.flows.registry_store import RegistryStore
from sigstep.model.digest import Algorithm
from sigstep.model.receipt import Receipt
from sigstep.model.subject import Subject
from sigstep.model.verdict import Finding
from sigstep.ports.store import Store
from sigstep.ports.world import World
from sigstep.services.github import GitHub, github_of
from sigstep.stores.github import GitHubStore
from sigstep.stores.release import ReleaseStore
from sigstep.stores.storage_records import StorageRecords

_STORES: Final = ("github", "registry", "release", "none")
_SECONDS: Final = 120.0


def stores_of(inputs: Inputs, subjects: Sequence[Subject], world: World) -> tuple[Store, ...]:
    """The stores besides the bundle file. GitHub by default where it has attestations, as actions/attest does.

    Raises:
        UsageError: ``input-unknown-value``, ``input-publish``, ``input-push``.
    """
    asked = inputs.entries("publish-to")
    if unknown := [one for one in asked if one not in _STORES]:
        raise UsageError(
            code="input-unknown-value",
            what=f"the input publish-to has {unknown[0][:50]!r}",
            why=f"it takes {', '.join(_STORES)}",
            fix="choose some of them, one a line",
        )
    wanted = set(asked) - {"none"} or ({"github"} if not asked and has_attestations(world) else set())
    if inputs.flag("push-to-registry"):
        wanted.add("registry")
    if inputs.text("release-tag"):
        wanted.add("release")
    makers = {"github": _github, "registry": _registry, "release": _release}
    return tuple(make(inputs, subjects, world) for name, make in makers.items() if name in wanted)


def has_attestations(world: World) -> bool:
    """Whether the server is github.com or a tenant of ghe.com; GitHub Enterprise Server has no attestations."""
    host = world.environ.get("GITHUB_SERVER_URL", "").partition("://")[2].strip("/").lower()
    return bool(repository_of(world)) and (host == "github.com" or host.endswith(".ghe.com"))


def repository_of(world: World) -> str:
    """The repository of this run."""
    return world.environ.get("GITHUB_REPOSITORY", "")


def record_of(
    inputs: Inputs, subjects: Sequence[Subject], receipts: Sequence[Receipt], world: World
) -> tuple[tuple[Receipt, ...], tuple[Finding, ...]]:
    """The storage record of an image that was pushed to, and what kept it from being made. It never fails the step."""
    if not any(one.store == "registry" for one in receipts) or inputs.text("create-storage-record").lower() == "false":
        return (), ()
    records = StorageRecords(github=api_of(inputs, world), repository=repository_of(world))
    digest = subjects[0].digest(Algorithm.SHA256)
    assert digest is not None, "only an image with a sha256 is pushed to"
    image = image_of(subjects)
    try:
        if not records.possible(world):
            return (), ()
        made = records.record(image.name, digest, world, registry=image.host, version=inputs.text("subject-version"))
    except SigstepError as error:
        return (), (Finding.of(error, source="storage record"),)
    return (made,), ()


def api_of(inputs: Inputs, world: World) -> GitHub:
    """GitHub's API with the step's token."""
    return github_of(world, token=inputs.text("github-token"), retry_seconds=_SECONDS)


def explained(error: SigstepError, receipts: Sequence[Receipt]) -> Finding:
    """A store that failed, with what was published nevertheless."""
    done = ", ".join(f"{one.store} ({one.location})" for one in receipts)
    finding = Finding.of(error)
    why = f"{finding.why}; published: {done}" if finding.why else f"published: {done}"
    return replace(finding, why=why)


def _github(inputs: Inputs, subjects: Sequence[Subject], world: World) -> Store:  # noqa: ARG001 - one signature
    server = world.environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/")
    return GitHubStore(github=api_of(inputs, world), place=repository_of(world), server=server)


def _registry(inputs: Inputs, subjects: Sequence[Subject], world: World) -> Store:  # noqa: ARG001 - one signature
    return RegistryStore(repository=image_of(subjects))


def _release(inputs: Inputs, subjects: Sequence[Subject], world: World) -> Store:  # noqa: ARG001 - one signature
    tag = inputs.text("release-tag") or (
        world.environ.get("GITHUB_REF_NAME", "") if world.environ.get("GITHUB_REF_TYPE") == "tag" else ""
    )
    if not tag:
        raise UsageError(
            code="input-publish",
            what="a release is to be published to, and none is named",
            why="this run is not about a tag",
            fix="give `release-tag:`",
        )
    return ReleaseStore(
        github=api_of(inputs, world),
        repository=repository_of(world),
        tag=tag,
        replace=inputs.flag("release-replace"),
    )
