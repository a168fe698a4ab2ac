"""Find the log entry of a signature whose format has no place for it. What is found is a claim like any other."""

from __future__ import annotations

from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric import ec

from sigstep.errors import ProofError, Refusal, ServiceError
from sigstep.model.bundle import Bundle, CertificateMaterial, LogEntry, MessageSignature
from sigstep.model.digest import Algorithm
from sigstep.model.subject import Subject
from sigstep.ports.world import World
from sigstep.proofs.certificate import load_leaf
from sigstep.proofs.content import claimed_digests
from sigstep.proofs.entry import verify_binding
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


def complete_from_log(signed: Signed, trust: PreparedTrust, world: World) -> Signed:
    """The signature with the inclusion proofs that its entries lack, or with the entry that it lacks.

    What is fetched is about the same entry (log, index, body), or names this signature and signer; it is not proved.

    Raises:
        ProofError: ``entry-not-found``, ``entry-other``: the log has none, or another one.
        ServiceError: no log could be asked.
    """
    bundle = signed.bundle
    if signed.entry_elsewhere:
        return _with_own_entry(signed, trust, world)
    entries = tuple(one if one.proof is not None else _proved(one, trust, world) for one in bundle.entries)
    return replace(signed, bundle=replace(bundle, entries=entries))


def _proved(entry: LogEntry, trust: PreparedTrust, world: World) -> LogEntry:
    for url in search_addresses(trust, entry.log_id):
        found = rekor_search.by_index(url, entry.log_index, world)
        if (found.log_id, found.log_index, found.body) != (entry.log_id, entry.log_index, entry.body):
            raise ProofError(
                code="entry-other",
                what="the log has another entry at the index that the bundle states",
                why=f"index {entry.log_index} of {url} has another body",
                fix="keep the bundle; if it is refused, it is forged",
            )
        return replace(entry, proof=found.proof)
    raise _not_found(f"no log of the trusted roots that can be searched has the id {entry.log_id.hex()[:16]}")


def _with_own_entry(signed: Signed, trust: PreparedTrust, world: World) -> Signed:
    content, material = signed.bundle.content, signed.bundle.material
    digests = tuple(claimed_digests(content) or ())
    if not digests or not isinstance(material, CertificateMaterial):
        raise _not_found("a log can be searched by certificate and artifact only, and they are not in the file")
    subject = Subject(name="", digests=digests)
    for found in look_up(signed, subject, trust, world):
        try:
            verify_binding(found.bundle.entries[0], content, (material.leaf,), subject, signed.original)
        except Refusal:
            continue  # an entry of somebody else about the same artifact
        return found
    raise _not_found("no entry about the artifact has this signature and this signer")


def _not_found(why: str) -> ProofError:
    return ProofError(
        code="entry-not-found",
        what="the log entry that is missing was not found",
        why=why,
        fix="check that --trusted-root or --instance names the instance it was signed with",
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
