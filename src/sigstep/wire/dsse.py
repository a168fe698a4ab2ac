"""DSSE envelopes (DSSE specification v1.0.2: envelope and pre-authentication encoding)."""

from __future__ import annotations

import base64
import json
from typing import Any

from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.model.bundle import Envelope, EnvelopeSignature
from sigstep.wire.members import Members


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: lengths count bytes, the payload is never re-serialised."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse_envelope(value: Any, path: str, *, certificates: bool = False) -> tuple[Envelope, tuple[str, ...]]:
    """An envelope with exactly one signature, and the ``cert`` members of its signatures.

    Args:
        value: the parsed JSON value.
        path: where it stands, for messages.
        certificates: read the ``cert`` member that slsa-github-generator adds; otherwise it is unknown.

    Raises:
        FormatError: ``envelope-signatures`` for none or several; or a member is missing, malformed or unknown.
    """
    members = Members(value, path)
    signatures: list[EnvelopeSignature] = []
    found: list[str] = []
    for at, one in enumerate(members.array("signatures", at_most=limits.LOG_ENTRIES)):
        part = Members(one, f"{path}.signatures[{at}]")
        if certificates:
            found.append(part.text("cert", ""))
        signatures.append(
            EnvelopeSignature(signature=part.bytes("sig", at_most=limits.SIGNATURE_BYTES), keyid=part.text("keyid", ""))
        )
        part.done()
    envelope = Envelope(
        payload=members.bytes("payload", at_most=limits.BUNDLE_BYTES, default=b""),
        payload_type=members.text("payloadType"),
        signatures=tuple(signatures),
    )
    members.done()
    if len(signatures) != 1:
        raise FormatError(
            code="envelope-signatures",
            what=f"the envelope has {len(signatures)} signatures",
            why="a Sigstore envelope has exactly one, so that nobody can tell which one was verified otherwise",
            fix="make one bundle for each signature",
        )
    return envelope, tuple(found)


def envelope_bytes(envelope: Envelope) -> bytes:
    """The envelope as it is sent to a log that hashes the whole of it (Rekor v1, ``envelopeHash``)."""
    return json.dumps(encode_envelope(envelope), separators=(",", ":")).encode()


def encode_envelope(envelope: Envelope) -> dict[str, Any]:
    """The JSON form."""
    return {
        "payload": base64.b64encode(envelope.payload).decode(),
        "payloadType": envelope.payload_type,
        "signatures": [
            {"sig": base64.b64encode(one.signature).decode(), "keyid": one.keyid} for one in envelope.signatures
        ],
    }
