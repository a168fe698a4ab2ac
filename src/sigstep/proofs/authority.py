"""The chain of an authority itself: links, constraints and windows (RFC 5280 section 6)."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from sigstep.errors import ProofError
from sigstep.model.digest import Algorithm
from sigstep.model.trust import Authority
from sigstep.proofs.certificate import Leaf
from sigstep.proofs.keys import PublicKey, public_key, verify_with

_Kind = TypeVar("_Kind", bound=x509.ExtensionType)
_PRECERT_SIGNING: Final = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.4")
_HASHES: Final = {one.value: one for one in Algorithm}
_KNOWN_CRITICAL: Final = frozenset(
    {ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE, ExtensionOID.EXTENDED_KEY_USAGE}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityChain:
    """An authority whose chain holds: certificates, issuing one (or TSA leaf) first, anchor last.

    ``start`` and ``end`` bound the times at which every certificate of it is valid, both included; ``key`` is the
    first one's, ``sct_key_hash`` the key hash in the SCTs of what it issues.
    """

    authority: Authority
    certificates: tuple[x509.Certificate, ...]
    start: datetime
    end: datetime
    key: PublicKey
    sct_key_hash: bytes

    def valid_at(self, time: datetime) -> bool:
        """Whether the authority counts at ``time``: its window in the trusted root and each certificate's validity."""
        return self.authority.validity.contains(time) and self.start <= time <= self.end


def certificate_chain(authority: Authority, certificates: tuple[x509.Certificate, ...]) -> AuthorityChain:
    """Check the chain of a certificate authority.

    Raises:
        ProofError: ``authority-chain``, ``certificate-malformed``.
    """
    for depth, certificate in enumerate(certificates):
        _check_ca(certificate, depth, ExtendedKeyUsageOID.CODE_SIGNING)
    return _chain(authority, certificates)


def timestamp_chain(authority: Authority, certificates: tuple[x509.Certificate, ...]) -> AuthorityChain:
    """Check the chain of a timestamp authority: its leaf only stamps (RFC 3161 section 2.3), the others are CAs.

    Raises:
        ProofError: ``authority-chain``, ``certificate-malformed``.
    """
    leaf = certificates[0]
    usage = extension(leaf, x509.ExtendedKeyUsage)
    if usage is None or not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise _refuse("the timestamp authority's certificate is not for time stamps only")
    constraints = extension(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.value.ca and len(certificates) > 1:
        raise _refuse("the timestamp authority's leaf is a CA")
    for depth, certificate in enumerate(certificates[1:]):
        _check_ca(certificate, depth, ExtendedKeyUsageOID.TIME_STAMPING)
    return _chain(authority, certificates)


def _chain(authority: Authority, certificates: tuple[x509.Certificate, ...]) -> AuthorityChain:
    for child, issuer in itertools.pairwise(certificates):
        if not issued_by(child, issuer):
            raise _refuse("a certificate is not issued by the next one")
    return AuthorityChain(
        authority=authority,
        certificates=certificates,
        start=max(one.not_valid_before_utc for one in certificates),
        end=min(one.not_valid_after_utc for one in certificates),
        key=public_key(certificates[0].public_key()),
        sct_key_hash=hashlib.sha256(_sct_signer(certificates)).digest(),
    )


def _sct_signer(certificates: tuple[x509.Certificate, ...]) -> bytes:
    """The SPKI whose hash SCTs are over: of a precertificate signer it is its own issuer's (RFC 6962 section 3.2)."""
    usage = extension(certificates[0], x509.ExtendedKeyUsage)
    uses = set(usage.value) if usage is not None else set()
    special = _PRECERT_SIGNING in uses and ExtendedKeyUsageOID.CODE_SIGNING not in uses and len(certificates) > 1
    return certificates[int(special)].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _check_ca(certificate: x509.Certificate, depth: int, usage: x509.ObjectIdentifier) -> None:
    constraints = extension(certificate, x509.BasicConstraints)
    if constraints is None or not constraints.value.ca:
        raise _refuse("a certificate of the chain is not a CA")
    if constraints.value.path_length is not None and constraints.value.path_length < depth:
        raise _refuse("a path length is exceeded")
    key_usage = extension(certificate, x509.KeyUsage)
    if key_usage is not None and not key_usage.value.key_cert_sign:
        raise _refuse("a CA certificate may not sign certificates")
    extended = extension(certificate, x509.ExtendedKeyUsage)
    if extended is not None and not {usage, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(extended.value):
        raise _refuse("a CA certificate is for another use")
    if any(one.critical and one.oid not in _KNOWN_CRITICAL for one in certificate.extensions):
        raise _refuse("a CA certificate has an unknown critical extension")


def signed_by(leaf: Leaf, issuer: AuthorityChain) -> bool:
    """Whether the authority's first certificate, whose key is at hand, signed ``leaf``, and the names agree."""
    child = leaf.certificate
    if not isinstance(issuer.key.key, ec.EllipticCurvePublicKey):
        return issued_by(child, issuer.certificates[0])
    try:
        hashed = child.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return False
    algorithm = _HASHES.get(hashed.name) if hashed is not None else None
    if algorithm is None or child.issuer != issuer.certificates[0].subject:
        return False
    return verify_with(issuer.key, child.signature, leaf.signed_part, algorithm)


def issued_by(child: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether ``issuer`` signed ``child``, and the names agree."""
    try:
        child.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def extension(certificate: x509.Certificate, kind: type[_Kind]) -> x509.Extension[_Kind] | None:
    """The extension of that kind, or None.

    Raises:
        ProofError: ``certificate-malformed``.
    """
    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None
    except (ValueError, x509.DuplicateExtension) as error:
        raise ProofError(
            code="certificate-malformed",
            what="a certificate's extensions cannot be read",
            why=str(error)[:200],
            fix="sign again",
        ) from None


def _refuse(why: str) -> ProofError:
    return ProofError(
        code="authority-chain",
        what="an authority of the trusted root has no acceptable chain",
        why=why,
        fix="take a current trusted root",
    )
