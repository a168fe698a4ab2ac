"""Say before deployment what an admission engine would do with the images of Kubernetes manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from sigstep.errors import NothingToExamine, SigstepError
from sigstep.flows.engine_policies import engine_of
from sigstep.flows.evidence import collect
from sigstep.flows.images import open_source
from sigstep.flows.languages import WorldLanguages
from sigstep.flows.policies import OpenedPolicy
from sigstep.flows.policy_images import PolicyImageRequest, verify_policy_images
from sigstep.model import limits
from sigstep.model.digest import Digest
from sigstep.model.trust import TrustedRoot, TrustMaterial
from sigstep.model.verdict import Finding, Outcome, Verdict
from sigstep.model.workload import Workload
from sigstep.oci.client import Client, Settings
from sigstep.oci.manifest import Manifest
from sigstep.oci.reference import Reference, parse_reference
from sigstep.oci.saved import SavedImage
from sigstep.oci.source import ImageSource
from sigstep.policy.engine import Engine, EngineRules, ImageEvidence, Ruling, Surroundings
from sigstep.policy.judging import Decision
from sigstep.ports.world import World
from sigstep.proofs.prepared import prepare
from sigstep.subjects.workloads import read_workloads
from sigstep.verification.attachments import AttachmentProver
from sigstep.wire import strict_json

OWN = "sigstep"
"""The name that stands for this project's own policy file instead of an engine."""
_OUTCOMES = {
    Outcome.ACCEPTED: Decision.ADMIT,
    Outcome.REFUSED: Decision.DENY,
    Outcome.UNDECIDED: Decision.UNKNOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionRequest:
    """What to judge.

    Attributes:
        manifests: name and bytes of each; at least one has a workload.
        engine: a name of `sigstep.engines.ENGINES`, or `OWN` with ``policy``.
        documents: the engine's own files.
        policy: a policy file of this project.
        trust: the instances at hand.
        named: instances by the name that the engine's policies use for them.
        default: what decides where no policy matches (``deny``, ``warn``, ``allow``); empty for the engine's own.
        saved: images by their reference as written in the manifests, to be read from there.
        settings: how registries are reached.
        offline: images that are not saved are not looked for, and unknown.
    """

    manifests: tuple[tuple[str, bytes], ...]
    engine: str
    trust: TrustMaterial
    documents: tuple[bytes, ...] = ()
    policy: OpenedPolicy | None = None
    named: Mapping[str, TrustedRoot] = field(default_factory=lambda: MappingProxyType({}))
    default: str = ""
    saved: Mapping[str, SavedImage] = field(default_factory=lambda: MappingProxyType({}))
    settings: Settings = field(default_factory=Settings)
    offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadRuling:
    """What the engine says about one image of one workload, or about the whole of it (``image`` is then empty)."""

    workload: Workload
    image: str
    digest: Digest | None
    ruling: Ruling


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionReport:
    """All rulings, in the order of the manifests."""

    engine: str
    workloads: int
    images: int
    rulings: tuple[WorkloadRuling, ...]

    @property
    def warned(self) -> bool:
        """Whether something is admitted with a warning."""
        return any(one.ruling.decision is Decision.WARN for one in self.rulings)

    @property
    def exit_code(self) -> int:
        """1 where something is denied, 4 where something is unknown, else 0."""
        decisions = {one.ruling.decision for one in self.rulings}
        if Decision.DENY in decisions:
            return 1
        return 4 if Decision.UNKNOWN in decisions else 0


def admit(request: AdmissionRequest, world: World) -> AdmissionReport:
    """What the engine would say about every workload; each distinct image is fetched and verified once.

    Raises:
        NothingToExamine: ``no-subject``: no manifest has a workload with an image.
        FormatError: ``engine-policy``, ``manifest-malformed``, or of the YAML: nothing is admitted.
        UsageError: ``engine-unknown``.
    """
    workloads = [one for name, data in request.manifests for one in read_workloads(data, source=name)]
    written = list(dict.fromkeys(image.image for one in workloads for image in one.images))
    if not written:
        raise NothingToExamine(
            code="no-subject",
            what="no manifest has a workload with an image",
            why=f"{len(request.manifests)} were read",
            fix="give manifests of Pods, or of what makes Pods; charts and kustomizations have to be rendered",
        )
    if request.engine == OWN:
        return _by_own_policy(request, workloads, written, world)
    engine = engine_of(request.engine)
    rules = engine.read(request.documents)
    now = world.clock.now()
    images = _gather(written, rules, request, world)
    languages = WorldLanguages(world)
    surroundings = Surroundings(
        now=now,
        roots=request.trust.roots,
        prover=AttachmentProver(request.trust.roots, now),
        languages=languages,
        trust=request.named,
        default=request.default,
    )
    languages.rehearse(lambda: _judge_all(engine, rules, workloads, images, surroundings))
    return _report(
        request.engine,
        workloads,
        {name: one.digest for name, one in images.items()},
        _judge_all(engine, rules, workloads, images, surroundings),
    )


def _judge_all(
    engine: Engine,
    rules: EngineRules,
    workloads: Sequence[Workload],
    images: Mapping[str, ImageEvidence],
    surroundings: Surroundings,
) -> list[tuple[Workload, tuple[Ruling, ...]]]:
    return [(one, engine.judge(rules, one, images, surroundings)) for one in workloads]


def _report(
    engine: str,
    workloads: Sequence[Workload],
    digests: Mapping[str, Digest],
    judged: Sequence[tuple[Workload, tuple[Ruling, ...]]],
) -> AdmissionReport:
    rulings = []
    for workload, found in judged:
        places = {one.pointer: one.image for one in workload.images}
        for ruling in found:
            image = places.get(ruling.pointer, "")
            rulings.append(WorkloadRuling(workload=workload, image=image, digest=digests.get(image), ruling=ruling))
    images = {image.image for one in workloads for image in one.images}
    return AdmissionReport(engine=engine, workloads=len(workloads), images=len(images), rulings=tuple(rulings))


def _gather(
    written: Sequence[str], rules: EngineRules, request: AdmissionRequest, world: World
) -> dict[str, ImageEvidence]:
    """Evidence of every image that can be resolved; what is not in it is unknown to the engines."""
    client = Client(world, request.settings)
    nobody = prepare(TrustMaterial(roots=()))  # engines prove by themselves, with what each of them trusts
    by_digest: dict[tuple[str, Digest], ImageEvidence] = {}
    found: dict[str, ImageEvidence] = {}
    for one in written:
        try:
            target = _target(one, request)
            source = open_source(target, client)
            manifest = source.manifest()
        except SigstepError:
            continue  # told by every ruling about it
        key = (source.name, manifest.digest)
        if key not in by_digest:
            collected = collect(source, manifest.digest, nobody, world.clock.now())
            findings = tuple(collected.findings) if collected.undecided else ()
            evidence = replace(collected.evidence(one), findings=findings)
            if rules.needs_config:
                evidence = _with_config(evidence, source, manifest)
            by_digest[key] = evidence
        found[one] = replace(by_digest[key], written=one)
    return found


def _target(written: str, request: AdmissionRequest) -> Reference | SavedImage:
    saved = request.saved.get(written)
    if saved is None and request.offline:
        raise NothingToExamine(
            code="image-offline",
            what=f"{written} is in a registry, which is not asked",
            why="--offline was given",
            fix="save the image and name it with --saved, or give recorded answers with --responses",
        )
    return saved or parse_reference(written)


def _with_config(evidence: ImageEvidence, source: ImageSource, manifest: Manifest) -> ImageEvidence:
    config: dict[str, Any] = {}
    try:
        children = [(one.platform, source.manifest(one.digest)) for one in manifest.manifests if one.platform]
        for platform, child in children or [("", manifest)]:
            if child.config is None:
                continue
            data = source.blob(child.config, at_most=limits.IMAGE_MANIFEST_BYTES)
            value = strict_json.loads(data, at_most=limits.IMAGE_MANIFEST_BYTES, name="image configuration")
            if isinstance(value, dict):
                config[platform or f"{value.get('os', '')}/{value.get('architecture', '')}"] = value
    except SigstepError as error:
        return replace(evidence, findings=(*evidence.findings, Finding.of(error, step="search", source=source.name)))
    return replace(evidence, config=config)


def _by_own_policy(
    request: AdmissionRequest, workloads: Sequence[Workload], written: Sequence[str], world: World
) -> AdmissionReport:
    """By this project's policy file; the verdicts are those of ``sigstep verify --policy``."""
    assert request.policy is not None  # the command line asks for exactly one file
    verdicts: dict[str, Verdict | SigstepError] = {}
    for one in written:
        verdicts[one] = _own_verdict(one, request, request.policy, world)
    judged = []
    for workload in workloads:
        rulings = []
        for image in workload.images:
            verdict = verdicts[image.image]
            rulings.append(_own_ruling(image.pointer, verdict))
        judged.append((workload, tuple(rulings)))
    digests = {name: one.subject.digests[0] for name, one in verdicts.items() if isinstance(one, Verdict)}
    return _report(OWN, workloads, digests, judged)


def _own_verdict(written: str, request: AdmissionRequest, policy: OpenedPolicy, world: World) -> Verdict | SigstepError:
    try:
        name = parse_reference(written)
        target = _target(written, request)
        asked = PolicyImageRequest(
            images=(target,),
            policy=policy,
            trust=request.trust,
            names=(name,) if isinstance(target, SavedImage) else (),
            settings=request.settings,
        )
        return verify_policy_images(asked, world)[0]
    except SigstepError as error:
        return error


def _own_ruling(pointer: str, verdict: Verdict | SigstepError) -> Ruling:
    if isinstance(verdict, SigstepError):
        return Ruling(
            decision=Decision.UNKNOWN,
            policy=OWN,
            rule="",
            pointer=pointer,
            reason=f"{verdict.what}: {verdict.why}" if verdict.why else verdict.what,
            unjudged="evidence",
        )
    decision = _OUTCOMES[verdict.outcome]
    if decision is Decision.ADMIT and verdict.findings:
        decision = Decision.WARN
    reason = "; ".join(f"{one.what}: {one.why}" if one.why else one.what for one in verdict.findings[:3])
    unjudged = "evidence" if decision is Decision.UNKNOWN else ""
    return Ruling(decision=decision, policy=OWN, rule="", pointer=pointer, reason=reason, unjudged=unjudged)
