"""One run's signing: what is shared by all its signatures, and the line from content to a proved bundle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sigstep.errors import Refusal, ServiceError, UsageError
from sigstep.model.bundle import (
    Bundle,
    BundleVersion,
    CertificateMaterial,
    Envelope,
    EnvelopeSignature,
    MessageSignature,
    PublicKeyMaterial,
)
from sigstep.model.digest import Algorithm, Digest
from sigstep.model.statement import PAYLOAD_TYPE
from sigstep.model.subject import Subject
from sigstep.model.trust import Thresholds
from sigstep.model.verified import Verified
from sigstep.ports.retry import Budget
from sigstep.ports.world import World
from sigstep.proofs.prepared import PreparedTrust
from sigstep.services.selection import Selected
from sigstep.services.submission import Submission
from sigstep.signing.credential import MARGIN, Credential, CredentialSource
from sigstep.signing.witness import witness
from sigstep.verification.pipeline import establish
from sigstep.wire.dsse import pae

_CONFLICT: Final = 409
_NEW_SIGNATURES: Final = 3  # deterministic keys (RSA, Ed25519) make the same entry again, and are refused in the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What all signatures of a run share.

    Attributes:
        credentials: where keys and certificates come from.
        selected: the services.
        trust: what the bundles are proved against before they leave.
        budget: when to stop trying.
        defer: a bundle without its log entry is allowed while the log is out.
    """

    credentials: CredentialSource
    selected: Selected
    trust: PreparedTrust
    budget: Budget
    defer: bool = False


def sign_digest(subject: Subject, batch: Batch, world: World) -> Bundle:
    """A proved bundle with a signature over one artifact.

    Raises:
        SigstepError: no bundle was made.
    """

    def content(credential: Credential) -> tuple[MessageSignature, Digest]:
        digest = subject.digest(credential.key.algorithm or Algorithm.SHA256)
        if digest is None:
            raise UsageError(
                code="digest-missing",
                what=f"the key signs {credential.key.algorithm} digests, and the subject has none",
                why="it was named by a digest of another algorithm",
                fix="name the file, or use ecdsa-p256",
            )
        return MessageSignature(digest=digest, signature=credential.key.sign_digest(digest)), digest

    return _sign(content, subject, batch, world)


def sign_statement(payload: bytes, subject: Subject, batch: Batch, world: World) -> Bundle:
    """A proved bundle with a signed in-toto statement (DSSE).

    Args:
        payload: the statement's bytes.
        subject: one of its subjects, for the proof.

    Raises:
        SigstepError: no bundle was made.
    """

    def content(credential: Credential) -> tuple[Envelope, Digest]:
        message = pae(PAYLOAD_TYPE, payload)
        signature = EnvelopeSignature(signature=credential.key.sign_message(message))
        envelope = Envelope(payload=payload, payload_type=PAYLOAD_TYPE, signatures=(signature,))
        return envelope, Digest.of(message, credential.key.algorithm or Algorithm.SHA256)

    return _sign(content, subject, batch, world)


def _sign(
    content: Callable[[Credential], tuple[MessageSignature | Envelope, Digest]],
    subject: Subject,
    batch: Batch,
    world: World,
) -> Bundle:
    """Sign, have it witnessed, prove it.

    A certificate that ends while services are out is renewed. Where a Rekor v2 log has the entry already, since its
    answer was lost, a new signature makes a new entry.
    """
    again = _NEW_SIGNATURES
    while True:
        credential = batch.credentials.current()
        signed, digest = content(credential)
        submission = Submission(
            content=signed,
            digest=digest,
            verifier=credential.leaf or credential.key.spki,
            certificate=credential.leaf is not None,
            key_details=credential.key.key_details,
        )
        budget = batch.budget
        if credential.ends is not None:
            left = (credential.ends - MARGIN - world.clock.now()).total_seconds()
            budget = budget.at_most(left, world)
        try:
            seen = witness(submission, batch.selected, defer=batch.defer, budget=budget, world=world)
        except ServiceError as error:
            if error.retryable and budget.deadline < batch.budget.deadline:
                world.clock.sleep(max(0.0, budget.left(world)))
                continue
            again -= 1
            if error.status == _CONFLICT and again >= 0:
                continue
            raise
        bundle = Bundle(
            version=BundleVersion.V0_3,
            material=_material(credential),
            entries=seen.entries,
            timestamps=seen.timestamps,
            content=signed,
            pending=seen.outage is not None,
        )
        prove(bundle, subject, batch.trust, world)
        return bundle


def prove(bundle: Bundle, subject: Subject, trust: PreparedTrust, world: World) -> Verified:
    """Hold a bundle that was just made against its own instance, as every verifier will.

    Raises:
        ServiceError: ``self-check-failed``: a service gave something that does not hold. Nothing is published.
    """
    thresholds = Thresholds(entries=0, times=1, signed_times=1, scts=0) if bundle.pending else None
    try:
        return establish(bundle, subject, trust, now=world.clock.now(), thresholds=thresholds)
    except Refusal as error:
        raise ServiceError(
            code="self-check-failed",
            what="the bundle that was made does not verify, and was not published",
            why=f"{error.what} [{error.code}]: {error.why}",
            fix="check that the trusted root belongs to the services; if it does, tell their operator",
        ) from error


def _material(credential: Credential) -> CertificateMaterial | PublicKeyMaterial:
    if credential.leaf is not None:
        return CertificateMaterial(leaf=credential.leaf)
    import base64

    hint = base64.b64encode(Digest.of(credential.key.spki).value).decode()
    return PublicKeyMaterial(hint=hint)
