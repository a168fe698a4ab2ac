"""Sign one thing about one image and attach it: as a bundle, in cosign's tags, or both; drop what it replaces."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from sigstep.errors import SigstepError
from sigstep.flows.attest import statement
from sigstep.flows.sign import Made
from sigstep.flows.signing_run import Run
from sigstep.model.bundle import Bundle, Envelope
from sigstep.model.digest import Digest
from sigstep.model.receipt import Receipt
from sigstep.model.statement import Predicate
from sigstep.model.subject import Subject
from sigstep.model.verified import Verified
from sigstep.oci.client import Client
from sigstep.oci.manifest import Manifest
from sigstep.oci.reference import Reference
from sigstep.oci.referrers import drop
from sigstep.oci.source import RemoteImage
from sigstep.ports.world import World
from sigstep.signing.batch import prove, sign_digest, sign_statement
from sigstep.stores import cosign_tags, referrers
from sigstep.wire.bundle import encode_bundle, parse_bundle
from sigstep.wire.dsse import envelope_bytes
from sigstep.wire.simple_signing import ENVELOPE_TYPE, PAYLOAD_TYPE, encode_payload
from sigstep.wire.statement import encode_statement


class AttachAs(enum.Enum):
    """How signatures and attestations are attached to an image."""

    BUNDLE = "bundle"  # an OCI 1.1 referrer, as cosign 3
    LEGACY = "legacy"  # the tags .sig and .att, as cosign 2
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One manifest of a repository, and the subject that stands for it."""

    image: Reference
    manifest: Manifest
    subject: Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Attaching:
    """How one run attaches.

    Attributes:
        client: of the run.
        run: signs and proves.
        attach_as: the storage.
        replace: drop older bundles of the same signer and type from the image once the new one is attached.
    """

    client: Client
    run: Run
    attach_as: AttachAs
    replace: bool

    def make(self, target: Target, predicate: Predicate, world: World) -> Made:
        """Sign a statement about an image, and attach it.

        Raises:
            UsageError: ``legacy-promise``.
            SigstepError: it was not made or not attached.
        """
        assert predicate.content is not None
        receipts: list[Receipt] = []
        unpublished: list[tuple[str, SigstepError]] = []
        bundle: Bundle | None = None
        is_signature = predicate.kind == "signature"
        if not (is_signature and self.attach_as is AttachAs.LEGACY):
            payload = encode_statement(statement((target.subject,), predicate.type, predicate.content))
            bundle = sign_statement(payload, target.subject, self.run.batch, world)
        if bundle is not None and self.attach_as is not AttachAs.LEGACY:
            receipts.append(referrers.publish(self.client, target.image, target.manifest, encode_bundle(bundle)))
            if self.replace:
                try:
                    self._drop_older(target, bundle, receipts[0], world)
                except SigstepError as error:
                    unpublished.append(("replace", error))
        if self.attach_as is not AttachAs.BUNDLE:
            made, receipt = self._legacy(target, None if is_signature else bundle, world)
            bundle = bundle or made
            receipts.append(receipt)
        assert bundle is not None
        return Made(
            subjects=(target.subject,),
            bundle=bundle,
            location=receipts[0].location,
            pending=bundle.pending,
            receipts=tuple(receipts),
            unpublished=tuple(unpublished),
        )

    def _legacy(self, target: Target, attestation: Bundle | None, world: World) -> tuple[Bundle, Receipt]:
        digest = target.manifest.digest
        if attestation is not None:
            assert isinstance(attestation.content, Envelope)
            kind, layer, bundle = ENVELOPE_TYPE, envelope_bytes(attestation.content), attestation
        else:
            kind, layer = PAYLOAD_TYPE, encode_payload(target.image.name, digest, dict(target.subject.annotations))
            algorithm = self.run.batch.credentials.current().key.algorithm
            digests = (Digest.of(layer), *([Digest.of(layer, algorithm)] if algorithm else []))
            bundle = sign_digest(Subject(name=target.image.name, digests=digests), self.run.batch, world)
        return bundle, cosign_tags.publish(self.client, target.image, digest, kind, layer, bundle)

    def _drop_older(self, target: Target, bundle: Bundle, receipt: Receipt, world: World) -> None:
        """Only what verifies as of the same signer and the same predicate type is ours to drop."""
        ours = prove(bundle, target.subject, self.run.batch.trust, world)
        source = RemoteImage(self.client, target.image)
        gone = set()
        for one in referrers.bundle_referrers(source, target.manifest.digest):
            if str(one.digest) == receipt.id:
                continue
            try:
                found = referrers.read_referrer(source, one, target.manifest.digest)
                if found is None:
                    continue
                older = prove(parse_bundle(found.data), target.subject, self.run.batch.trust, world)
            except SigstepError:
                continue
            if _says_the_same(older, ours):
                gone.add(one.digest)
        if gone:
            drop(self.client, target.image, target.manifest.digest, frozenset(gone))


def _says_the_same(older: Verified, ours: Verified) -> bool:
    if older.statement is None or ours.statement is None:
        return False
    if older.statement.predicate_type != ours.statement.predicate_type or older.key_id != ours.key_id:
        return False
    signers = [(one.identity.issuer, one.identity.subject) if one.identity else None for one in (older, ours)]
    return signers[0] == signers[1]
