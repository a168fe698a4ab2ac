"""What services answer: everything that is not what the interface says is unreadable, never half-used."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests import worlds

from sigstep.errors import ServiceError
from sigstep.model.bundle import MessageSignature
from sigstep.model.digest import Digest
from sigstep.model.services import Service
from sigstep.model.token import IdentityToken
from sigstep.model.trust import Validity
from sigstep.ports.http import Response
from sigstep.ports.world import World
from sigstep.sandbox.timestamp import TimestampAuthority, query_of_der
from sigstep.services import fulcio, rekor_v1, rekor_v2
from sigstep.services.call import server_message
from sigstep.services.submission import Submission
from sigstep.services.timestamp import request_timestamp

SERVICE = Service(url="https://service.example", major_api_version=1, validity=Validity(start=worlds.NOW))
KEY = ec.generate_private_key(ec.SECP256R1())
SUBMISSION = Submission(
    content=MessageSignature(digest=Digest.of(b"a"), signature=b"s"),
    digest=Digest.of(b"a"),
    verifier=KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    certificate=False,
    key_details="PKIX_ECDSA_P256_SHA_256",
)
TOKEN = IdentityToken(raw="a.b.c", claims={})
UUID = "0" * 64


def certificate(world: World) -> object:
    request = fulcio.KeyRequest(algorithm="ECDSA", public_key_pem="pem", proof=b"p")
    return fulcio.request_certificate(SERVICE, request, TOKEN, world)


def entry_v1(world: World) -> object:
    return rekor_v1.submit(SERVICE, SUBMISSION, world)


def entry_v2(world: World) -> object:
    return rekor_v2.submit(SERVICE, SUBMISSION, world)


def stamp(world: World) -> object:
    return request_timestamp(SERVICE, b"signature", world)


def chain(certificates: Any, **more: Any) -> dict[str, Any]:
    return {"signedCertificateEmbeddedSct": {"chain": {"certificates": certificates}, **more}}


def v1(**changed: Any) -> dict[str, Any]:
    proof = {"logIndex": 0, "treeSize": 1, "rootHash": "00", "hashes": [], "checkpoint": "c"}
    body = base64.b64encode(b'{"kind":"hashedrekord","apiVersion":"0.0.1"}').decode()
    entry = {"body": body, "logIndex": 0, "logID": "00", "integratedTime": 1}
    return {UUID: {**entry, "verification": {"inclusionProof": {**proof, **changed.pop("proof", {})}}, **changed}}


@pytest.mark.parametrize(
    ("ask", "answered"),
    [
        (certificate, {}),
        (certificate, []),
        (certificate, {"signedCertificateEmbeddedSct": "x"}),
        (certificate, {"signedCertificateEmbeddedSct": {}, "signedCertificateDetachedSct": {}}),
        (certificate, chain([])),
        (certificate, chain("pem")),
        (certificate, chain([1])),
        (certificate, chain(["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])),
        (certificate, chain(["é"])),
        (entry_v1, {}),
        (entry_v1, {UUID: 1}),
        (entry_v1, {**v1(), "another": {}}),
        (entry_v1, v1(body="no base64!")),
        (entry_v1, v1(body=base64.b64encode(b"{}").decode())),
        (entry_v1, v1(logID="zz")),
        (entry_v1, v1(proof={"rootHash": "zz"})),
        (entry_v1, v1(proof={"hashes": "zz"})),
        (entry_v2, {}),
        (entry_v2, {"logIndex": "x"}),
    ],
)
def test_json_that_is_not_the_answer(ask: Callable[[World], object], answered: Any) -> None:
    """Retryable: a proxy may have answered in the service's place."""
    world = worlds.world(worlds.in_turn([worlds.answer(200, json.dumps(answered).encode())]))
    with pytest.raises(ServiceError) as caught:
        ask(world)
    assert caught.value.code == "service-answer-unreadable"
    assert caught.value.retryable


def test_a_detached_sct_that_is_not_base64() -> None:
    """Beside a certificate that is one."""
    from datetime import timedelta

    from sigstep.sandbox.authority import authority

    made = authority("a", organization="a", now=worlds.NOW - timedelta(days=1)).certificate
    pem = made.public_bytes(Encoding.PEM).decode()
    for value, fine in (("", True), (None, True), ("AAAA", True), ("no base64!", False)):
        body = json.dumps(chain([pem], signedCertificateTimestamp=value)).encode()
        world = worlds.world(worlds.in_turn([worlds.answer(200, body)]))
        if fine:
            assert certificate(world)
            continue
        with pytest.raises(ServiceError) as caught:
            certificate(world)
        assert caught.value.code == "service-answer-unreadable"


def conflict(location: str, message: str) -> Response:
    return worlds.answer(409, json.dumps({"message": message}).encode(), {"location": location} if location else {})


@pytest.mark.parametrize(
    ("location", "message", "asked"),
    [
        (f"/api/v1/log/entries/{UUID}", "", UUID),
        (f"https://evil.example/{UUID}", "", UUID),
        ("", f"an equivalent entry already exists with UUID {UUID}", UUID),
        ("/api/v1/log/entries/../../x", "there", ""),
        ("", "", ""),
    ],
)
def test_an_entry_that_is_there_already(location: str, message: str, asked: str) -> None:
    """409 is answered by fetching the entry, from the same log whatever the answer names."""
    world = worlds.world(worlds.in_turn([conflict(location, message), worlds.answer(200, json.dumps(v1()).encode())]))
    if not asked:
        with pytest.raises(ServiceError) as caught:
            entry_v1(world)
        assert caught.value.code == "service-answer-unreadable"
        return
    assert entry_v1(world)
    assert world.http.sent[-1].url == f"https://service.example/api/v1/log/entries/{asked}"  # type: ignore[attr-defined]


AUTHORITY = TimestampAuthority(worlds.SimulatedClock(), organization="a")


def stamping(change: str) -> worlds.Answering:
    def answering(sent: worlds.Sent) -> Response:
        from dataclasses import replace

        query = query_of_der(sent.body)
        if change == "nonce":
            query = replace(query, nonce=1)
        if change == "imprint":
            query = replace(query, digest=bytes(32))
        data = AUTHORITY.stamp(query)
        if change == "large":
            data += bytes(1 << 20)
        if change == "refused":
            data = b"\x30\x05\x30\x03\x02\x01\x02"
        return worlds.answer(200, b"<html>" if change == "garbage" else data)

    return answering


@pytest.mark.parametrize("change", ["nonce", "imprint", "large", "refused", "garbage"])
def test_time_stamps_of_something_else(change: str) -> None:
    """Nonce and imprint are those that were sent; the answer is bounded."""
    assert stamp(worlds.world(stamping("")))
    with pytest.raises(ServiceError) as caught:
        stamp(worlds.world(stamping(change)))
    assert caught.value.code == "service-answer-unreadable"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no text came with it"),
        (b"line\nmore", "line"),
        (b'{"message":"told"}', "told"),
        (b'{"other":1}', '{"other":1}'),
        (b"[" * 5000, "["),
    ],
)
def test_what_a_server_says_about_its_error(body: bytes, said: str) -> None:
    """One line, bounded, whatever it is."""
    assert server_message(body).startswith(said)
    assert len(server_message(body)) <= 300
