"""The signature over the artifact or the envelope, and the statement's subjects."""

from __future__ import annotations

import hashlib

from sigstep.errors import FormatError, ProofError
from sigstep.model.bundle import Envelope, MessageSignature
from sigstep.model.digest import Digest
from sigstep.model.statement import Statement
from sigstep.model.subject import Subject
from sigstep.proofs.keys import PublicKey, der_signature, verify_digest, verify_message
from sigstep.wire.dsse import pae
from sigstep.wire.statement import is_statement_type, parse_statement


def verify_message_signature(content: MessageSignature, key: PublicKey, subject: Subject) -> None:
    """Prove that ``key`` signed the artifact.

    Raises:
        ProofError: ``message-digest``: the bundle states another digest than the artifact has;
            ``signature-invalid``; ``signature-prehash`` for Ed25519, which needs Ed25519ph here.
    """
    stated = content.digest
    if stated is not None:
        computed = subject.digest(stated.algorithm)
        if computed is None or computed.value != stated.value:
            raise ProofError(
                code="message-digest",
                what="the signature is about another artifact",
                why=f"the bundle states {stated}, the artifact has {computed or 'no digest of that algorithm'}",
                fix="check that artifact and bundle belong together"
                if computed
                else f"give the artifact itself, or its {stated.algorithm.value} digest",
            )
    if not key.algorithms:
        raise ProofError(
            code="signature-prehash",
            what="Ed25519 signatures over artifacts are not accepted",
            why="they need Ed25519ph, which no library here has",
            fix="sign with ECDSA P-256, or sign an attestation",
        )
    if not any(verify_digest(key, content.signature, digest) for digest in subject.digests):
        raise invalid("the artifact")


def verify_envelope(content: Envelope, key: PublicKey, *, raw: bool = False) -> None:
    """Prove that ``key`` signed the envelope.

    Args:
        raw: take an ECDSA signature in raw form too, as key management services write them in envelopes without a
            certificate.

    Raises:
        ProofError: ``signature-invalid``.
    """
    signature, message = content.signatures[0].signature, pae(content.payload_type, content.payload)
    if verify_message(key, signature, message) is not None:
        return
    der = der_signature(key, signature) if raw else None
    if der is None or verify_message(key, der, message) is None:
        raise invalid("the envelope")


def bind_statement(content: Envelope, subject: Subject) -> Statement:
    """The statement in a verified envelope, and proof that it is about the subject.

    A statement's subject matches when one of its digests of an algorithm we trust is the artifact's, and none of
    those we know contradicts it.

    Raises:
        FormatError: the payload is no statement.
        ProofError: ``payload-not-statement``, ``subject-mismatch``.
    """
    if not is_statement_type(content.payload_type):
        raise ProofError(
            code="payload-not-statement",
            what="the envelope holds no statement",
            why=f"its payload type is {content.payload_type[:100]!r}, so it is about no artifact",
            fix="sign an in-toto statement",
        )
    statement = parse_statement(content.payload)
    known = {digest.algorithm.value: digest.hex for digest in subject.digests}
    if subject.commit:  # Git's own names of objects (in-toto digest_set: sha1, gitCommit)
        known |= {"sha1": subject.commit, "gitCommit": subject.commit}
    for one in statement.subjects:
        common = known.keys() & one.digests.keys()
        if common and all(one.digests[name] == known[name] for name in common):
            return statement
    raise ProofError(
        code="subject-mismatch",
        what="the statement is about another artifact",
        why=f"none of its {len(statement.subjects)} subjects has the digest {known.get('sha256') or subject.location}",
        fix="check that artifact and attestation belong together",
    )


def claimed_digests(content: MessageSignature | Envelope) -> frozenset[Digest] | None:
    """Digests of the artifacts that the content says it is about, of algorithms that identify one.

    None where it does not say: a message signature without a digest, a payload that is no statement. Nothing of it is
    proved.
    """
    if isinstance(content, MessageSignature):
        return None if content.digest is None else frozenset({content.digest})
    try:
        subjects = parse_statement(content.payload).subjects
    except FormatError:
        return None
    found = set()
    for subject in subjects:
        for name, digits in subject.digests.items():
            try:
                found.add(Digest.parse(f"{name}:{digits}"))
            except FormatError:
                continue  # of another algorithm, or malformed: it identifies no artifact
    return frozenset(found)


def key_id(key: PublicKey) -> str:
    """The hexadecimal SHA-256 of the key's SPKI."""
    return hashlib.sha256(key.spki).hexdigest()


def invalid(what: str) -> ProofError:
    """The error of a signature that does not hold."""
    return ProofError(
        code="signature-invalid",
        what=f"the signature over {what} does not hold",
        why="it was made by another key, or over other bytes",
        fix="check that artifact and bundle belong together; it may have been tampered with",
    )
