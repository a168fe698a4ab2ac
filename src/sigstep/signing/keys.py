"""Private keys: ephemeral ones, which never leave memory, and managed ones (Sigstore algorithm registry)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from sigstep.errors import ProofError, UsageError
from sigstep.model.digest import Algorithm, Digest
from sigstep.proofs.keys import PublicKey, public_key

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
ALGORITHMS: Final = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519")
_KEY_BYTES: Final = 64 * 1024
_CURVES: Final = {
    "secp256r1": ("PKIX_ECDSA_P256_SHA_256", Algorithm.SHA256),
    "secp384r1": ("PKIX_ECDSA_P384_SHA_384", Algorithm.SHA384),
    "secp521r1": ("PKIX_ECDSA_P521_SHA_512", Algorithm.SHA512),
}
_HASHES: Final[dict[Algorithm, hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    Algorithm.SHA256: hashes.SHA256(),
    Algorithm.SHA384: hashes.SHA384(),
    Algorithm.SHA512: hashes.SHA512(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A private key. Its ``repr`` shows the algorithm only.

    Attributes:
        private: the key.
        key_details: its name in the registry.
        algorithm: the digest that it signs; None for Ed25519, which signs messages only.
        fulcio_name: Fulcio's word for its algorithm.
    """

    private: PrivateKey = field(repr=False)
    key_details: str
    algorithm: Algorithm | None
    fulcio_name: str

    @property
    def spki(self) -> bytes:
        """The public key, SubjectPublicKeyInfo DER."""
        return self.private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def public_pem(self) -> str:
        """The public key, PEM."""
        return (
            self.private.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    @property
    def csr_pem(self) -> bytes:
        """A certificate signing request without a name, PEM: Fulcio takes the name from the token."""
        algorithm = None if self.algorithm is None else _HASHES[self.algorithm]
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        return request.sign(self.private, algorithm).public_bytes(serialization.Encoding.PEM)

    def sign_digest(self, digest: Digest) -> bytes:
        """Sign a digest of the key's own algorithm (ECDSA in DER; RSA PKCS#1 v1.5).

        Raises:
            UsageError: ``key-no-digest``: Ed25519 signs no digest.
        """
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            return self.private.sign(digest.value, ec.ECDSA(utils.Prehashed(_HASHES[digest.algorithm])))
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(digest.value, padding.PKCS1v15(), utils.Prehashed(_HASHES[digest.algorithm]))
        raise UsageError(
            code="key-no-digest",
            what="an Ed25519 key cannot sign a file's digest",
            why="that needs Ed25519ph, which no library here has; logs take nothing else",
            fix="use ecdsa-p256, or attest instead of sign",
        )

    def sign_message(self, message: bytes) -> bytes:
        """Sign a message of any length."""
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(message)
        return self.sign_digest(Digest.of(message, self.algorithm or Algorithm.SHA256))


def ephemeral_key(algorithm: str = "ecdsa-p256") -> SigningKey:
    """A fresh key of one of `ALGORITHMS`.

    Raises:
        UsageError: ``key-algorithm``.
    """
    family, _, size = algorithm.partition("-")
    if algorithm not in ALGORITHMS:
        raise UsageError(
            code="key-algorithm",
            what=f"there is no key algorithm {algorithm!r}",
            why=f"known are {', '.join(ALGORITHMS)}",
            fix="leave it out: ecdsa-p256 is what every verifier takes",
        )
    if family == "rsa":
        return _signing_key(rsa.generate_private_key(public_exponent=65537, key_size=int(size)))
    if family == "ed25519":
        return _signing_key(ed25519.Ed25519PrivateKey.generate())
    curve: ec.EllipticCurve = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}[size]
    return _signing_key(ec.generate_private_key(curve))


def managed_key(path: Path, password: str | None) -> SigningKey:
    """A key from a PKCS#8 PEM file.

    Args:
        path: the file.
        password: what it is encrypted with, or None.

    Raises:
        UsageError: ``key-unreadable``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_KEY_BYTES)
        key = serialization.load_pem_private_key(data, password.encode() if password else None)
        public_key(key.public_key())
    except OSError as error:
        raise _unreadable(path, error.strerror or type(error).__name__) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _unreadable(path, "it is not PKCS#8 PEM, or the password does not open it") from None
    except ProofError as error:
        raise _unreadable(path, error.why) from None
    assert isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey, ed25519.Ed25519PrivateKey))
    return _signing_key(key)


def registry_name(public: PublicKey) -> tuple[str, Algorithm | None]:
    """A key's name in the Sigstore algorithm registry, and the digest that it signs (None for Ed25519)."""
    if isinstance(public.key, ec.EllipticCurvePublicKey):
        details, algorithm = _CURVES[public.key.curve.name]
        return details, algorithm
    if isinstance(public.key, rsa.RSAPublicKey):
        return f"PKIX_RSA_PKCS1V15_{public.key.key_size}_SHA256", Algorithm.SHA256
    return "PKIX_ED25519", None


def _signing_key(key: PrivateKey) -> SigningKey:
    details, algorithm = registry_name(public_key(key.public_key()))
    if isinstance(key, rsa.RSAPrivateKey):
        name = "RSA_PSS"  # Fulcio's word for every RSA key
    else:
        name = "ECDSA" if isinstance(key, ec.EllipticCurvePrivateKey) else "ED25519"
    return SigningKey(private=key, key_details=details, algorithm=algorithm, fulcio_name=name)


def _unreadable(path: Path, why: str) -> UsageError:
    return UsageError(
        code="key-unreadable",
        what=f"the key {str(path)!r} cannot be used",
        why=why,
        fix="give a PKCS#8 PEM file; its password comes from the environment (SIGSTEP_KEY_PASSWORD)",
    )
