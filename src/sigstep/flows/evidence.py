"""Collect all that is attached to an image, and prove what can be proved, whoever signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from sigstep.errors import Refusal, SigstepError
from sigstep.model.bundle import Bundle
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import ThresholdOverrides
from sigstep.model.verdict import Examination, Finding
from sigstep.oci.source import ImageSource, RemoteImage
from sigstep.policy.engine import Attachment, ImageEvidence, Storage
from sigstep.policy.rule import any_signer_unsafe
from sigstep.proofs.prepared import PreparedTrust
from sigstep.stores.cosign_tags import LegacyLayer, legacy_layers, read_layer
from sigstep.stores.referrers import bundle_referrers, read_referrer
from sigstep.verification.pipeline import examine_bundle
from sigstep.wire.bundle import parse_bundle

_CHANGED: Final = "registry-digest-mismatch"
_ANYONE = any_signer_unsafe(reason="who counts is judged over all proofs together")


class Collected:
    """What was found about one image: its subject, its evidence, and the examination of each attachment.

    ``undecided`` where something that may matter could not be asked; ``whole`` where every listing was read to its end.
    """

    def __init__(
        self,
        source: ImageSource,
        digest: Digest,
        trust: PreparedTrust,
        now: datetime,
        thresholds: ThresholdOverrides | None = None,
    ) -> None:
        self.subject = Subject(name=source.name, digests=(digest,), location=f"{source.name}@{digest}")
        self.attachments: list[Attachment] = []
        self.examinations: list[Examination] = []
        self.findings: list[Finding] = []
        self.undecided = False
        self.whole = True
        self._trust, self._now, self._thresholds = trust, now, thresholds

    def evidence(self, written: str) -> ImageEvidence:
        """The evidence about the image under the name that it was written with."""
        return ImageEvidence(
            written=written,
            digest=self.subject.digests[0],
            attachments=tuple(self.attachments),
            config={},
            findings=tuple(self.findings),
        )

    def add(self, attachment: Attachment) -> None:
        """Prove an attachment and keep it."""
        assert attachment.bundle is not None
        done = examine_bundle(
            attachment.source,
            attachment.bundle,
            attachment.subject,
            self._trust,
            _ANYONE,
            now=self._now,
            thresholds=self._thresholds,
            original=attachment.original,
        )
        self.examinations.append(done)
        self.attachments.append(replace(attachment, verified=done.verified, finding=done.finding))

    def unread(self, storage: Storage, source: str, error: SigstepError, artifact_type: str = "") -> None:
        """Keep what is attached and is no bundle, with the reason.

        Nobody can push bytes under a digest that is not theirs: where such come, the registry or the way from it hides
        what is there.
        """
        self.whole = self.whole and error.code != _CHANGED
        finding = Finding.of(error, step="bundle", source=source)
        self.findings.append(finding)
        self.attachments.append(
            Attachment(
                storage=storage,
                artifact_type=artifact_type,
                source=source,
                bundle=None,
                subject=self.subject,
                finding=finding,
            )
        )


def collect(
    source: ImageSource,
    digest: Digest,
    trust: PreparedTrust,
    now: datetime,
    thresholds: ThresholdOverrides | None = None,
) -> Collected:
    """Everything attached to the image ``digest``: bundles by referrers, and cosign's tags.

    Args:
        trust: every instance and key that may count.
        now: aware.
        thresholds: instead of those of each signer's instance.
    """
    found = Collected(source, digest, trust, now, thresholds)
    for gather in (_of_referrers, _of_tags):
        try:
            gather(source, digest, found)
        except SigstepError as error:
            found.undecided = found.undecided or not isinstance(error, Refusal)
            found.whole = False
            found.findings.append(Finding.of(error, step="search", source=source.name))
    return found


def _of_referrers(source: ImageSource, digest: Digest, found: Collected) -> None:
    listed = bundle_referrers(source, digest)
    storage = Storage.REFERRER
    if listed and isinstance(source, RemoteImage) and not source.has_referrers_api():
        storage = Storage.FALLBACK_TAG
    for referrer in listed:
        name = f"{source.name}@{referrer.digest}"
        bundle: Bundle | None = None
        try:
            read = read_referrer(source, referrer, digest)
            bundle = parse_bundle(read.data) if read is not None else None
        except Refusal as error:
            found.unread(storage, name, error, referrer.artifact_type)
        if bundle is not None:
            found.add(
                Attachment(
                    storage=storage,
                    artifact_type=referrer.artifact_type,
                    source=name,
                    bundle=bundle,
                    subject=found.subject,
                )
            )


def _of_tags(source: ImageSource, digest: Digest, found: Collected) -> None:
    for layer in legacy_layers(source, digest):
        storage = Storage.LEGACY_SIGNATURE if layer.suffix == "sig" else Storage.LEGACY_ATTESTATION
        try:
            found.add(_legacy(source, layer, storage, found.subject))
        except Refusal as error:
            found.unread(storage, layer.source, error)


def _legacy(source: ImageSource, layer: LegacyLayer, storage: Storage, image: Subject) -> Attachment:
    read = read_layer(source, layer, image.digests[0])
    signature = read.is_signature  # the payload is what was signed; `read_layer` bound it to the image
    return Attachment(
        storage=storage,
        artifact_type="",
        source=layer.source,
        bundle=read.bundle,
        subject=replace(image, digests=(Digest.of(read.data),)) if signature else image,
        original=None if signature else read.data,
    )
