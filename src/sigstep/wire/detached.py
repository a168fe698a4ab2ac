"""Detached signatures: the signature, certificate and time stamp of cosign and older clients as files of their own."""

from __future__ import annotations

import base64
import binascii

from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.model.bundle import (
    Bundle,
    BundleVersion,
    CertificateMaterial,
    Envelope,
    MessageSignature,
    PublicKeyMaterial,
)
from sigstep.wire import strict_json
from sigstep.wire.cosign import certificate_der
from sigstep.wire.dsse import parse_envelope
from sigstep.wire.members import as_mapping, decode_base64
from sigstep.wire.signed_document import Signed


def parse_detached(signature: bytes, certificate: bytes | None, timestamp: bytes | None) -> Signed:
    """The claims of files that belong together; their log entry has to be found.

    Args:
        signature: base64 or raw bytes of a signature, or a DSSE envelope (JSON, or base64 of it).
        certificate: PEM, or base64 of PEM as ``cosign --output-certificate`` writes it; None where a key signed.
        timestamp: ``{"SignedRFC3161Timestamp": …}`` as cosign writes it, or a TimeStampResp in DER.

    Raises:
        FormatError: ``detached-certificate``, ``detached-signature``; the envelope or stamp is malformed.
    """
    content, original = _content(signature)
    bundle = Bundle(
        version=BundleVersion.V0_1,
        material=PublicKeyMaterial(hint="") if certificate is None else CertificateMaterial(leaf=_leaf(certificate)),
        entries=(),
        timestamps=() if timestamp is None else (_timestamp(timestamp),),
        content=content,
    )
    return Signed(bundle=bundle, original=original, entry_elsewhere=True)


def _content(signature: bytes) -> tuple[MessageSignature | Envelope, bytes | None]:
    data = _decoded(signature) or signature
    text = data.strip()
    if text.startswith(b"{"):
        value = as_mapping(strict_json.loads(text, at_most=limits.BUNDLE_BYTES, name="envelope"), "envelope")
        if "mediaType" in value or "base64Signature" in value:
            raise FormatError(
                code="detached-signature",
                what="the signature file is a bundle",
                why="it holds the signature with its certificate and log entry",
                fix="give it with --bundle instead",
            )
        return parse_envelope(value, "envelope")[0], text
    if not data or len(data) > limits.SIGNATURE_BYTES:
        raise FormatError(
            code="detached-signature",
            what="the signature file holds no signature",
            why=f"it has {len(data)} bytes; a signature has at most {limits.SIGNATURE_BYTES}",
            fix="give the file that was written beside the artifact when it was signed",
        )
    return MessageSignature(digest=None, signature=data), None


def _decoded(data: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _leaf(certificate: bytes) -> bytes:
    der = certificate_der(certificate)
    if der is None:
        raise FormatError(
            code="detached-certificate",
            what="the certificate file holds no certificate",
            why="it is neither PEM nor base64 of PEM",
            fix="give the file that was written beside the artifact when it was signed",
        )
    return der


def _timestamp(data: bytes) -> bytes:
    if not data.lstrip().startswith(b"{"):
        return data
    value = as_mapping(strict_json.loads(data, at_most=limits.TIMESTAMP_BYTES * 2, name="time stamp"), "time stamp")
    stamp = value.get("SignedRFC3161Timestamp")
    return decode_base64(stamp, "SignedRFC3161Timestamp", at_most=limits.TIMESTAMP_BYTES)
