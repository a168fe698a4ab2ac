"""Verify images by a policy file: everything attached is proved once, and the rules judge all of it together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sigstep.errors import NothingToExamine, PolicyRefusal
from sigstep.flows.clauses import circumstances_of
from sigstep.flows.evidence import Collected, collect
from sigstep.flows.images import meant, open_source, subject_of
from sigstep.flows.judged import outcome_of
from sigstep.flows.policies import OpenedPolicy
from sigstep.flows.recalls import with_recalls
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import ThresholdOverrides, TrustMaterial
from sigstep.model.verdict import Finding, Outcome, Verdict
from sigstep.oci.client import Client, Settings
from sigstep.oci.reference import Reference
from sigstep.oci.saved import SavedImage
from sigstep.oci.source import lineage
from sigstep.policy.engine import Storage
from sigstep.policy.judging import judge, rules_for_image
from sigstep.ports.world import World
from sigstep.proofs.prepared import PreparedTrust, prepare
from sigstep.verification.pipeline import left_open, verdict_of

_LEGACY = (Storage.LEGACY_SIGNATURE, Storage.LEGACY_ATTESTATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyImageRequest:
    """What to verify by which policy.

    Attributes:
        images: in registries, and saved ones; at least one.
        names: for folders, the reference that the image is deployed under: the rules go by it.
        trust: whose signatures count, the policy's own keys and instances included.
        platform: ``os/architecture[/variant]`` of an index to verify instead of the index itself;
            ``all`` for each.
        recursive: the index and each image that it lists.
        places: the lines of files that name an image, for the report.
        thresholds: instead of those of each signer's instance.
        settings: how registries are reached.
    """

    images: tuple[Reference | SavedImage, ...]
    policy: OpenedPolicy
    trust: TrustMaterial
    names: tuple[Reference, ...] = ()
    platform: str = ""
    recursive: bool = False
    places: Mapping[Reference, tuple[str, ...]] = field(default_factory=dict)
    thresholds: ThresholdOverrides | None = None
    settings: Settings = field(default_factory=Settings)


def verify_policy_images(request: PolicyImageRequest, world: World) -> tuple[Verdict, ...]:
    """The verdict of the policy on every image, each once, in their order.

    Raises:
        NothingToExamine: ``no-subject``, ``platform-missing``, ``layout-missing``; ``image-unnamed``: a saved folder
            has no name that the rules could go by.
        PolicyRefusal: ``image-name-digest``: a saved folder holds another image than its name says.
        SigstepError: an image cannot be resolved, or the recall list is not what it should be.
    """
    if not request.images:
        raise NothingToExamine(code="no-subject", what="nothing is named to verify", fix="name at least one image")
    opened = with_recalls(request.policy, request.trust, world.clock.now())
    opened = replace(opened, circumstances=circumstances_of(world))
    prepared = prepare(request.trust)
    client = Client(world, request.settings)
    folders = [one for one in dict.fromkeys(request.images) if isinstance(one, SavedImage)]
    if len(request.names) != len(folders):
        raise NothingToExamine(
            code="image-unnamed",
            what="the rules of the policy go by the name of an image, and a folder has none",
            why=f"{len(folders)} folders and {len(request.names)} names are given",
            fix="give --image-name once for each folder, in their order: the reference it is deployed under",
        )
    named = dict(zip(folders, request.names, strict=True))
    return tuple(
        verdict
        for one in dict.fromkeys(request.images)
        for verdict in _verdicts(
            one, named[one] if isinstance(one, SavedImage) else one, opened, request, prepared, client
        )
    )


def _verdicts(
    image: Reference | SavedImage,
    name: Reference,
    opened: OpenedPolicy,
    request: PolicyImageRequest,
    trust: PreparedTrust,
    client: Client,
) -> Iterator[Verdict]:
    """One for each manifest of the image that is meant."""
    source = open_source(image, client)
    now = client.world.clock.now()
    places = request.places.get(name, ())
    root = source.manifest()
    if name.digest not in (None, root.digest):
        raise PolicyRefusal(
            code="image-name-digest",
            what=f"{source.name} holds another image than it is said to be",
            why=f"it holds {root.digest}, the name says {name.digest}",
            fix="save the image again, or name it as it will be deployed",
        )
    related = lineage(source, root) if any(one.kind == "digest" for one in opened.policy.recalls) else {}
    for digest, platform in meant(source, request.platform, recursive=request.recursive, root=root):
        found = collect(source, digest, trust, now, request.thresholds)
        subject = subject_of(name.name, digest, platform, places)
        yield _verdict(name, subject, found, opened, now, related.get(digest, ()))


def _verdict(
    name: Reference,
    subject: Subject,
    found: Collected,
    opened: OpenedPolicy,
    now: datetime,
    related: tuple[Digest, ...],
) -> Verdict:
    rule = opened.rule
    examined = [
        one if one.verified is None else replace(one, finding=rule.judge(one.verified)) for one in found.examinations
    ]
    verdict = verdict_of(subject, examined, found.findings)
    verdict = replace(verdict, findings=verdict.findings or tuple(found.findings))
    if opened.policy.require_digest and name.digest is None:
        return replace(verdict, outcome=Outcome.REFUSED, findings=(_unpinned(name),))
    judgement = judge(
        opened.policy,
        rules_for_image(opened.policy, name.name),
        subject,
        [one.verified for one in found.attachments if one.verified is not None],
        opened.key_ids,
        now,
        [one.verified for one in found.attachments if one.verified is not None and one.storage in _LEGACY],
        replace(opened.circumstances, whole=found.whole, related=related),
    )
    decided = outcome_of(verdict, judgement)
    return left_open(decided) if found.undecided else decided


def _unpinned(name: Reference) -> Finding:
    return Finding(
        code="policy-digest-required",
        what=f"{name} is named by a tag",
        why="the policy says require-digest: a tag may point to something else tomorrow",
        fix="name it with @sha256:…",
        step="policy",
    )
