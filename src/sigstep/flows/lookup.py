"""Find the log entry of a signature whose format has no place for it. What is found is a claim like any other."""

from __future__ import annotations

from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric import ec

from sigstep.errors import ServiceError
from sigstep.model.bundle import Bundle, CertificateMaterial, LogEntry, MessageSignature
from sigstep.model.digest import Algorithm
from sigstep.model.subject import Subject
from sigstep.ports.world import World
from sigstep.proofs.certificate import load_leaf
from sigstep.proofs.keys import load_key, verify_digest
from sigstep.proofs.prepared import PreparedTrust
from sigstep.services import rekor_search
from sigstep.services.submission import Submission
from sigstep.signing.keys import registry_name
from sigstep.verification.evidence import keys_of
from sigstep.wire.signed_document import Signed


def look_up(signed: Signed, subject: Subject, trust: PreparedTrust, world: World) -> tuple[Signed, ...]:
    """The signature with each entry that a Rekor v1 log of the trusted roots has for it, oldest first.

    Args:
        signed: without an entry.
        subject: the artifact; attestations are found by its digest.
        trust: whose logs are asked (Rekor v2 cannot be searched).
        world: the network.

    Raises:
        ServiceError: no log could be asked.
    """
    found: list[LogEntry] = []
    failure: ServiceError | None = None
    for url in search_addresses(trust):
        try:
            found += _entries(url, signed.bundle, subject, trust, world)
        except ServiceError as error:
            failure = failure or error
    if not found and failure is not None:
        raise failure
    return tuple(
        Signed(bundle=replace(signed.bundle, entries=(entry,)), original=signed.original)
        for entry in sorted(found, key=lambda one: one.integrated_time or 0)
    )


def search_addresses(trust: PreparedTrust, log_id: bytes | None = None) -> tuple[str, ...]:
    """Addresses of the Rekor v1 logs of the roots (of one of them, where its id is given)."""
    return tuple(
        dict.fromkeys(
            log.log.base_url.rstrip("/")
            for root in trust.roots
            for log in root.logs
            if isinstance(log.key.key, ec.EllipticCurvePublicKey)
            and "://" in log.log.base_url
            and log_id in (None, log.log.log_id)
        )
    )


def _entries(url: str, bundle: Bundle, subject: Subject, trust: PreparedTrust, world: World) -> tuple[LogEntry, ...]:
    if not isinstance(bundle.content, MessageSignature):
        return rekor_search.search(url, subject.digest(Algorithm.SHA256) or subject.digests[0], world)
    if isinstance(bundle.material, CertificateMaterial):
        leaf = load_leaf(bundle.material.leaf)
        key, verifier = leaf.key, leaf.der
    else:
        key = load_key(keys_of(bundle, trust.material)[0].key)
        verifier = key.spki
    found: list[LogEntry] = []
    for digest in subject.digests:
        if verify_digest(key, bundle.content.signature, digest):
            submission = Submission(
                content=bundle.content,
                digest=digest,
                verifier=verifier,
                certificate=verifier != key.spki,
                key_details=registry_name(key)[0],
            )
            found += rekor_search.find(url, submission, world)
    return tuple(found)
