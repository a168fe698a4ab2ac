"""Verify changed dependencies: lockfiles of two commits, the change set, evidence on both sides, judgement."""

from __future__ import annotations

import fnmatch
import importlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from sigstep.ecosystems import ECOSYSTEMS
from sigstep.ecosystems.readers import READERS
from sigstep.errors import FormatError, Refusal, ServiceError, UsageError
from sigstep.model import limits
from sigstep.model.dependency import (
    Change,
    DependencyReport,
    DependencyResult,
    EvidenceState,
    Judged,
    Level,
    Locked,
    PackageEvidence,
)
from sigstep.model.trust import TrustedKey, TrustMaterial
from sigstep.policy.changes import pair
from sigstep.policy.dependencies import DependencyPolicy, Profile, judge
from sigstep.ports.world import World
from sigstep.proofs.prepared import PreparedTrust, prepare

CONNECTIONS: Final = 8
_GIT_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyRequest:
    """What to compare, by which policy, against which trust.

    Attributes:
        repository: a folder of a Git work tree.
        base: the commit to compare with; empty for everything that is locked at ``head``.
        head: the commit to examine.
        policy: profile, publishers and acceptances.
        trust: roots of the certificates.
        registry_keys: keys with which registries sign; none: their signatures are not judged.
        registries: ecosystem to the base address of its registry, for lockfiles that state none.
    """

    repository: Path
    base: str
    head: str = "HEAD"
    policy: DependencyPolicy
    trust: TrustMaterial
    registry_keys: tuple[TrustedKey, ...] = ()
    registries: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    request: DependencyRequest
    world: World
    allowed: frozenset[str]
    trust: PreparedTrust
    keys: PreparedTrust


def examine_dependencies(request: DependencyRequest, world: World) -> DependencyReport:
    """Judge every locked version of ``head`` that ``base`` does not lock so.

    A registry that only ``head`` names is never asked: its address comes from the change that is examined.

    Raises:
        UsageError: ``git-failed``: not a work tree, or an unknown commit.
        FormatError: a lockfile of ``head`` cannot be read; ``dependency-changes``: more changed than one run examines.
    """
    head = _lockfiles(request, request.head, world)
    base = _lockfiles(request, request.base, world) if request.base else {}
    locked, before = _read(head), _read(base)
    changes = pair(before, locked)
    if len(changes) > limits.DEPENDENCY_CHANGES:
        raise FormatError(
            code="dependency-changes",
            what=f"{len(changes)} dependencies changed at once",
            why=f"at most {limits.DEPENDENCY_CHANGES} are examined in one run, and none is passed over",
            fix="split the change, or name fewer lockfiles",
        )
    asking = _asking(request, world, before if request.base else locked)
    with ThreadPoolExecutor(max_workers=CONNECTIONS) as pool:
        results = tuple(pool.map(lambda change: _result(change, asking), changes))
    level = Level.WARN if request.policy.profile is Profile.RECOMMENDED else Level.FAIL
    level = Level.NOTE if request.policy.profile is Profile.REPORT else level
    gone = sorted(base.keys() - head.keys())
    return DependencyReport(
        base=request.base,
        head=request.head,
        profile=request.policy.profile.value,
        results=results,
        notices=tuple(Judged(rule="lockfile-removed", level=level, message=f"{one} is gone") for one in gone),
        unchanged=max(0, len(locked) - len(changes)),
    )


def _asking(request: DependencyRequest, world: World, known: Sequence[Locked]) -> _Asking:
    stated = {one.registry.rstrip("/") for one in known if one.registry}
    return _Asking(
        request=request,
        world=world,
        allowed=frozenset(stated | {one.rstrip("/") for one in request.registries.values()}),
        trust=prepare(request.trust),
        keys=prepare(replace(request.trust, keys=request.registry_keys)),
    )


def _result(change: Change, asking: _Asking) -> DependencyResult:
    new = _evidence(change.new, asking)
    old = _evidence(change.old, asking) if change.old is not None else None
    findings = judge(change, new, old, asking.request.policy, now=asking.world.clock.now())
    return DependencyResult(change=change, new=new, old=old, findings=findings)


def _evidence(locked: Locked, asking: _Asking) -> PackageEvidence:
    if locked.source:
        return PackageEvidence(state=EvidenceState.NOT_APPLICABLE, why="it does not come from a registry")
    place = dict(ECOSYSTEMS).get(locked.ecosystem)
    if place is None:
        return PackageEvidence(state=EvidenceState.UNSUPPORTED, why=f"{locked.ecosystem} is not examined")
    registry = (locked.registry or asking.request.registries.get(locked.ecosystem, "")).rstrip("/")
    if not registry:
        return PackageEvidence(state=EvidenceState.NOT_SERVED, why="no registry is known; give --registry")
    if registry not in asking.allowed:
        return PackageEvidence(state=EvidenceState.NOT_SERVED, why="its registry is new, so it was not asked")
    try:
        found: PackageEvidence = _load(place)(locked, registry, asking.world, asking.trust, asking.keys)
    except (ServiceError, Refusal) as error:
        return PackageEvidence(state=EvidenceState.ERROR, why=f"{error.what} ({error.code})")
    return found


def _read(files: Mapping[str, bytes]) -> tuple[Locked, ...]:
    found: list[Locked] = []
    for path, data in files.items():
        read: Callable[[bytes, str], tuple[Locked, ...]] = _load(_reader(path))
        found.extend(read(data, path))
    return tuple(found)


def _lockfiles(request: DependencyRequest, commit: str, world: World) -> dict[str, bytes]:
    """Contents of all lockfiles at a commit, by path."""
    listed = _git(request, world, "ls-tree", "-r", "-z", "--name-only", "--full-tree", "--end-of-options", commit)
    paths = [one for one in listed.decode("utf-8", "surrogateescape").split("\0") if one and _reader(one)]
    return {path: _git(request, world, "cat-file", "blob", f"{commit}:{path}") for path in paths}


def _git(request: DependencyRequest, world: World, *arguments: str) -> bytes:
    program = world.process.which("git")
    if program is None:
        raise _git_error("git is not installed")
    done = world.process.run([program, "-C", str(request.repository), *arguments], timeout=_GIT_SECONDS)
    if done.status:
        raise _git_error(done.stderr.decode("utf-8", "replace").strip()[:300])
    if len(done.stdout) > limits.LOCKFILE_BYTES:
        raise FormatError(
            code="lockfile-malformed",
            what="a lockfile is too large",
            why=f"at most {limits.LOCKFILE_BYTES} bytes are read",
            fix="split the project",
        )
    return done.stdout


def _git_error(why: str) -> UsageError:
    return UsageError(
        code="git-failed",
        what="git could not tell what is locked",
        why=why,
        fix="run it in a work tree that has both commits; fetch the base first",
    )


def _reader(path: str) -> str:
    name = path.rpartition("/")[2]
    return next((place for pattern, place in READERS if fnmatch.fnmatchcase(name, pattern)), "")


def _load(place: str) -> Callable[..., Any]:
    module, _, attribute = place.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return found
