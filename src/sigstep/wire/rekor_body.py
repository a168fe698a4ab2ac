"""Bodies of Rekor entries: what each kind says was signed, by which key, over which bytes.

Read kinds: hashedrekord 0.0.1 and 0.0.2, dsse 0.0.1, intoto 0.0.1 and 0.0.2, rekord 0.0.1. ``dsse`` 0.0.2 stood in
early Rekor v2 shards only and is refused: it cannot be bound to a bundle the way the current specification demands.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass

from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.wire import strict_json
from sigstep.wire.members import Members, decode_base64


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryClaim:
    """What a body says.

    Attributes:
        signature: the logged signature; None for intoto 0.0.1, which has none.
        verifier: the logged certificate or public key: PEM text (v1) or DER (v2), as ``pem`` says.
        digest: name (``sha256`` …) and bytes of the digest that the body gives.
        payload_type: the DSSE payload type where the body has one.
        payload: the DSSE payload where the body still has it.
        digest_of: ``artifact`` (message or PAE, by content), ``payload`` or ``envelope``.
    """

    signature: bytes | None
    verifier: bytes
    pem: bool
    digest: tuple[str, bytes]
    digest_of: str
    payload_type: str | None = None
    payload: bytes | None = None


def parse_body(body: bytes, *, kind: str, version: str) -> EntryClaim:
    """The claim of a canonicalized body.

    Args:
        body: the bytes of the Merkle leaf.
        kind: kind that the log entry states.
        version: its version; both have to be those of the body.

    Raises:
        FormatError: ``entry-kind``, ``entry-body``, or a code of strict JSON.
    """
    reader = _READERS.get((kind, version))
    if reader is None:
        why = "Rekor v2 logs envelopes as hashedrekord" if (kind, version) == ("dsse", "0.0.2") else "it is not known"
        raise FormatError(
            code="entry-kind",
            what=f"log entries of the kind {kind[:40]!r} {version[:20]!r} are not accepted",
            why=why,
            fix="sign again with a current tool",
        )
    members = Members(strict_json.loads(body, at_most=limits.LOG_BODY_BYTES, name="log entry"), "entry")
    if members.text("kind", "") != kind or members.text("apiVersion", "") != version:
        raise bad_body("its kind or version is not what the bundle says")
    spec = members.need("spec")
    members.done()
    return reader(spec)


def _hashedrekord_1(spec: Members) -> EntryClaim:
    data, signature = spec.need("data"), spec.need("signature")
    digest, key = data.need("hash"), signature.need("publicKey")
    claim = EntryClaim(
        signature=signature.bytes("content", at_most=limits.SIGNATURE_BYTES),
        verifier=key.bytes("content", at_most=limits.CERTIFICATE_BYTES),
        pem=True,
        digest=_hash(digest),
        digest_of="artifact",
    )
    _done(spec, data, signature, key)
    return claim


def _rekord_1(spec: Members) -> EntryClaim:
    data, signature = spec.need("data"), spec.need("signature")
    if signature.text("format", "") != "x509":
        raise bad_body("its signature format is not x509")
    digest, key = data.need("hash"), signature.need("publicKey")
    claim = EntryClaim(
        signature=signature.bytes("content", at_most=limits.SIGNATURE_BYTES),
        verifier=key.bytes("content", at_most=limits.CERTIFICATE_BYTES),
        pem=True,
        digest=_hash(digest),
        digest_of="artifact",
    )
    _done(spec, data, signature, key)
    return claim


def _hashedrekord_2(spec: Members) -> EntryClaim:
    record = spec.need("hashedRekordV002")
    data, signature = record.need("data"), record.need("signature")
    verifier = signature.need("verifier")
    certificate, key = verifier.object("x509Certificate"), verifier.object("publicKey")
    found = certificate or key
    if found is None or (certificate is not None and key is not None):
        raise bad_body("it names no signer, or two")
    algorithm = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}.get(data.text("algorithm", ""))
    if algorithm is None:
        raise bad_body("its digest algorithm is not known")
    verifier.text("keyDetails")
    claim = EntryClaim(
        signature=signature.bytes("content", at_most=limits.SIGNATURE_BYTES),
        verifier=found.bytes("rawBytes", at_most=limits.CERTIFICATE_BYTES),
        pem=False,
        digest=(algorithm, data.bytes("digest", at_most=64)),
        digest_of="artifact",
    )
    _done(spec, record, data, signature, verifier, found)
    return claim


def _dsse_1(spec: Members) -> EntryClaim:
    signatures = spec.array("signatures", at_most=limits.LOG_ENTRIES)
    if len(signatures) != 1:
        raise bad_body(f"it has {len(signatures)} signatures")
    one = Members(signatures[0], "entry.spec.signatures[0]")
    payload_hash = spec.need("payloadHash")
    _hash(spec.need("envelopeHash"))
    claim = EntryClaim(
        signature=one.bytes("signature", at_most=limits.SIGNATURE_BYTES),
        verifier=one.bytes("verifier", at_most=limits.CERTIFICATE_BYTES),
        pem=True,
        digest=_hash(payload_hash),
        digest_of="payload",
    )
    _done(spec, one)
    return claim


def _intoto_1(spec: Members) -> EntryClaim:
    content = spec.need("content")
    digest = _hash(content.need("hash"))
    payload_hash = content.object("payloadHash")
    if payload_hash is not None:
        _hash(payload_hash)
    claim = EntryClaim(
        signature=None,
        verifier=spec.bytes("publicKey", at_most=limits.CERTIFICATE_BYTES),
        pem=True,
        digest=digest,
        digest_of="envelope",
    )
    _done(spec, content)
    return claim


def _intoto_2(spec: Members) -> EntryClaim:
    content = spec.need("content")
    envelope = content.need("envelope")
    payload_hash = content.need("payloadHash")
    digest = content.object("hash")
    if digest is not None:
        _hash(digest)
    signatures = envelope.array("signatures", at_most=limits.LOG_ENTRIES)
    if len(signatures) != 1:
        raise bad_body(f"it has {len(signatures)} signatures")
    one = Members(signatures[0], "entry.spec.content.envelope.signatures[0]")
    one.take("keyid")
    payload = envelope.bytes("payload", at_most=limits.LOG_BODY_BYTES, default=b"")
    claim = EntryClaim(
        signature=_inner_signature(one.bytes("sig", at_most=2 * limits.SIGNATURE_BYTES)),
        verifier=one.bytes("publicKey", at_most=limits.CERTIFICATE_BYTES),
        pem=True,
        digest=_hash(payload_hash),
        digest_of="payload",
        payload_type=envelope.text("payloadType"),
        payload=_twice(payload) if payload else None,
    )
    _done(spec, content, envelope, one)
    return claim


_READERS: dict[tuple[str, str], Callable[[Members], EntryClaim]] = {
    ("hashedrekord", "0.0.1"): _hashedrekord_1,
    ("hashedrekord", "0.0.2"): _hashedrekord_2,
    ("rekord", "0.0.1"): _rekord_1,
    ("dsse", "0.0.1"): _dsse_1,
    ("intoto", "0.0.1"): _intoto_1,
    ("intoto", "0.0.2"): _intoto_2,
}


def _hash(members: Members) -> tuple[str, bytes]:
    algorithm, digits = members.text("algorithm"), members.text("value")
    members.done()
    try:
        value = binascii.unhexlify(digits)
    except (binascii.Error, ValueError):
        raise bad_body("a digest is not hexadecimal") from None
    if {"sha256": 32, "sha384": 48, "sha512": 64}.get(algorithm) != len(value):
        raise bad_body("a digest has another length than its algorithm")
    return algorithm, value


def _twice(data: bytes) -> bytes:
    """The inner base64 of intoto 0.0.2: the field's own type is base64 of text that is base64 already."""
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        raise bad_body("an inner member is not base64") from None
    return decode_base64(text, "entry (inner)", at_most=limits.LOG_BODY_BYTES)


def _inner_signature(data: bytes) -> bytes:
    """The inner signature; bytes that are not base64 again are compared as they are, and match no signature."""
    try:
        return _twice(data)
    except FormatError:
        return data


def _done(*parts: Members) -> None:
    for part in parts:
        part.done()


def bad_body(why: str) -> FormatError:
    """The error of a body that does not say what its kind has to say."""
    return FormatError(
        code="entry-body",
        what="the log entry's body is not acceptable",
        why=why,
        fix="fetch the entry from the log again, or sign again",
    )


def encode_pem(der: bytes, label: str) -> str:
    """PEM as the log writes it: 64 columns, ``\\n``, a final newline."""
    text = base64.b64encode(der).decode()
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"
