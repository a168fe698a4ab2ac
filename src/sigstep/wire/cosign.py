"""cosign's formats from before the Sigstore bundle: the blob bundle, and the bundle annotation of images."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final

from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.model.bundle import (
    Bundle,
    BundleVersion,
    CertificateMaterial,
    Envelope,
    LogEntry,
    MessageSignature,
    PublicKeyMaterial,
)
from sigstep.wire import strict_json
from sigstep.wire.dsse import parse_envelope
from sigstep.wire.members import Members, as_mapping, decode_base64

_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----", re.ASCII)


def parse_blob_bundle(value: Any) -> tuple[Bundle, bytes | None]:
    """A bundle of ``cosign sign-blob`` or ``attest-blob`` before version 3, and the envelope's bytes where it has one.

    A public key in its ``cert`` member is only a hint: keys come from the caller (GHSA-fx35-mq7g-6g98).

    Raises:
        FormatError: ``cosign-bundle``, or a code of strict JSON.
    """
    members = Members(value, "bundle")
    signed = members.bytes("base64Signature", at_most=limits.BUNDLE_BYTES)
    certificate = members.text("cert", "")
    rekor = members.take("rekorBundle")
    members.done()
    entries = (parse_rekor_bundle(rekor),) if rekor is not None else ()
    original = signed if signed.lstrip().startswith(b"{") else None
    content: Envelope | MessageSignature
    if original is not None:
        document = strict_json.loads(original, at_most=limits.BUNDLE_BYTES, name="envelope")
        content = parse_envelope(document, "envelope")[0]
    else:
        content = MessageSignature(digest=None, signature=signed)
    bundle = Bundle(
        version=BundleVersion.V0_1,
        material=_material(certificate),
        entries=entries,
        timestamps=(),
        content=content,
    )
    return bundle, original


def parse_rekor_bundle(value: Any) -> LogEntry:
    """The log entry of a ``rekorBundle``: a promise (SET) without an inclusion proof.

    Raises:
        FormatError: a member is missing, malformed or unknown; ``entry-body``.
    """
    members = Members(value, "rekorBundle")
    promise = members.take("SignedEntryTimestamp")
    payload = Members(members.take("Payload"), "rekorBundle.Payload")
    body = payload.bytes("body", at_most=limits.LOG_BODY_BYTES)
    document = as_mapping(strict_json.loads(body, at_most=limits.LOG_BODY_BYTES, name="log entry"), "entry")
    entry = LogEntry(
        log_index=payload.integer("logIndex"),
        log_id=_hex(payload.take("logID")),
        kind=str(document.get("kind", "")),
        kind_version=str(document.get("apiVersion", "")),
        integrated_time=payload.integer("integratedTime"),
        promise=decode_base64(promise, "rekorBundle.SignedEntryTimestamp", at_most=limits.SIGNATURE_BYTES),
        proof=None,
        body=body,
    )
    payload.done()
    members.done()
    return entry


def certificate_der(text: bytes) -> bytes | None:
    """The first certificate (DER) in PEM or base64 of PEM, as cosign writes it; None where there is none."""
    for candidate in (text, _unwrapped(text)):
        match = _CERTIFICATE.search(candidate)
        if match is not None:
            try:
                return base64.b64decode(b"".join(match[1].split()), validate=True)
            except (binascii.Error, ValueError):
                return None
    return None


def _material(text: str) -> CertificateMaterial | PublicKeyMaterial:
    if not text:
        return PublicKeyMaterial(hint="")
    der = certificate_der(text.encode())
    return PublicKeyMaterial(hint="") if der is None else CertificateMaterial(leaf=der)


def _unwrapped(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _hex(value: Any) -> bytes:
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError):
        raise FormatError(
            code="cosign-bundle",
            what="the bundle's log id is not hexadecimal",
            why="the format requires it",
            fix="sign again with a current tool",
        ) from None
