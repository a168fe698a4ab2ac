"""Chains of authorities: each line that can refuse is reached by one chain with one thing wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from tests.unit.refusals import code_of

from sigstep.errors import ProofError
from sigstep.model.trust import Authority, Log, Thresholds, TrustedRoot, TrustMaterial, Validity
from sigstep.proofs.authority import certificate_chain, signed_by, timestamp_chain
from sigstep.proofs.certificate import Leaf, identity_of, load_leaf
from sigstep.proofs.prepared import prepare

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
KEYS = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
CA = x509.BasicConstraints(ca=True, path_length=None)
SIGNS = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
DIGITAL = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
CODE = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
STAMPS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
POISON = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")
SERVER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
URI = x509.SubjectAlternativeName([x509.UniformResourceIdentifier("https://a.example")])


def name(text: str) -> x509.Name:
    """A name of one attribute."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(
    subject: str, issuer: str, key: Key, signer: Key, *extensions: tuple[x509.ExtensionType, bool]
) -> x509.Certificate:
    """A certificate with those extensions."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    hashed = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(signer, hashed)


def bare_leaf(one: x509.Certificate) -> Leaf:
    """A leaf of whose profile nothing was checked."""
    return Leaf(der=one.public_bytes(Encoding.DER), certificate=one, extensions={})


def authority(chain: tuple[x509.Certificate, ...]) -> Authority:
    """The chain as an authority of a trusted root."""
    ders = tuple(one.public_bytes(Encoding.DER) for one in chain)
    return Authority(uri="https://ca.example", certificates=ders, validity=Validity(start=NOW - timedelta(days=9)))


def root(*extensions: tuple[x509.ExtensionType, bool]) -> x509.Certificate:
    """A self-signed root."""
    return certificate("root", "root", KEYS[0], KEYS[0], *(extensions or ((CA, True), (SIGNS, True))))


def below(*extensions: tuple[x509.ExtensionType, bool], signer: Key = KEYS[0]) -> x509.Certificate:
    """A certificate that the root issued."""
    return certificate("below", "root", KEYS[1], signer, *extensions)


WHOLE = (CA, True), (SIGNS, True), (CODE, False)
CHAINS: dict[str, Callable[[], tuple[x509.Certificate, ...]]] = {
    "no CA": lambda: (below((SIGNS, True)), root()),
    "path length": lambda: (below(*WHOLE), below(*WHOLE), root((x509.BasicConstraints(ca=True, path_length=0), True))),
    "may not sign": lambda: (below((CA, True), (DIGITAL, True)), root()),
    "another use": lambda: (below((CA, True), (SIGNS, True), (SERVER, False)), root()),
    "unknown critical": lambda: (below(*WHOLE, (POISON, True)), root()),
    "not issued": lambda: (below(*WHOLE, signer=KEYS[2]), root()),
}
STAMPERS: dict[str, Callable[[], tuple[x509.Certificate, ...]]] = {
    "use not critical": lambda: (below((STAMPS, False)), root()),
    "another use": lambda: (below((CODE, True)), root()),
    "no use": lambda: (below((DIGITAL, True)), root()),
    "a CA": lambda: (below((CA, True), (STAMPS, True)), root()),
    "not issued": lambda: (below((STAMPS, True), signer=KEYS[2]), root()),
}


def test_whole_chains_hold() -> None:
    """What the others differ from."""
    chain = (below(*WHOLE), root())
    assert certificate_chain(authority(chain), chain).valid_at(NOW)
    assert not certificate_chain(authority(chain), chain).valid_at(NOW + timedelta(days=2))
    stamper = (below((STAMPS, True)), root())
    assert timestamp_chain(authority(stamper), stamper).valid_at(NOW)


@pytest.mark.parametrize("wrong", CHAINS)
def test_certificate_authorities(wrong: str) -> None:
    """RFC 5280 section 6: CA, path length, key usage, purpose, critical extensions, signatures."""
    chain = CHAINS[wrong]()
    assert code_of(lambda: certificate_chain(authority(chain), chain)) == "authority-chain"


@pytest.mark.parametrize("wrong", STAMPERS)
def test_timestamp_authorities(wrong: str) -> None:
    """RFC 3161 section 2.3: the leaf stamps and does nothing else."""
    chain = STAMPERS[wrong]()
    assert code_of(lambda: timestamp_chain(authority(chain), chain)) == "authority-chain"


def test_extensions_that_cannot_be_read() -> None:
    """Of an authority; the trusted root goes on without it."""
    junk = x509.UnrecognizedExtension(x509.BasicConstraints.oid, b"junk")
    ca, stamper = (below((junk, True), (SIGNS, True)), root()), (below((STAMPS, True), (junk, True)), root())
    assert code_of(lambda: certificate_chain(authority(ca), ca)) == "certificate-malformed"
    assert code_of(lambda: timestamp_chain(authority(stamper), stamper)) == "certificate-malformed"


def test_unusable_parts_take_nothing_else_away() -> None:
    """Keys of unknown kinds, certificates that are none and chains that do not hold are left out."""
    good, bad = (below(*WHOLE), root()), (below(*WHOLE, signer=KEYS[2]), root())
    stamper = (below((STAMPS, True)), root())
    no_certificate = Authority(uri="", certificates=(b"no",), validity=Validity(start=NOW))
    log = Log(base_url="", key=b"no key", key_details="", validity=Validity(start=NOW), log_id=b"x")
    material = TrustedRoot(
        name="r",
        logs=(log,),
        ct_logs=(),
        certificate_authorities=(authority(bad), no_certificate, authority(good)),
        timestamp_authorities=(no_certificate, authority(bad), authority(stamper)),
        thresholds=Thresholds(),
    )
    (prepared,) = prepare(TrustMaterial(roots=(material,))).roots
    assert prepared.logs == ()
    assert [len(one.certificates) for one in prepared.certificate_authorities] == [1, 2, 1]  # roots issue too
    assert len(prepared.timestamp_authorities) == 1


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_issuers_of_other_kinds(kind: str) -> None:
    """The library checks signatures of keys whose parsed form is not kept."""
    key: Any = ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else rsa.generate_private_key(65537, 2048)
    top = certificate("root", "root", key, key, (CA, True), (SIGNS, True))
    chain = certificate_chain(authority((top,)), (top,))
    assert signed_by(bare_leaf(below((URI, True), signer=key)), chain)
    assert not signed_by(bare_leaf(below((URI, True), signer=KEYS[2])), chain)


def test_the_names_have_to_agree() -> None:
    """The issuer's key alone is not enough."""
    chain = certificate_chain(authority((root(),)), (root(),))
    stranger = certificate("leaf", "somebody", KEYS[1], KEYS[0], (URI, True))
    assert not signed_by(bare_leaf(stranger), chain)
    assert signed_by(bare_leaf(below((URI, True))), chain)


LEAF = ((DIGITAL, True), (CODE, False))
LEAVES: dict[str, tuple[tuple[tuple[x509.ExtensionType, bool], ...], str]] = {
    "unknown critical": ((*LEAF, (URI, True), (POISON, True)), "certificate-malformed"),
    "no digital signature": (((SIGNS, True), (CODE, False), (URI, True)), "certificate-not-for-signing"),
    "no key usage": (((CODE, False), (URI, True)), "certificate-not-for-signing"),
    "no name": (LEAF, "certificate-identity"),
    "two names": (
        (*LEAF, (x509.SubjectAlternativeName([x509.RFC822Name("a@b.example"), x509.RFC822Name("c@d.example")]), True)),
        "certificate-identity",
    ),
    "long form of a short length": (
        (
            *LEAF,
            (URI, True),
            (x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.57264.1.8"), b"\x0c\x81\x01a"), False),
        ),
        "certificate-identity",
    ),
}


@pytest.mark.parametrize("wrong", LEAVES)
def test_leaves(wrong: str) -> None:
    """Fulcio's certificate profile."""
    extensions, code = LEAVES[wrong]
    der = below(*extensions).public_bytes(Encoding.DER)
    assert code_of(lambda: identity_of(load_leaf(der))) == code


def test_names_of_people_and_users() -> None:
    """E-mail addresses, and user names as OtherName (Fulcio's OID 1.7)."""
    mail = below(*LEAF, (x509.SubjectAlternativeName([x509.RFC822Name("a@b.example")]), True))
    other = x509.OtherName(ObjectIdentifier("1.3.6.1.4.1.57264.1.7"), b"\x0c\x06user!d")
    user = below(*LEAF, (x509.SubjectAlternativeName([other]), True))
    long = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.57264.1.12"), b"\x0c\x81\x90" + b"a" * 144)
    far = below(*LEAF, (URI, True), (long, False))
    found = [identity_of(load_leaf(one.public_bytes(Encoding.DER))) for one in (mail, user, far)]
    assert [(one.kind.value, one.subject) for one in found[:2]] == [("email", "a@b.example"), ("other-name", "user!d")]
    assert found[2].extensions["source-repository"] == "a" * 144


def test_a_key_on_a_curve_that_nobody_knows() -> None:
    """The certificate can be read, its key cannot."""
    der = below(*LEAF, (URI, True)).public_bytes(Encoding.DER)
    p256, other = (b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01" + last for last in (b"\x07", b"\x06"))
    assert p256 in der
    leaf = load_leaf(der.replace(p256, other))
    assert code_of(lambda: leaf.key) == "certificate-malformed"


def test_keys_outside_the_registry() -> None:
    """A leaf whose key is of another curve."""
    key = ec.generate_private_key(ec.SECP256K1())
    leaf = certificate("leaf", "root", key, KEYS[0], *LEAF, (URI, True))
    with pytest.raises(ProofError) as caught:
        _ = load_leaf(leaf.public_bytes(Encoding.DER)).key
    assert caught.value.code == "key-unsupported"
