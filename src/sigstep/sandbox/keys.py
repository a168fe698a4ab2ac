"""Keys of the sandbox: making them, naming them as Sigstore does, signing, and checking requests' signatures."""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from sigstep.sandbox.exchange import Refused

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
HASHES: Final = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
_CURVE_HASHES: Final[dict[str, str]] = {"secp256r1": "sha256", "secp384r1": "sha384", "secp521r1": "sha512"}
_EC_DETAILS: Final[dict[str, str]] = {
    "secp256r1": "PKIX_ECDSA_P256_SHA_256",
    "secp384r1": "PKIX_ECDSA_P384_SHA_384",
    "secp521r1": "PKIX_ECDSA_P521_SHA_512",
}
_RSA_SIZES: Final = frozenset({2048, 3072, 4096})


def p256() -> ec.EllipticCurvePrivateKey:
    """A new P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def spki(key: PublicKey) -> bytes:
    """SubjectPublicKeyInfo, DER."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_id(key: PublicKey) -> bytes:
    """SHA-256 of the SubjectPublicKeyInfo: the log id of ECDSA logs (RFC 6962, 3.2)."""
    return hashlib.sha256(spki(key)).digest()


def note_key_id(key: ed25519.Ed25519PublicKey, origin: str) -> bytes:
    """The key id of an Ed25519 note key (C2SP signed-note), all 32 bytes: the log id of Rekor v2."""
    return hashlib.sha256(origin.encode() + b"\n\x01" + key.public_bytes_raw()).digest()


def hash_name(key: PublicKey) -> str:
    """The hash that goes with a key."""
    return _CURVE_HASHES[key.curve.name] if isinstance(key, ec.EllipticCurvePublicKey) else "sha256"


def key_details(key: PublicKey) -> str:
    """The key's name in Sigstore's protobufs (PublicKeyDetails)."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _EC_DETAILS[key.curve.name]
    if isinstance(key, rsa.RSAPublicKey):
        return f"PKIX_RSA_PKCS1V15_{key.key_size}_SHA256"
    return "PKIX_ED25519"


def allowed(key: object) -> PublicKey:
    """A key of a kind that Fulcio certifies.

    Raises:
        Refused: any other key.
    """
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVE_HASHES:
        return key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA_SIZES:
        return key
    raise Refused(400, "keys of this kind are not certified")


def sign(key: PrivateKey, data: bytes) -> bytes:
    """Sign with the hash that goes with the key."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    return key.sign(data, ec.ECDSA(HASHES[_CURVE_HASHES[key.curve.name]]))


def check(key: PublicKey, signature: bytes, data: bytes, hash_: str = "") -> None:
    """Check a signature over data; ``hash_`` defaults to the one that goes with the key.

    Raises:
        Refused: it does not hold.
    """
    if isinstance(key, ed25519.Ed25519PublicKey):
        try:
            key.verify(signature, data)
        except InvalidSignature:
            raise Refused(400, "the signature does not hold") from None
        return
    name = hash_ or hash_name(key)
    check_digest(key, signature, hashlib.new(name, data).digest(), name)


def check_digest(key: PublicKey, signature: bytes, digest: bytes, name: str) -> None:
    """Check a signature over a digest.

    Raises:
        Refused: it does not hold, or the key signs no digests.
    """
    algorithm = HASHES.get(name)
    if algorithm is None or len(digest) != algorithm.digest_size:
        raise Refused(400, "the digest does not fit its algorithm")
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, digest, ec.ECDSA(utils.Prehashed(algorithm)))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, digest, padding.PKCS1v15(), utils.Prehashed(algorithm))
        else:
            raise Refused(400, "a pure Ed25519 signature cannot be checked by a digest")
    except InvalidSignature:
        raise Refused(400, "the signature does not hold") from None
