"""What Rekor v1 logs (rekor, pkg/types): a proposed entry is checked and becomes its canonical body."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any, Final

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sigstep.sandbox import keys
from sigstep.sandbox.exchange import Refused, b64, member, unb64


def canonical(entry: Any) -> bytes:
    """The canonical body of a proposed entry.

    Raises:
        Refused: the entry is of an unknown kind, or its signature does not hold.
    """
    kind, version = str(member(entry, "kind")), str(member(entry, "apiVersion"))
    maker = _KINDS.get((kind, version))
    if maker is None:
        raise Refused(400, f"entries of kind {kind} {version} are not taken")
    return rfc8785.dumps({"apiVersion": version, "kind": kind, "spec": maker(member(entry, "spec"))})


def indexed(entry: Any) -> frozenset[str]:
    """Digests (``sha256:…``) by which a proposed entry is found again: of the artifact, or of payload and subjects."""
    spec = member(entry, "spec")
    if member(entry, "kind") == "hashedrekord":
        return frozenset(
            {f"{member(spec, 'data', 'hash', 'algorithm')}:{member(spec, 'data', 'hash', 'value')}".lower()}
        )
    if member(entry, "kind") == "dsse":
        payload = unb64(member(json.loads(member(spec, "proposedContent", "envelope")), "payload"), "the payload")
    else:
        payload = _twice(member(spec, "content", "envelope", "payload"), "the payload")
    digests = {f"sha256:{_hash(payload)['value']}"}
    try:
        subjects = json.loads(payload)["subject"]
        digests |= {f"{name}:{value}".lower() for one in subjects for name, value in one["digest"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        pass  # no statement: found by its payload only
    return frozenset(digests)


def pae(payload_type: str, payload: bytes) -> bytes:
    """What a DSSE signature covers (DSSE protocol, PAE)."""
    name = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def _verifier(pem64: Any) -> tuple[keys.PublicKey, str]:
    """The key of a verifier, and its PEM as it is logged."""
    pem = unb64(pem64, "the verifier")
    try:
        if b"CERTIFICATE" in pem:
            certificate = x509.load_pem_x509_certificate(pem)
            key: object = certificate.public_key()
            logged = certificate.public_bytes(serialization.Encoding.PEM)
        else:
            loaded = serialization.load_pem_public_key(pem)
            key = loaded
            logged = loaded.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    except ValueError:
        raise Refused(400, "the verifier is neither a certificate nor a public key") from None
    return keys.allowed(key), b64(logged)


def _hashedrekord(spec: Any) -> dict[str, Any]:
    algorithm = str(member(spec, "data", "hash", "algorithm"))
    value = str(member(spec, "data", "hash", "value")).lower()
    content = member(spec, "signature", "content")
    key, logged = _verifier(member(spec, "signature", "publicKey", "content"))
    try:
        digest = bytes.fromhex(value)
    except ValueError:
        raise Refused(400, "the hash is not hexadecimal") from None
    keys.check_digest(key, unb64(content, "the signature"), digest, algorithm)
    return {
        "data": {"hash": {"algorithm": algorithm, "value": value}},
        "signature": {"content": content, "publicKey": {"content": logged}},
    }


def _dsse(spec: Any) -> dict[str, Any]:
    text = member(spec, "proposedContent", "envelope")
    verifiers = member(spec, "proposedContent", "verifiers")
    if not isinstance(text, str) or not isinstance(verifiers, list) or not verifiers:
        raise Refused(400, "the envelope is no text, or there is no verifier")
    try:
        envelope = json.loads(text)
    except ValueError:
        raise Refused(400, "the envelope is not JSON") from None
    payload = unb64(member(envelope, "payload"), "the payload")
    signed = pae(str(member(envelope, "payloadType")), payload)
    signatures = member(envelope, "signatures")
    if not isinstance(signatures, list) or len(signatures) != len(verifiers):
        raise Refused(400, "the envelope has not as many signatures as verifiers")
    logged = []
    for one, verifier in zip(signatures, verifiers, strict=True):
        key, pem = _verifier(verifier)
        keys.check(key, unb64(member(one, "sig"), "the signature"), signed, "sha256")
        logged.append({"signature": member(one, "sig"), "verifier": pem})
    return {
        "envelopeHash": _hash(text.encode()),
        "payloadHash": _hash(payload),
        "signatures": sorted(logged, key=lambda one: str(one["signature"])),
    }


def _intoto(spec: Any) -> dict[str, Any]:
    envelope = member(spec, "content", "envelope")
    payload = _twice(member(envelope, "payload"), "the payload")
    signed = pae(str(member(envelope, "payloadType")), payload)
    logged = []
    for one in member(envelope, "signatures"):
        key, pem = _verifier(member(one, "publicKey"))
        keys.check(key, _twice(member(one, "sig"), "the signature"), signed, "sha256")
        logged.append({"publicKey": pem, "sig": member(one, "sig")})
    if not logged:
        raise Refused(400, "the envelope has no signature")
    return {
        "content": {
            "envelope": {"payloadType": member(envelope, "payloadType"), "signatures": logged},
            "hash": member(spec, "content", "hash"),
            "payloadHash": _hash(payload),
        }
    }


def _twice(value: Any, name: str) -> bytes:
    return unb64(base64.b64encode(unb64(unb64(value, name).decode("ascii", "replace"), name)).decode(), name)


def _hash(data: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}


_KINDS: Final[dict[tuple[str, str], Callable[[Any], dict[str, Any]]]] = {
    ("hashedrekord", "0.0.1"): _hashedrekord,
    ("dsse", "0.0.1"): _dsse,
    ("intoto", "0.0.2"): _intoto,
}
