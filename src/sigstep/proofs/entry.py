"""A log entry's body against the bundle: every member that can be compared (GHSA-8gw7-4j42-w388)."""

from __future__ import annotations

import binascii
import hashlib
import re

from sigstep.errors import ProofError
from sigstep.model.bundle import Envelope, LogEntry, MessageSignature
from sigstep.model.subject import Subject
from sigstep.wire.dsse import pae
from sigstep.wire.rekor_body import EntryClaim, bad_body, parse_body

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----\s*")


def verify_binding(
    entry: LogEntry,
    content: MessageSignature | Envelope,
    verifiers: tuple[bytes, ...],
    subject: Subject,
    original: bytes | None = None,
) -> None:
    """Prove that the entry is about this signature, this signer and these bytes.

    Args:
        entry: the entry; its presence in the log is proved elsewhere.
        content: what the bundle signs.
        verifiers: the signer's certificate or public key, DER; the entry has to name one of them.
        subject: the artifact, for message signatures.
        original: the exact bytes of the envelope where they are at hand (legacy layouts); intoto 0.0.1 needs them.

    Raises:
        FormatError: ``entry-kind``, ``entry-body``.
        ProofError: ``entry-content``, ``entry-signature``, ``entry-signer``, ``entry-digest``, ``entry-payload``.
    """
    claim = parse_body(entry.body, kind=entry.kind, version=entry.kind_version)
    signature = content.signature if isinstance(content, MessageSignature) else content.signatures[0].signature
    if claim.signature is not None and claim.signature != signature:
        raise _refuse(
            code="entry-signature", what="the log entry is about another signature", why="the signature bytes differ"
        )
    if _verifier(claim) not in verifiers:
        raise _refuse(code="entry-signer", what="the log entry is about another signer", why="the keys differ")
    if isinstance(content, MessageSignature):
        _bind_message(claim, subject)
    else:
        _bind_envelope(claim, content, entry, original)


def _bind_message(claim: EntryClaim, subject: Subject) -> None:
    if claim.digest_of != "artifact":
        raise _wrong_content("an entry of an envelope stands beside a message signature")
    name, value = claim.digest
    if not any(one.algorithm.value == name and one.value == value for one in subject.digests):
        here = next((one for one in subject.digests if one.algorithm.value == name), None)
        raise ProofError(
            code="entry-digest",
            what="the log entry is about another artifact",
            why=f"{name}:{value.hex()} was signed, the artifact has {here or 'no digest of that algorithm'}",
            fix="check that artifact and bundle belong together; if they should, one was changed: do not use it"
            if here
            else f"give the artifact itself, or its {name} digest",
        )


def _bind_envelope(claim: EntryClaim, content: Envelope, entry: LogEntry, original: bytes | None) -> None:
    name, value = claim.digest
    if claim.digest_of == "artifact":
        if entry.kind_version != "0.0.2":
            raise _wrong_content("an entry of a message signature stands beside an envelope")
        signed = pae(content.payload_type, content.payload)
    elif claim.digest_of == "payload":
        signed = content.payload
    elif original is None:
        raise _refuse(
            code="entry-signature",
            what="the log entry cannot be bound to the bundle",
            why="intoto 0.0.1 logs no signature, and the original envelope is not at hand",
        )
    else:
        signed = original
    if hashlib.new(name, signed).digest() != value:
        raise _refuse(
            code="entry-payload", what="the log entry is about another payload", why=f"its {name} digest differs"
        )
    if claim.payload_type is not None and claim.payload_type != content.payload_type:
        raise _refuse(
            code="entry-payload", what="the log entry is about another payload", why="the payload types differ"
        )
    if claim.payload is not None and claim.payload != content.payload:
        raise _refuse(code="entry-payload", what="the log entry is about another payload", why="the payloads differ")


def _verifier(claim: EntryClaim) -> bytes:
    if not claim.pem:
        return claim.verifier
    match = _PEM.match(claim.verifier)
    if match is None:
        raise bad_body("its signer is not in PEM")
    try:
        return binascii.a2b_base64(match[2])  # which passes over line breaks
    except binascii.Error:
        raise bad_body("its signer is not in PEM") from None


def _wrong_content(why: str) -> ProofError:
    return _refuse(code="entry-content", what="the log entry is of another kind than the bundle", why=why)


def _refuse(*, code: str, what: str, why: str) -> ProofError:
    return ProofError(code=code, what=what, why=why, fix="the bundle was put together from parts of others; sign again")
