"""Write a policy for an admission engine, and turn policies of one engine into those of another.

Nothing is written that, read again by the engine's reader, asks for something else, or that would refuse the image it
was made from.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sigstep.engines import ENGINES
from sigstep.errors import PolicyRefusal, Undecided, UsageError
from sigstep.flows.evidence import collect
from sigstep.flows.images import meant, open_source
from sigstep.flows.languages import WorldLanguages
from sigstep.model.trust import TrustMaterial
from sigstep.oci.client import Client, Settings
from sigstep.oci.reference import Reference
from sigstep.oci.saved import SavedImage
from sigstep.policy.document import Policy
from sigstep.policy.engine import Engine, Export, ImageEvidence, Loss, Surroundings, Wanted
from sigstep.policy.exporting import manifest
from sigstep.policy.importing import key_bytes
from sigstep.policy.judging import Decision
from sigstep.policy.sameness import same_demands
from sigstep.ports.world import World
from sigstep.proofs.prepared import prepare
from sigstep.subjects.workloads import read_workloads
from sigstep.verification.attachments import AttachmentProver


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What to write, for which engine.

    Attributes:
        engine: one of `sigstep.engines.ENGINES`.
        policy: the policy, with the keys of its signers (``keys``, SPKI by name).
        trust: whose signatures count, the policy's own instances included.
        image: what the policy was made from and has to admit; None where there is nothing to try it on.
        place: where ``image`` is read from, if it is not its registry.
        settings: how registries are reached.
    """

    engine: str
    policy: Policy
    keys: dict[str, bytes]
    trust: TrustMaterial
    image: Reference | None = None
    place: SavedImage | None = None
    settings: Settings = field(default_factory=Settings)


def engine_of(name: str) -> Engine:
    """The engine of that name.

    Raises:
        UsageError: ``engine-unknown``.
    """
    if name not in ENGINES:
        raise UsageError(
            code="engine-unknown",
            what=f"{name[:80]!r} is no engine",
            why="its policies cannot be read or written",
            fix=f"name one of {', '.join(ENGINES)}",
        )
    engine: Engine = importlib.import_module(ENGINES[name]).ENGINE
    return engine


def export_policy(request: ExportRequest, world: World) -> Export:
    """The files for an engine, after they were read again and, where there is an image, tried on it.

    Raises:
        UsageError: ``engine-unknown``.
        PolicyRefusal: ``export-impossible``, ``export-differs``, ``export-denies-image``.
        Undecided: ``export-undecided``: whether the image would be admitted cannot be told.
    """
    engine = engine_of(request.engine)
    evidence = _evidence(request, world)
    wanted = Wanted(
        policy=request.policy,
        keys=request.keys,
        roots={root.name: root for root in request.trust.roots},
        image=evidence.written if evidence else "",
    )
    made = engine.export(wanted)
    if not made.files:
        raise PolicyRefusal(
            code="export-impossible",
            what=f"{request.engine} cannot be told what the policy says",
            why=_told(made.losses),
            fix="change the policy, or enforce it with another engine",
        )
    documents = [one.data for one in made.files if not one.beside]
    rules = engine.read(documents)
    back, losses = engine.project(rules)
    if back is None or not same_demands(_with_keys(request), back):
        raise PolicyRefusal(
            code="export-differs",
            what=f"what would be written for {request.engine} asks for something else than the policy",
            why=_told(losses) or "read again it differs",
            fix="report this: it is a defect of sigstep",
        )
    if evidence is None:
        told = Loss(place="images", what="tried on no image: name one that it has to admit with --image")
        return replace(made, losses=(*made.losses, told))
    _try(request, engine, documents, evidence, world)
    return made


def convert(source: str, documents: Sequence[bytes]) -> tuple[Policy, tuple[Loss, ...]]:
    """Policies of an engine as one of ours, and what is lost.

    Raises:
        UsageError: ``engine-unknown``.
        FormatError: the engine does not take them.
        PolicyRefusal: ``import-impossible``, with every loss that is refused.
    """
    engine = engine_of(source)
    policy, losses = engine.project(engine.read(documents))
    if policy is None:
        raise PolicyRefusal(
            code="import-impossible",
            what=f"the policies of {source} say what the policy file cannot",
            why=_told(losses),
            fix="change these parts, or keep the engine's own file and check manifests with `sigstep policy admit`",
        )
    return policy, losses


def _told(losses: Sequence[Loss]) -> str:
    return "; ".join(f"{one.place}: {one.what}" for one in losses if one.refused)


def keys_in(policy: Policy) -> dict[str, bytes]:
    """The keys of signers that have them written out, SPKI (DER) by name."""
    return {name: key_bytes(one.key) for name, one in policy.signers.items() if one.key.startswith("-----BEGIN ")}


def _with_keys(request: ExportRequest) -> Policy:
    """The policy with its keys written out, as an import has them."""
    from sigstep.policy.exporting import pem

    signers = {
        name: replace(one, key=pem(request.keys[name])) if one.key else one
        for name, one in request.policy.signers.items()
    }
    return replace(request.policy, signers=signers)


def _evidence(request: ExportRequest, world: World) -> ImageEvidence | None:
    if request.image is None:
        return None
    client = Client(world, request.settings)
    source = open_source(request.place or request.image, client)
    ((digest, _),) = meant(source)
    found = collect(source, digest, prepare(request.trust), world.clock.now())
    return found.evidence(str(request.image.at(digest)))


def _try(
    request: ExportRequest, engine: Engine, documents: Sequence[bytes], evidence: ImageEvidence, world: World
) -> None:
    """Judge a pod with the image by what is to be written, as the engine would."""
    container = {"name": "main", "image": evidence.written}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "from-image"}, "spec": {"containers": [container]}}
    (workload,) = read_workloads(manifest([pod]), source="the image")
    now = world.clock.now()
    rulings = engine.judge(
        engine.read(documents), workload, {evidence.written: evidence}, _surroundings(request, now, world)
    )
    against = [one for one in rulings if one.seen and one.decision is Decision.DENY]
    if against or not rulings:
        raise PolicyRefusal(
            code="export-denies-image",
            what=f"{request.engine} would not admit {evidence.written} by what would be written",
            why="; ".join(f"{one.policy} {one.rule}: {one.reason}".strip() for one in against)[:1000],
            fix="sign the image in a form that the engine reads, or change the policy",
        )
    unknown = [one for one in rulings if one.seen and one.decision is Decision.UNKNOWN]
    if unknown:
        raise Undecided(
            code="export-undecided",
            what=f"whether {request.engine} would admit {evidence.written} cannot be told",
            why="; ".join(one.reason for one in unknown)[:1000],
            fix="see the reason; export without --image to write it untried",
        )


def _surroundings(request: ExportRequest, now: datetime, world: World) -> Surroundings:
    roots = request.trust.roots
    return Surroundings(
        now=now,
        roots=roots,
        prover=AttachmentProver(roots, now),
        languages=WorldLanguages(world),
        trust={root.name: root for root in roots},
    )
