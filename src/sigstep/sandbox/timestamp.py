"""The time-stamping authority (RFC 3161, RFC 5652, RFC 5816), asked in DER or, as Sigstore's server allows, in JSON."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from sigstep.ports.world import Clock
from sigstep.sandbox import der, keys
from sigstep.sandbox.authority import authority
from sigstep.sandbox.exchange import Refused, Reply, Request, member, unb64

PATH: Final = "/api/v1/timestamp"
POLICY: Final = "1.3.6.1.4.1.57264.2"
_HASHES: Final = {
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_SIGNED_DATA, _TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"
_ECDSA_SHA256: Final = "1.2.840.10045.4.3.2"
_SHA256: Final = der.sequence(der.oid(_HASHES["sha256"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A time-stamp request: the hash's name and value."""

    algorithm: str
    digest: bytes
    nonce: int | None = None
    certificates: bool = False


class TimestampAuthority:
    """Leaf and root, and the handler."""

    def __init__(self, clock: Clock, *, organization: str) -> None:
        now = clock.now()
        self._clock = clock
        self.root = authority("sandbox-tsa-root", organization=organization, now=now, curve=ec.SECP256R1())
        self.leaf = authority(
            "sandbox-tsa",
            organization=organization,
            now=now,
            issuer=self.root,
            usage=ExtendedKeyUsageOID.TIME_STAMPING,
            ca=False,
            curve=ec.SECP256R1(),
        )
        self.wrong = keys.p256()

    def handle(self, request: Request) -> Reply:
        """A time stamp.

        Raises:
            Refused: the request is malformed, or asks for a weak hash.
        """
        if request.method != "POST":
            raise Refused(405, "a time stamp is asked for by POST")
        as_json = "json" in request.headers.get("Content-Type", "")
        query = query_of_json(request.json()) if as_json else query_of_der(request.body)
        return Reply(
            status=201,
            body=self.stamp(query, spoiled=request.spoiled),
            headers={"Content-Type": "application/timestamp-reply"},
        )

    def stamp(self, query: Query, *, time: datetime | None = None, spoiled: bool = False) -> bytes:
        """A granted TimeStampResp, DER.

        Args:
            query: what is stamped.
            time: another time than now, aware.
            spoiled: sign with a wrong key.
        """
        imprint = der.sequence(der.sequence(der.oid(_HASHES[query.algorithm])), der.octets(query.digest))
        info = der.sequence(
            der.integer(1),
            der.oid(POLICY),
            imprint,
            der.integer(secrets.randbits(159)),
            der.generalized_time(time or self._clock.now()),
            b"" if query.nonce is None else der.integer(query.nonce),
        )
        attributes = [
            _attribute(_CONTENT_TYPE, der.oid(_TST_INFO)),
            _attribute(_MESSAGE_DIGEST, der.octets(hashlib.sha256(info).digest())),
            _attribute(_SIGNING_CERTIFICATE_V2, self._signing_certificate()),
        ]
        signature = keys.sign(self.wrong if spoiled else self.leaf.key, der.set_of(*attributes))
        signer = der.sequence(
            der.integer(1),
            self._issuer_and_serial(),
            _SHA256,
            der.set_of(*attributes, tag=0xA0),
            der.sequence(der.oid(_ECDSA_SHA256)),
            der.octets(signature),
        )
        signed_data = der.sequence(
            der.integer(3),
            der.set_of(_SHA256),
            der.sequence(der.oid(_TST_INFO), der.tlv(0xA0, der.octets(info))),
            der.set_of(self.leaf.der, tag=0xA0) if query.certificates else b"",
            der.set_of(signer),
        )
        token = der.sequence(der.oid(_SIGNED_DATA), der.tlv(0xA0, signed_data))
        return der.sequence(der.sequence(der.integer(0)), token)

    def _issuer_and_serial(self) -> bytes:
        certificate = self.leaf.certificate
        return der.sequence(certificate.issuer.public_bytes(), der.integer(certificate.serial_number))

    def _signing_certificate(self) -> bytes:
        return der.sequence(der.sequence(der.sequence(der.octets(hashlib.sha256(self.leaf.der).digest()))))


def _attribute(kind: str, value: bytes) -> bytes:
    return der.sequence(der.oid(kind), der.set_of(value))


def query_of_der(data: bytes) -> Query:
    """Read a TimeStampReq (RFC 3161, 2.4.1).

    Raises:
        Refused: it is none, or its hash is weak.
    """
    tag, body, rest = der.read(data)
    _version, _, body = der.read(body)
    imprint_tag, imprint, body = der.read(body)
    if tag != der.SEQUENCE or imprint_tag != der.SEQUENCE or rest:
        raise Refused(400, "the request is not a TimeStampReq")
    _, algorithm, imprint = der.read(imprint)
    _, digest, _ = der.read(imprint)
    nonce, certificates = None, False
    while body:
        tag, value, body = der.read(body)
        if tag == der.OID and der.tlv(tag, value) != der.oid(POLICY):
            raise Refused(400, "no such policy")
        if tag == der.INTEGER:
            nonce = int.from_bytes(value, "big")
        if tag == der.BOOLEAN:
            certificates = value != b"\x00"
    names = [name for name, dotted in _HASHES.items() if algorithm.startswith(der.oid(dotted))]
    return _strong(Query(algorithm=names[0] if names else "?", digest=digest, nonce=nonce, certificates=certificates))


def query_of_json(asked: dict[str, Any]) -> Query:
    """Read the JSON form of a request (timestamp-authority, openapi.yaml).

    Raises:
        Refused: it is none, or its hash is weak.
    """
    nonce = asked.get("nonce")
    return _strong(
        Query(
            algorithm=str(member(asked, "hashAlgorithm")),
            digest=unb64(member(asked, "artifactHash"), "artifactHash"),
            nonce=nonce if isinstance(nonce, int) and nonce >= 0 else None,
            certificates=asked.get("certificates") is True,
        )
    )


def _strong(query: Query) -> Query:
    if query.algorithm not in _HASHES or len(query.digest) != hashlib.new(query.algorithm).digest_size:
        raise Refused(400, "the hash is weak, unknown or of the wrong length")
    return query
