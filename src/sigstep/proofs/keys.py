"""The closed registry of public keys and signature algorithms, and the check of one signature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from sigstep.errors import FormatError, ProofError
from sigstep.model.digest import Algorithm, Digest

Key = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

_HASHES: Final = {
    Algorithm.SHA256: hashes.SHA256(),
    Algorithm.SHA384: hashes.SHA384(),
    Algorithm.SHA512: hashes.SHA512(),
}
_ECDSA: Final = {name: ec.ECDSA(one) for name, one in _HASHES.items()}
_PREHASHED: Final = {name: Prehashed(one) for name, one in _HASHES.items()}
_ECDSA_PREHASHED: Final = {name: ec.ECDSA(one) for name, one in _PREHASHED.items()}
_CURVES: Final = {
    "secp256r1": (Algorithm.SHA256,),
    "secp384r1": (Algorithm.SHA384, Algorithm.SHA256),
    "secp521r1": (Algorithm.SHA512, Algorithm.SHA256),
}
_RSA_BITS: Final = (2048, 3072, 4096)


@dataclass(frozen=True)
class PublicKey:
    """A public key of the registry.

    Attributes:
        key: the key.
        algorithms: digests it may sign, the first is the one of current clients; empty for Ed25519, which signs
            messages and never a digest.
    """

    key: Key
    algorithms: tuple[Algorithm, ...]

    @cached_property
    def spki(self) -> bytes:
        """Its SubjectPublicKeyInfo, DER."""
        return self.key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def public_key(key: object) -> PublicKey:
    """A key of the registry (Sigstore algorithm registry: P-256, P-384, P-521, RSA 2048 to 4096, Ed25519).

    Raises:
        ProofError: ``key-unsupported``.
    """
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return PublicKey(key, _CURVES[key.curve.name])
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA_BITS:
        return PublicKey(key, (Algorithm.SHA256,))
    if isinstance(key, ed25519.Ed25519PublicKey):
        return PublicKey(key, ())
    raise ProofError(
        code="key-unsupported",
        what="the key's algorithm is not accepted",
        why="accepted are ECDSA P-256, P-384 and P-521, RSA of 2048, 3072 and 4096 bits, and Ed25519",
        fix="sign with one of these",
    )


def load_key(der: bytes) -> PublicKey:
    """A key from its SubjectPublicKeyInfo, or from a PKCS#1 RSAPublicKey (old CT logs), DER.

    Raises:
        FormatError: ``key-malformed``.
        ProofError: ``key-unsupported``.
    """
    return _load(serialization.load_der_public_key, der)


def load_pem_key(pem: bytes) -> PublicKey:
    """A key from PEM.

    Raises:
        FormatError: ``key-malformed``.
        ProofError: ``key-unsupported``.
    """
    if b"-----BEGIN " not in pem:
        raise _malformed("it is not PEM")
    return _load(serialization.load_pem_public_key, pem)


def _load(read: Callable[[bytes], object], data: bytes) -> PublicKey:
    try:
        return public_key(read(data))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _malformed(str(error)[:200]) from None


def _malformed(why: str) -> FormatError:
    return FormatError(
        code="key-malformed",
        what="this is not a public key",
        why=why,
        fix="give the public key in PEM; `openssl pkey -pubout` makes it of a private key, `openssl x509 -pubkey` of a "
        "certificate",
    )


def verify_digest(key: PublicKey, signature: bytes, digest: Digest) -> bool:
    """Whether ``signature`` is one of ``key`` over something with that digest (ECDSA in DER, RSA PKCS#1 v1.5).

    False as well where the key does not sign digests of that algorithm.
    """
    if digest.algorithm not in key.algorithms:
        return False
    return _holds(key, signature, digest.value, digest.algorithm, prehashed=True)


def verify_message(key: PublicKey, signature: bytes, message: bytes) -> Algorithm | None:
    """The digest algorithm with which ``signature`` holds over ``message`` (sha512 stands for Ed25519's own).

    None where it holds with none. P-384 and P-521 are tried with SHA-256 too: old clients signed so.
    """
    if not key.algorithms:
        return Algorithm.SHA512 if _holds(key, signature, message, Algorithm.SHA512, prehashed=False) else None
    for algorithm in key.algorithms:
        if _holds(key, signature, message, algorithm, prehashed=False):
            return algorithm
    return None


def der_signature(key: PublicKey, signature: bytes) -> bytes | None:
    """A raw ECDSA signature, ``r`` and ``s`` in as many bytes as the curve's order (IEEE P1363), in DER; else None."""
    if not isinstance(key.key, ec.EllipticCurvePublicKey):
        return None
    size = (key.key.curve.key_size + 7) // 8
    if len(signature) != 2 * size:
        return None
    return encode_dss_signature(int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big"))


def verify_with(key: PublicKey, signature: bytes, message: bytes, algorithm: Algorithm) -> bool:
    """Whether ``signature`` is one of ``key`` over ``message`` with that digest (Ed25519 has its own)."""
    return _holds(key, signature, message, algorithm, prehashed=False)


def _holds(key: PublicKey, signature: bytes, data: bytes, algorithm: Algorithm, *, prehashed: bool) -> bool:
    try:
        if isinstance(key.key, ec.EllipticCurvePublicKey):
            key.key.verify(signature, data, (_ECDSA_PREHASHED if prehashed else _ECDSA)[algorithm])
        elif isinstance(key.key, rsa.RSAPublicKey):
            key.key.verify(signature, data, padding.PKCS1v15(), (_PREHASHED if prehashed else _HASHES)[algorithm])
        else:
            key.key.verify(signature, data)
    except InvalidSignature:
        return False
    return True
