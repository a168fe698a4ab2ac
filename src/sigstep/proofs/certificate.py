"""The signer's certificate: parsed once, its identity read strictly (Fulcio OID information, certificate profile)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from sigstep.errors import ProofError
from sigstep.model.identity import EXTENSIONS, FULCIO_ARC, Identity, NameKind
from sigstep.proofs.keys import PublicKey, public_key
from sigstep.wire.der import SEQUENCE, Der

_Kind = TypeVar("_Kind", bound=x509.ExtensionType)
UNREADABLE: Final = (
    ValueError,
    TypeError,
    KeyError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    UnsupportedAlgorithm,
)
"""What the X.509 library raises for a certificate or name that it cannot read."""
_OTHER_NAME: Final = x509.ObjectIdentifier(f"{FULCIO_ARC}.7")
_ISSUERS: Final = (1, 8)
_NUMBERS: Final = {x509.ObjectIdentifier(f"{FULCIO_ARC}.{number}"): number for number in (*_ISSUERS, *EXTENSIONS)}
_RAW: Final = range(1, 7)  # the deprecated extensions hold bare text, the later ones a DER UTF8String
_KNOWN_CRITICAL: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    }
)


@dataclass(frozen=True)
class Leaf:
    """A leaf certificate whose profile holds; whether it is trusted is a matter of `sigstep.proofs.chain`."""

    der: bytes
    certificate: x509.Certificate
    extensions: Mapping[x509.ObjectIdentifier, x509.Extension[x509.ExtensionType]]

    @cached_property
    def key(self) -> PublicKey:
        """Its public key.

        Raises:
            ProofError: ``key-unsupported``, ``certificate-malformed``.
        """
        try:
            key = self.certificate.public_key()
        except (ValueError, UnsupportedAlgorithm) as error:
            raise malformed(str(error)[:200]) from None
        return public_key(key)

    @property
    def signed_part(self) -> bytes:
        """The bytes under the issuer's signature, as they stand in ``der`` (TBSCertificate, RFC 5280 section 4.1)."""
        return Der(self.der).take(SEQUENCE).whole(SEQUENCE)

    def value(self, kind: type[_Kind]) -> _Kind | None:
        """The extension of that kind, or None."""
        found = self.extensions.get(kind.oid)
        return found.value if found is not None and isinstance(found.value, kind) else None


def load_leaf(der: bytes) -> Leaf:
    """A signer's certificate that may sign code, and nothing else.

    Raises:
        ProofError: ``certificate-malformed``, ``certificate-not-for-signing``.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        extensions = {one.oid: one for one in certificate.extensions}
        unknown = [oid for oid, one in extensions.items() if one.critical and oid not in _KNOWN_CRITICAL]
        _ = certificate.issuer, certificate.subject  # the library reads them late, and some only fail then
    except UNREADABLE as error:
        raise malformed(str(error)[:200]) from None
    if unknown:
        raise malformed(f"it has an unknown critical extension {unknown[0].dotted_string}")
    leaf = Leaf(der=der, certificate=certificate, extensions=extensions)
    _check_usage(leaf)
    return leaf


def _check_usage(leaf: Leaf) -> None:
    constraints = leaf.value(x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise _not_for_signing("it is a CA")
    usage = leaf.value(x509.KeyUsage)
    if usage is None or not usage.digital_signature:
        raise _not_for_signing("its key usage has no digital signature")
    extended = leaf.value(x509.ExtendedKeyUsage)
    if extended is None or ExtendedKeyUsageOID.CODE_SIGNING not in extended:
        raise _not_for_signing("its extended key usage has no code signing")


def identity_of(leaf: Leaf) -> Identity:
    """What the certificate says about its signer.

    Raises:
        ProofError: ``certificate-identity``: no name or several, two issuers, or an extension that is not text.
    """
    kind, subject = _name(leaf)
    values: dict[int, str] = {}
    for oid, one in leaf.extensions.items():
        number = _NUMBERS.get(oid)
        if number is not None and isinstance(one.value, x509.UnrecognizedExtension):
            values[number] = _text(one.value.value, raw=number in _RAW)
    issuers = {values[number] for number in _ISSUERS if number in values}
    if len(issuers) > 1:
        raise _bad_identity("its two issuer extensions differ")
    return Identity(
        kind=kind,
        subject=subject,
        issuer=next(iter(issuers), None),
        extensions={EXTENSIONS[number]: value for number, value in values.items() if number not in _ISSUERS},
    )


def _name(leaf: Leaf) -> tuple[NameKind, str]:
    found = list(leaf.value(x509.SubjectAlternativeName) or ())
    if len(found) != 1:
        raise _bad_identity(f"it has {len(found)} subject alternative names")
    name = found[0]
    if isinstance(name, x509.UniformResourceIdentifier):
        return NameKind.URI, name.value
    if isinstance(name, x509.RFC822Name):
        return NameKind.EMAIL, name.value
    if isinstance(name, x509.OtherName) and name.type_id == _OTHER_NAME:
        return NameKind.OTHER, _text(name.value, raw=False)
    raise _bad_identity("its subject alternative name is of an unknown kind")


def _text(data: bytes, *, raw: bool) -> str:
    body = data if raw else _utf8_string(data)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise _bad_identity("an extension is not UTF-8") from None


def _utf8_string(data: bytes) -> bytes:
    """The content of one DER UTF8String without trailing bytes (X.690 section 8.1.3)."""
    if len(data) < 2 or data[0] != 0x0C:
        raise _bad_identity("an extension is not a UTF8String")
    length, at = data[1], 2
    if length & 0x80:
        count = length & 0x7F
        length, at = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
        if not 1 <= count <= 3 or length < 0x80 or data[2] == 0:
            raise _bad_identity("an extension's length is not DER")
    if len(data) != at + length:
        raise _bad_identity("an extension has another length than it says")
    return data[at:]


def malformed(why: str) -> ProofError:
    """The error of a certificate that cannot be read."""
    return ProofError(
        code="certificate-malformed", what="the signer's certificate is malformed", why=why, fix="sign again"
    )


def _not_for_signing(why: str) -> ProofError:
    return ProofError(
        code="certificate-not-for-signing",
        what="the certificate is not one for signing code",
        why=why,
        fix="sign with a certificate of Fulcio",
    )


def _bad_identity(why: str) -> ProofError:
    return ProofError(
        code="certificate-identity",
        what="the certificate does not name one signer",
        why=why,
        fix="sign with a certificate of Fulcio",
    )
