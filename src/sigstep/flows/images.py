"""Verify images: resolve each once, collect what is attached to it, prove it, judge it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from sigstep.errors import NothingToExamine, Refusal, SigstepError
from sigstep.model.bundle import Bundle
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import ThresholdOverrides, Thresholds, TrustMaterial
from sigstep.model.verdict import Examination, Finding, Outcome, Report, Verdict
from sigstep.model.verified import Verified
from sigstep.oci.client import Client, Settings
from sigstep.oci.layout import open_layout
from sigstep.oci.manifest import Manifest
from sigstep.oci.reference import Reference
from sigstep.oci.source import ImageSource, RemoteImage
from sigstep.policy.rule import AllOf, Rule
from sigstep.ports.world import World
from sigstep.proofs.prepared import PreparedTrust, prepare
from sigstep.stores.cosign_tags import legacy_layers, read_layer
from sigstep.stores.referrers import bundle_referrers, read_referrer
from sigstep.verification.pipeline import examine_bundle, verdict_of
from sigstep.wire.bundle import parse_bundle

SIGNATURE_TYPE: Final = "https://sigstore.dev/cosign/sign/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """What to verify: references, and folders of saved images.

    Attributes:
        images: at least one.
        rule: what the policy asks of a proof.
        trust: whose signatures count.
        attestation: whether the rule names the predicate types it takes; otherwise only signatures count.
        platform: ``os/architecture[/variant]`` of an index to verify instead of the index itself.
        settings: how registries are reached.
        thresholds: instead of those of each signer's instance.
    """

    images: tuple[Reference | Path, ...]
    rule: Rule
    trust: TrustMaterial
    attestation: bool = False
    platform: str = ""
    settings: Settings = field(default_factory=Settings)
    thresholds: Thresholds | ThresholdOverrides | None = None


@dataclass(frozen=True, slots=True)
class IsSignature:
    """Takes signatures of the image; an attestation says something about it and is no signature."""

    def judge(self, verified: Verified) -> Finding | None:
        """None for a message signature and for cosign's signing statement."""
        if verified.statement is None or verified.statement.predicate_type == SIGNATURE_TYPE:
            return None
        kind = verified.statement.predicate_type
        return Finding(
            code="attestation-no-signature",
            what="an attestation is attached, which is no signature",
            why=f"its predicate is {kind[:200]}",
            fix=f"ask for it with --type {kind[:200]}, or sign the image",
            step="policy",
        )


def verify_images(request: ImageRequest, world: World) -> Report:
    """Examine every image; an accepted one has at least one attachment that the rule takes.

    Raises:
        NothingToExamine: ``no-subject``, ``platform-missing``, ``layout-missing``.
        SigstepError: an image cannot be resolved.
    """
    if not request.images:
        raise NothingToExamine(code="no-subject", what="nothing is named to verify", fix="name at least one image")
    trust = prepare(request.trust)
    client = Client(world, request.settings)
    return Report(verdicts=tuple(_verdict(one, request, trust, client) for one in dict.fromkeys(request.images)))


def open_source(image: Reference | Path, client: Client) -> ImageSource:
    """Where an image is read from."""
    return open_layout(image) if isinstance(image, Path) else RemoteImage(client, image)


def choose(source: ImageSource, platform: str) -> Manifest:
    """The image that is meant: itself, or its child for a platform. A tag is resolved here, once.

    Raises:
        NothingToExamine: ``platform-missing``.
        SigstepError: it cannot be resolved.
    """
    manifest = source.manifest()
    if not platform:
        return manifest
    for child in manifest.manifests:
        if child.platform == platform or child.platform.startswith(f"{platform}/"):
            return source.manifest(child.digest)
    raise NothingToExamine(
        code="platform-missing",
        what=f"{source.name} has no image for {platform}",
        why=f"it has {', '.join(one.platform or '?' for one in manifest.manifests)[:300] or 'no platforms'}",
        fix="name one of its platforms, as os/architecture",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Image:
    source: ImageSource
    subject: Subject
    digest: Digest
    rule: Rule
    trust: PreparedTrust
    thresholds: Thresholds | ThresholdOverrides | None
    now: datetime

    def examine(self, source: str, bundle: Bundle, subject: Subject, original: bytes | None = None) -> Examination:
        return examine_bundle(
            source,
            bundle,
            subject,
            self.trust,
            self.rule,
            now=self.now,
            thresholds=self.thresholds,
            original=original,
        )


def _verdict(one: Reference | Path, request: ImageRequest, trust: PreparedTrust, client: Client) -> Verdict:
    source = open_source(one, client)
    digest = choose(source, request.platform).digest
    image = _Image(
        source=source,
        subject=Subject(name=source.name, digests=(digest,), location=f"{source.name}@{digest}"),
        digest=digest,
        rule=request.rule if request.attestation else AllOf((IsSignature(), request.rule)),
        trust=trust,
        thresholds=request.thresholds,
        now=client.world.clock.now(),
    )
    examinations: list[Examination] = []
    findings: list[Finding] = []
    undecided = False
    for collect in (_of_referrers, _of_tags):
        try:
            collect(image, examinations, findings)
        except SigstepError as error:
            undecided = undecided or not isinstance(error, Refusal)
            findings.append(Finding.of(error, step="search", source=source.name))
    verdict = verdict_of(image.subject, examinations, findings)
    outcome = Outcome.UNDECIDED if undecided and verdict.outcome is Outcome.REFUSED else verdict.outcome
    return replace(verdict, outcome=outcome)


def _of_referrers(image: _Image, examinations: list[Examination], findings: list[Finding]) -> None:
    for referrer in bundle_referrers(image.source, image.digest):
        try:
            found = read_referrer(image.source, referrer, image.digest)
            bundle = parse_bundle(found.data) if found is not None else None
        except Refusal as error:
            findings.append(Finding.of(error, step="bundle", source=str(referrer.digest)))
            continue
        if found is not None and bundle is not None:
            examinations.append(image.examine(found.source, bundle, image.subject))


def _of_tags(image: _Image, examinations: list[Examination], findings: list[Finding]) -> None:
    for layer in legacy_layers(image.source, image.digest):
        try:
            read = read_layer(image.source, layer, image.digest)
        except Refusal as error:
            findings.append(Finding.of(error, step="bundle", source=layer.source))
            continue
        if read.is_signature:  # the payload is what was signed; `read_layer` bound it to the image
            payload = replace(image.subject, digests=(Digest.of(read.data),))
            examinations.append(image.examine(layer.source, read.bundle, payload))
        else:
            examinations.append(image.examine(layer.source, read.bundle, image.subject, read.data))
