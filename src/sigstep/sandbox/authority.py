"""The certificate authority: a P-384 root and intermediate, and leaves with an embedded SCT (RFC 6962, 3.2)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from sigstep.sandbox import der, keys

SCT_LIST: Final = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
LEAF_MINUTES: Final = 10
_YEARS: Final = timedelta(days=3650)
_BACKDATED: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A certificate and its key."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        """The certificate, DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)


def authority(
    common_name: str,
    *,
    organization: str,
    now: datetime,
    issuer: Holder | None = None,
    path_length: int | None = None,
    usage: ObjectIdentifier | None = None,
    ca: bool = True,
    curve: ec.EllipticCurve | None = None,
) -> Holder:
    """A certificate of an authority: root, intermediate or the leaf of a time-stamping authority."""
    key = ec.generate_private_key(curve or ec.SECP384R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + _YEARS)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(key_usage(ca=ca), critical=True)
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=not ca)
    return Holder(key=key, certificate=builder.sign(signer, signing_hash(signer)))


def signing_hash(key: ec.EllipticCurvePrivateKey) -> hashes.SHA256 | hashes.SHA384:
    """The hash that goes with the curve of an authority's key."""
    return hashes.SHA384() if key.curve.name == "secp384r1" else hashes.SHA256()


def key_usage(*, ca: bool) -> x509.KeyUsage:
    """Key usage of an authority, or of a leaf that signs."""
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What a leaf is to say. The defaults are Fulcio's profile; tests change one thing at a time."""

    key: keys.PublicKey
    name: x509.GeneralName
    extensions: tuple[tuple[str, bytes], ...] = ()
    not_before: datetime
    minutes: int = LEAF_MINUTES
    usages: tuple[ObjectIdentifier, ...] = (ExtendedKeyUsageOID.CODE_SIGNING,)
    ca: bool = False


class CertificateAuthority:
    """Signs leaves; ``chain`` is the intermediate and the root."""

    def __init__(self, now: datetime, *, organization: str) -> None:
        self.root = authority("sandbox-root", organization=organization, now=now)
        self.intermediate = authority(
            "sandbox-intermediate",
            organization=organization,
            now=now,
            issuer=self.root,
            path_length=0,
            usage=ExtendedKeyUsageOID.CODE_SIGNING,
        )
        self.wrong = ec.generate_private_key(ec.SECP384R1())

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """Issuing certificate first, root last."""
        return (self.intermediate.certificate, self.root.certificate)

    def issue(
        self,
        leaf: Leaf,
        scts: Iterable[Callable[[bytes, bytes], bytes]] = (),
        *,
        key: ec.EllipticCurvePrivateKey | None = None,
    ) -> x509.Certificate:
        """Sign a leaf.

        Args:
            leaf: what it says.
            scts: each makes an SCT for (hash of the issuer's key, TBS certificate without SCTs).
            key: another key than the intermediate's, for tests.
        """
        signer = key or self.intermediate.key
        builder = self._builder(leaf)
        bare = builder.sign(signer, signing_hash(signer))
        issuer_key_hash = keys.key_id(self.intermediate.key.public_key())
        made = [sct(issuer_key_hash, bare.tbs_certificate_bytes) for sct in scts]
        if not made:
            return bare
        listed = b"".join(struct.pack(">H", len(sct)) + sct for sct in made)
        value = der.octets(struct.pack(">H", len(listed)) + listed)
        return builder.add_extension(x509.UnrecognizedExtension(SCT_LIST, value), critical=False).sign(
            signer, signing_hash(signer)
        )

    def _builder(self, leaf: Leaf) -> x509.CertificateBuilder:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.intermediate.certificate.subject)
            .public_key(leaf.key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(leaf.not_before)
            .not_valid_after(leaf.not_before + timedelta(minutes=leaf.minutes))
            .add_extension(key_usage(ca=leaf.ca), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(leaf.key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.intermediate.key.public_key()), critical=False
            )
            .add_extension(x509.SubjectAlternativeName([leaf.name]), critical=True)
        )
        if leaf.usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(leaf.usages), critical=False)
        if leaf.ca:
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        for dotted, value in leaf.extensions:
            builder = builder.add_extension(x509.UnrecognizedExtension(ObjectIdentifier(dotted), value), critical=False)
        return builder
