"""Verify changed dependencies: what two commits lock, the change set, evidence on both sides, judgement."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sigstep.errors import FormatError, UsageError
from sigstep.flows.dependency_evidence import Known, examine_changes
from sigstep.flows.lockfiles import Git, Snapshot
from sigstep.flows.recalls import recalls_at
from sigstep.flows.redirects import changed_redirects
from sigstep.flows.registries import registries_of
from sigstep.model import limits
from sigstep.model.dependency import Change, DependencyReport, Judged, Level, Locked
from sigstep.model.digest import Digest
from sigstep.model.trust import TrustedKey, TrustMaterial
from sigstep.policy.changes import pair, with_locked_commits
from sigstep.policy.dependency_rules import DependencyPolicy, Profile
from sigstep.policy.document import load_policy
from sigstep.ports.world import World

POLICY_PATH = ".github/sigstep.yml"


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyRequest:
    """What to compare, by which policy, against which trust.

    Attributes:
        repository: a folder of a Git work tree.
        base: the commit to compare with; empty for everything that is locked at ``head``.
        head: the commit to examine.
        trust: roots of the certificates.
        policy_path: the policy file in the repository; it is read from ``base`` (from ``head`` for an audit).
        policy: instead of a policy file.
        profile: instead of the policy's.
        registry_keys: keys with which registries sign; none: their signatures are not judged.
        image_keys: keys that may sign images.
        registries: ecosystem to the base address of its registry; ``github`` is GitHub's API.
        credentials: host to the name of the environment variable with its token.
        notary: verifier key of the Go checksum database.
        seconds: for asking registries, all together.
        shard: which part of how many to examine.
        name: the repository's name in reports.
    """

    repository: Path
    base: str
    head: str = "HEAD"
    trust: TrustMaterial
    policy_path: str = POLICY_PATH
    policy: DependencyPolicy | None = None
    profile: Profile | None = None
    registry_keys: tuple[TrustedKey, ...] = ()
    image_keys: tuple[TrustedKey, ...] = ()
    registries: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict)
    notary: str = ""
    seconds: float = 120.0
    shard: tuple[int, int] = (1, 1)
    name: str = ""


def examine_dependencies(request: DependencyRequest, world: World) -> DependencyReport:
    """Judge every locked version of ``head`` that ``base`` does not lock so.

    A registry that only ``head`` names is never asked: its address comes from the change that is examined.

    Raises:
        UsageError: ``deps-missing``; ``git-failed``: not a work tree, or an unknown commit; ``registry-credential``.
        FormatError: a lockfile of ``head`` or the policy cannot be read; ``dependency-changes``: more changed than one
            run examines.
    """
    _check_installed()
    git = Git(request.repository, world)
    head = git.snapshot(request.head, strict=True)
    base = git.snapshot(request.base, strict=False) if request.base else Snapshot()
    judging = request.base or request.head
    policy, said, moved = _policy(request, git, judging, world)
    registries = registries_of(git, judging, request.registries, (*base.locked, *head.locked), world)
    before, locked = (registries.fill(with_locked_commits(one.locked)) for one in (base, head))
    changes = pair(before, locked)
    mine = _bounded(tuple(one for one in changes if _shard(one, request.shard[1]) == request.shard[0] - 1))
    known = Known(
        trust=request.trust,
        registry_keys=request.registry_keys,
        image_keys=request.image_keys,
        registries=registries,
        allowed=registries.addresses | policy.sources | _stated(before if request.base else locked),
        credentials=request.credentials,
        notary=request.notary,
        seconds=request.seconds,
    )
    notices = [*moved, *_notices(base, head, policy)]
    notices += changed_redirects(git, base, head, policy) if request.base else ()
    notices += _unjudged(mine, request, policy)
    return DependencyReport(
        base=request.base,
        head=request.head,
        profile=policy.profile.value,
        results=examine_changes(mine, known, policy, world),
        notices=tuple(sorted(notices, key=lambda one: list(Level).index(one.level))) if request.shard[0] == 1 else (),
        unchanged=max(0, len(locked) - len(changes)),
        policy=said,
        repository=request.name,
        shard=request.shard,
    )


def _check_installed() -> None:
    toml = "tomllib" if sys.version_info >= (3, 11) else "tomli"
    missing = [name for name in ("packaging", toml) if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            code="deps-missing",
            what="lockfiles cannot be read",
            why=f"{' and '.join(missing)} is not installed",
            fix="install sigstep[deps]",
        )


def _policy(
    request: DependencyRequest, git: Git, commit: str, world: World
) -> tuple[DependencyPolicy, str, list[Judged]]:
    """The policy of the base, where it comes from, and a notice where the change that is examined changes it."""
    data = git.file(commit, request.policy_path)
    said = ""
    policy = request.policy
    if policy is None:
        policy = DependencyPolicy()
        if data is not None:
            whole = load_policy(data)
            now = world.clock.now()
            recalls = recalls_at(whole, request.policy_path, lambda path: git.file(commit, path), request.trust, now)
            policy = replace(whole.dependencies, recalls=recalls)
        said = f"{request.policy_path} {Digest.of(data)} at {commit}" if data is not None else ""
    if request.profile is not None:
        policy = replace(policy, profile=request.profile)
    if not request.base or git.file(request.head, request.policy_path) == data:
        return policy, said, []
    message = f"{request.policy_path} is changed; what it says at {request.base} was used"
    return policy, said, [policy.finding("policy-changed-in-pr", message, path=request.policy_path)]


def _notices(base: Snapshot, head: Snapshot, policy: DependencyPolicy) -> list[Judged]:
    unread = {path for path, _ in head.unread}
    gone = sorted(base.paths - head.paths - unread)
    found = [policy.finding("lockfile-removed", f"{one} is gone", path=one) for one in gone if _tool_wrote(one)]
    found += [policy.finding("file-unread", f"{path} cannot be read: {why}", path=path) for path, why in head.unread]
    found += [policy.finding("file-unread", f"{path} at the base: {why}") for path, why in base.unread]
    return found


def _unjudged(changes: Sequence[Change], request: DependencyRequest, policy: DependencyPolicy) -> list[Judged]:
    if request.registry_keys or not any(one.new.ecosystem == "npm" and not one.new.source for one in changes):
        return []
    message = "there are no keys of the npm registry: its signatures and publish attestations were not judged"
    return [policy.finding("signatures-not-judged", message)]


def _tool_wrote(path: str) -> bool:
    from sigstep.flows.lockfiles import is_manifest

    return not is_manifest(path)


def _stated(locked: tuple[Locked, ...]) -> frozenset[str]:
    return frozenset(one.registry.rstrip("/") for one in locked if one.registry)


def _bounded(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    if len(changes) > limits.DEPENDENCY_CHANGES:
        raise FormatError(
            code="dependency-changes",
            what=f"{len(changes)} dependencies changed at once",
            why=f"at most {limits.DEPENDENCY_CHANGES} are examined in one run, and none is passed over",
            fix="split the change, name fewer lockfiles, or use --shard",
        )
    return changes


def _shard(change: Change, parts: int) -> int:
    name = f"{change.new.ecosystem}:{change.new.name}".encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:4], "big") % parts
