"""The signature inside a time-stamp token (RFC 3161 section 2.4.2; CMS SignedData, RFC 5652 sections 5.1 and 5.3)."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sigstep.model.digest import Algorithm
from sigstep.wire.der import INTEGER, OCTET_STRING, OID, SEQUENCE, SET, Der, DerError

_SIGNED_DATA: Final = bytes.fromhex("2a864886f70d010702")
_TST_INFO: Final = bytes.fromhex("2a864886f70d0109100104")
_CONTENT_TYPE: Final = bytes.fromhex("2a864886f70d010903")
_MESSAGE_DIGEST: Final = bytes.fromhex("2a864886f70d010904")
_SIGNING_CERTIFICATE_V2: Final = bytes.fromhex("2a864886f70d010910022f")
_NULL: Final = 0x05
_HASHES: Final = MappingProxyType(
    {bytes.fromhex(f"60864801650304020{at}"): one for at, one in zip((1, 2, 3), Algorithm, strict=True)}
)
_SIGNATURES: Final = MappingProxyType(
    {
        **{bytes.fromhex(f"2a8648ce3d04030{at}"): one for at, one in zip((2, 3, 4), Algorithm, strict=True)},  # ECDSA
        **{bytes.fromhex(f"2a864886f70d01010{at}"): one for at, one in zip("bcd", Algorithm, strict=True)},  # RSA
    }
)
_RSA: Final = bytes.fromhex("2a864886f70d010101")  # without a digest: the signer's own counts
_ED25519: Final = bytes.fromhex("2b6570")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSignature:
    """What has to be checked to believe a token.

    Attributes:
        content: the TSTInfo, DER: what the message digest is of.
        digest_algorithm: of the message digest.
        message_digest: the digest of ``content`` that is signed.
        signed: the signed attributes as they are signed (a SET OF).
        algorithm: the digest in the signature.
        signature: its bytes.
        certificates: certificates in the token, DER; only a hint.
        certificate_hash: the digest algorithm and digest of the signer's certificate that are signed, where they are.
    """

    content: bytes
    digest_algorithm: Algorithm
    message_digest: bytes
    signed: bytes
    algorithm: Algorithm
    signature: bytes
    certificates: tuple[bytes, ...]
    certificate_hash: tuple[Algorithm, bytes] | None


def parse_token_signature(response: bytes) -> TokenSignature:
    """The signature of the only signer of a TimeStampResp.

    Raises:
        DerError: the bytes are not DER, or of another shape: several signers, another content, an attribute twice.
    """
    whole = Der(response)
    outer = whole.take(SEQUENCE)
    whole.done()
    outer.take(SEQUENCE)  # PKIStatusInfo
    info = outer.take(SEQUENCE)
    outer.done()
    _expect(info.content(OID), _SIGNED_DATA)
    explicit = info.take(0xA0)
    info.done()
    data = explicit.take(SEQUENCE)
    explicit.done()
    _expect(data.content(INTEGER), b"\x03")
    listed = data.take(SET)
    digest_algorithm = _digest_algorithm(listed.take(SEQUENCE))
    listed.done()
    content = _content(data.take(SEQUENCE))
    certificates: list[bytes] = []
    if data.tag == 0xA0:
        held = data.take(0xA0)
        while held.tag == SEQUENCE:
            certificates.append(held.whole(SEQUENCE))
        held.done()
    signers = data.take(SET)
    data.done()
    signer = signers.take(SEQUENCE)
    signers.done()
    return _signer(signer, digest_algorithm, content, tuple(certificates))


def _content(encapsulated: Der) -> bytes:
    _expect(encapsulated.content(OID), _TST_INFO)
    explicit = encapsulated.take(0xA0)
    encapsulated.done()
    content = explicit.content(OCTET_STRING)
    explicit.done()
    return content


def _signer(signer: Der, listed: Algorithm, content: bytes, certificates: tuple[bytes, ...]) -> TokenSignature:
    _expect(signer.content(INTEGER), b"\x01")
    signer.take(SEQUENCE)  # issuer and serial number; the caller chose the authority by them
    digest_algorithm = _digest_algorithm(signer.take(SEQUENCE))
    if digest_algorithm is not listed:
        raise DerError("the digest algorithms differ")
    attributes = signer.whole(0xA0)
    algorithm = _signature_algorithm(signer.take(SEQUENCE), digest_algorithm)
    signature = signer.content(OCTET_STRING)
    signer.skip(0xA1)
    signer.done()
    values = _attributes(Der(attributes).take(0xA0))
    kind = Der(values.get(_CONTENT_TYPE, b""))
    _expect(kind.content(OID), _TST_INFO)
    kind.done()
    digest = Der(values.get(_MESSAGE_DIGEST, b""))
    message_digest = digest.content(OCTET_STRING)
    digest.done()
    bound = values.get(_SIGNING_CERTIFICATE_V2)
    return TokenSignature(
        content=content,
        digest_algorithm=digest_algorithm,
        message_digest=message_digest,
        signed=bytes([SET]) + attributes[1:],
        algorithm=algorithm,
        signature=signature,
        certificates=certificates,
        certificate_hash=None if bound is None else _certificate_hash(bound),
    )


def _attributes(attributes: Der) -> dict[bytes, bytes]:
    """Type to the only value of each attribute."""
    found: dict[bytes, bytes] = {}
    for one in attributes.each(SEQUENCE):
        kind = one.content(OID)
        values = one.take(SET)
        one.done()
        if kind in found:
            raise DerError("an attribute is there twice")
        found[kind] = values.whole(values.tag)
        values.done()
    return found


def _certificate_hash(value: bytes) -> tuple[Algorithm, bytes]:
    """ESSCertIDv2 of the signer's certificate, the first one (RFC 5035)."""
    first = Der(value).take(SEQUENCE).take(SEQUENCE).take(SEQUENCE)
    algorithm = _digest_algorithm(first.take(SEQUENCE)) if first.tag == SEQUENCE else Algorithm.SHA256
    return algorithm, first.content(OCTET_STRING)


def _digest_algorithm(identifier: Der) -> Algorithm:
    found = _HASHES.get(_identifier(identifier))
    if found is None:
        raise DerError("a digest algorithm is not known")
    return found


def _signature_algorithm(identifier: Der, own: Algorithm) -> Algorithm:
    kind = _identifier(identifier)
    found = own if kind in (_RSA, _ED25519) else _SIGNATURES.get(kind)
    if found is None:
        raise DerError("the signature algorithm is not known")
    return found


def _identifier(identifier: Der) -> bytes:
    kind = identifier.content(OID)
    if identifier.tag == _NULL:
        _expect(identifier.content(_NULL), b"")
    identifier.done()
    return kind


def _expect(found: bytes, wanted: bytes) -> None:
    if found != wanted:
        raise DerError("a value is another one than the format has")
