"""Time stamps: RFC 3161's own checks, one thing wrong in each, and rfc3161-client as the oracle."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response
from tests.unit.refusals import code_of

from sigstep.errors import Refusal
from sigstep.model.trust import Authority, Validity
from sigstep.ports.real import RealClock
from sigstep.proofs.authority import AuthorityChain, timestamp_chain
from sigstep.proofs.timestamp import verify_timestamp
from sigstep.sandbox import der, keys
from sigstep.sandbox.timestamp import Query, TimestampAuthority
from sigstep.wire.der import SEQUENCE, Der, DerError
from sigstep.wire.rfc3161 import parse_token_signature

CLOCK = RealClock()
TSA = TimestampAuthority(CLOCK, organization="test")
TSA_CHAIN = (TSA.leaf.certificate, TSA.root.certificate)
SIGNED = b"the signature that is stamped"
TST_INFO, SIGNED_DATA = "1.2.840.113549.1.9.16.1.4", "1.2.840.113549.1.7.2"
SHA256, SHA1 = "2.16.840.1.101.3.4.2.1", "1.3.14.3.2.26"
CONTENT_TYPE, DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
CERTIFICATE_V2, ECDSA = "1.2.840.113549.1.9.16.2.47", "1.2.840.10045.4.3.2"


def chain() -> AuthorityChain:
    """The authority as a trusted root has it."""
    certificates = tuple(x509.load_der_x509_certificate(one) for one in _chain_ders())
    start = CLOCK.now().replace(year=2000)
    told = Authority(uri="https://tsa.example", certificates=_chain_ders(), validity=Validity(start=start))
    return timestamp_chain(told, certificates)


def _chain_ders() -> tuple[bytes, ...]:
    return tuple(one.public_bytes(Encoding.DER) for one in TSA_CHAIN)


CHAIN = chain()


def attribute(kind: str, *values: bytes) -> bytes:
    """A signed attribute."""
    return der.sequence(der.oid(kind), der.set_of(*values))


def token(**other: Any) -> bytes:
    """A TimeStampResp, signed again with one thing replaced."""
    imprint = der.sequence(
        der.sequence(der.oid(other.get("imprint", SHA256))), der.octets(hashlib.sha256(SIGNED).digest())
    )
    info = der.sequence(
        der.integer(1), der.oid("1.3.6.1.4.1.57264.2"), imprint, der.integer(7), der.generalized_time(CLOCK.now())
    )
    leaf = TSA.leaf
    bound = hashlib.sha256(other.get("bound", leaf.der)).digest()
    attributes: Sequence[bytes] = other.get("attributes", lambda usual: usual)(
        [
            attribute(CONTENT_TYPE, der.oid(TST_INFO)),
            attribute(DIGEST, der.octets(hashlib.sha256(other.get("digested", info)).digest())),
            attribute(CERTIFICATE_V2, der.sequence(der.sequence(der.sequence(der.octets(bound))))),
        ]
    )
    signature = keys.sign(leaf.key, der.set_of(*attributes))
    certificate = leaf.certificate
    algorithm = der.sequence(der.oid(SHA256))
    signer = der.sequence(
        der.integer(1),
        der.sequence(certificate.issuer.public_bytes(), der.integer(certificate.serial_number)),
        other.get("signer_digest", algorithm),
        der.set_of(*attributes, tag=0xA0),
        der.sequence(der.oid(other.get("algorithm", ECDSA))),
        der.octets(signature),
    )
    data = der.sequence(
        der.integer(other.get("version", 3)),
        der.set_of(algorithm),
        der.sequence(der.oid(other.get("content", TST_INFO)), der.tlv(0xA0, der.octets(info))),
        der.set_of(other["certificate"], tag=0xA0) if "certificate" in other else b"",
        der.set_of(*([signer] * other.get("signers", 1))),
    )
    whole = der.sequence(der.oid(other.get("kind", SIGNED_DATA)), der.tlv(0xA0, data))
    return der.sequence(der.sequence(der.integer(other.get("status", 0))), whole) + bytes(other.get("more", b""))


def test_whole() -> None:
    """With and without the certificate; the library agrees."""
    for stamp in (
        token(),
        token(certificate=TSA.leaf.der),
        TSA.stamp(Query(algorithm="sha256", digest=hashlib.sha256(SIGNED).digest())),
    ):
        found = verify_timestamp(stamp, SIGNED, [CHAIN])
        assert found is not None
        assert found[1] is CHAIN
        assert library(stamp)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "rejected": ({"status": 2}, "timestamp-malformed"),
    "two signers": ({"signers": 2}, "timestamp-malformed"),
    "bytes behind it": ({"more": b"\0"}, "timestamp-malformed"),
    "another kind": ({"kind": "1.2.840.113549.1.7.1"}, "timestamp-malformed"),
    "another content": ({"content": "1.2.840.113549.1.7.1"}, "timestamp-malformed"),
    "another version": ({"version": 1}, "timestamp-malformed"),
    "weak imprint": ({"imprint": SHA1}, "timestamp-invalid"),
    "weak digest": ({"signer_digest": der.sequence(der.oid(SHA1))}, "timestamp-malformed"),
    "two digests": ({"signer_digest": der.sequence(der.oid("2.16.840.1.101.3.4.2.3"))}, "timestamp-malformed"),
    "unknown signature algorithm": ({"algorithm": "1.2.840.10045.4.1"}, "timestamp-malformed"),
    "digest of other content": ({"digested": b"other"}, "timestamp-invalid"),
    "for another certificate": ({"bound": b"other"}, "timestamp-invalid"),
    "with another certificate": ({"certificate": TSA_CHAIN[-1].public_bytes(Encoding.DER)}, "timestamp-invalid"),
    "no content type": ({"attributes": lambda usual: usual[1:]}, "timestamp-malformed"),
    "no digest": ({"attributes": lambda usual: [usual[0], usual[2]]}, "timestamp-malformed"),
    "an attribute twice": ({"attributes": lambda usual: [*usual, usual[0]]}, "timestamp-malformed"),
    "two values": (
        {"attributes": lambda usual: [attribute(CONTENT_TYPE, der.oid(TST_INFO), der.oid(TST_INFO)), *usual[1:]]},
        "timestamp-malformed",
    ),
    "another content type": (
        {"attributes": lambda usual: [attribute(CONTENT_TYPE, der.oid(SIGNED_DATA)), *usual[1:]]},
        "timestamp-malformed",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_one_thing_wrong(wrong: str) -> None:
    """Everything else is encoded and signed again."""
    changes, code = WRONG[wrong]
    assert code_of(lambda: verify_timestamp(token(**changes), SIGNED, [CHAIN])) == code


def test_over_other_bytes() -> None:
    """RFC 3161 section 2.4.2: the imprint is the one of what was asked about."""
    assert code_of(lambda: verify_timestamp(token(), b"other", [CHAIN])) == "timestamp-invalid"


def library(stamp: bytes) -> bool:
    """Whether rfc3161-client accepts the stamp."""
    builder = VerifierBuilder().tsa_certificate(TSA_CHAIN[0])
    try:
        return (
            builder.add_root_certificate(TSA_CHAIN[-1]).build().verify_message(decode_timestamp_response(stamp), SIGNED)
        )
    except (VerificationError, ValueError):
        return False


@pytest.mark.parametrize("with_certificate", [False, True])
def test_no_changed_byte_is_accepted_that_the_library_refuses(with_certificate: bool) -> None:
    """One bit of every byte; and what both accept says nothing else."""
    stamp = token(certificate=TSA.leaf.der) if with_certificate else token()
    for at in range(len(stamp)):
        changed = stamp[:at] + bytes([stamp[at] ^ 1]) + stamp[at + 1 :]
        try:
            found = verify_timestamp(changed, SIGNED, [CHAIN])
        except Refusal:
            continue
        assert found is None or library(changed), at


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x31\x00",
        b"\x30\x80",
        b"\x30\x81\x01\x00",
        b"\x30\x82\x00\x80",
        b"\x30\x85",
        b"\x30\x05\x00",
        b"\x30\x00\x00",
    ],
)
def test_bytes_that_are_not_der(data: bytes) -> None:
    """X.690 sections 8.1.3 and 10.1."""
    with pytest.raises(DerError):
        parse_token_signature(data)


def test_der_is_read_in_order() -> None:
    """Every value once, and nothing left."""
    values = Der(bytes.fromhex("3006020101040105"))
    inner = values.take(SEQUENCE)
    values.done()
    read: list[Callable[[], bytes]] = [lambda: inner.content(2), lambda: inner.whole(4)]
    assert [one() for one in read] == [b"\x01", b"\x04\x01\x05"]
    with pytest.raises(DerError):
        inner.take(2)
    assert inner.tag == 0
