"""Evidence about both sides of every change, asked for in parallel, and the judgement."""

from __future__ import annotations

import importlib
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final

from sigstep.ecosystems import ECOSYSTEMS, FORGE
from sigstep.errors import SigstepError
from sigstep.flows.registries import Registries, authorizations
from sigstep.model import limits
from sigstep.model.dependency import Change, DependencyResult, EvidenceState, Locked, PackageEvidence
from sigstep.model.trust import TrustedKey, TrustMaterial
from sigstep.policy.dependencies import judge
from sigstep.policy.dependency_rules import DependencyPolicy
from sigstep.ports.world import World
from sigstep.proofs.prepared import prepare
from sigstep.services.registry import Ask, BoundedHttp, RegistryClient, object_of

_WORKERS: Final = 24  # packages looked at together; requests at once are bounded for each host by the client
_RUN: Final = re.compile(r"https://[^/]+/(?P<path>[^/]+/[^/]+/actions/runs/[0-9]+(?:/attempts/[0-9]+)?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known before a registry is asked; ``allowed`` are the addresses that may be."""

    trust: TrustMaterial
    registry_keys: tuple[TrustedKey, ...]
    image_keys: tuple[TrustedKey, ...]
    registries: Registries
    allowed: frozenset[str]
    credentials: Mapping[str, str]
    notary: str
    seconds: float


def examine_changes(
    changes: Sequence[Change], known: Known, policy: DependencyPolicy, world: World
) -> tuple[DependencyResult, ...]:
    """A result for each change, in order.

    Raises:
        UsageError: ``registry-credential``.
    """
    credentials = authorizations(known.registries, known.credentials, world)
    client = RegistryClient(world, seconds=known.seconds, credentials=credentials)
    ask = Ask(
        registry="",
        client=client,
        world=replace(world, http=BoundedHttp(world.http)),
        trust=prepare(known.trust),
        keys=prepare(replace(known.trust, keys=known.registry_keys)),
        forge=known.registries.forge,
        notary=known.notary or known.registries.notary,
        image_keys=known.image_keys,
    )
    groups = defaultdict[tuple[str, ...], list[int]](list)
    for at, change in enumerate(changes):
        groups[_group(change.new)].append(at)
    results: dict[int, DependencyResult] = {}

    def look(places: list[int]) -> None:
        mine = replace(ask, answers={})  # what was asked about a package is kept as long as it is looked at
        for at in places:
            results[at] = _result(changes[at], mine, known, policy)

    try:
        with ThreadPoolExecutor(_WORKERS) as pool:
            list(pool.map(look, groups.values()))
    finally:
        client.close()
    return tuple(results[at] for at in range(len(changes)))


def _group(locked: Locked) -> tuple[str, ...]:
    parts = locked.name.split("/")
    return (locked.ecosystem, *(parts[:2] if locked.ecosystem in FORGE else parts))


def _result(change: Change, ask: Ask, known: Known, policy: DependencyPolicy) -> DependencyResult:
    new = _evidence(change.new, ask, known)
    old = _evidence(change.old, ask, known) if change.old is not None else None
    new = _with_run(new, ask) if known.registries.asks_runs else new
    findings = judge(change, new, old, policy, now=ask.world.clock.now())
    return DependencyResult(change=change, new=new, old=old, findings=findings)


def _evidence(locked: Locked, ask: Ask, known: Known) -> PackageEvidence:
    if locked.source:
        return PackageEvidence(state=EvidenceState.NOT_APPLICABLE, why="it does not come from a registry")
    place = dict(ECOSYSTEMS).get(locked.ecosystem)
    if place is None:
        return PackageEvidence(state=EvidenceState.UNSUPPORTED, why=f"{locked.ecosystem} is not examined")
    forge = locked.ecosystem in FORGE
    registry = (known.registries.forge if forge else locked.registry).rstrip("/")
    if not registry:
        name = "github" if forge else locked.ecosystem
        return PackageEvidence(state=EvidenceState.NOT_SERVED, why=f"no registry is known; give --registry {name}=URL")
    if not forge and registry not in known.allowed:
        return PackageEvidence(state=EvidenceState.NOT_SERVED, why="its registry is new, so it was not asked")
    try:
        found: PackageEvidence = _load(place)(
            locked, ask.at(registry, known.registries.by_name.get(locked.ecosystem, ""))
        )
    except SigstepError as error:
        return PackageEvidence(state=EvidenceState.ERROR, why=f"{error.what} ({error.code})")
    return found


def _with_run(new: PackageEvidence, ask: Ask) -> PackageEvidence:
    """The evidence with how its publishing run ended: one request, where GitHub's API is known."""
    runs = {one.run for one in new.publishers if one.repository and one.run.lower().startswith(f"{one.repository}/")}
    match = _RUN.fullmatch(next(iter(runs))) if len(runs) == 1 else None
    if new.state is not EvidenceState.VERIFIED or not ask.forge or match is None:
        return new
    try:
        answer = ask.json(f"{ask.forge}/repos/{match['path']}", at_most=limits.REGISTRY_ATTESTATION_BYTES)
    except SigstepError as error:
        return replace(new, notes=(*new.notes, f"how its publishing run ended could not be asked ({error.code})"))
    return replace(new, run_conclusion=str(object_of(answer).get("conclusion") or ""))


def _load(place: str) -> Callable[..., Any]:
    module, _, attribute = place.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return found
