"""Log entries of every kind bound to what a bundle holds, and refused as soon as one member is about something else."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from tests.unit.refusals import code_of

from sigstep.errors import FormatError
from sigstep.model.bundle import Envelope, EnvelopeSignature, LogEntry, MessageSignature
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import Log, Validity
from sigstep.proofs.checkpoint import verify_inclusion
from sigstep.proofs.content import verify_message_signature
from sigstep.proofs.entry import verify_binding
from sigstep.proofs.keys import load_pem_key
from sigstep.proofs.prepared import PreparedLog
from sigstep.proofs.promise import verify_promise
from sigstep.wire.dsse import pae
from sigstep.wire.rekor_body import encode_pem

DER, SIGNATURE, PAYLOAD, TYPE = b"\x30\x00a certificate", b"signature", b'{"a":1}', "application/vnd.in-toto+json"
SUBJECT = Subject(name="f", digests=(Digest.of(b"hello"),))
MESSAGE = MessageSignature(digest=None, signature=SIGNATURE)
ENVELOPE = Envelope(payload=PAYLOAD, payload_type=TYPE, signatures=(EnvelopeSignature(signature=SIGNATURE),))
ORIGINAL = b"the envelope as it was logged"
ED25519 = b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"


def b64(data: bytes) -> str:
    """Base64 text."""
    return base64.b64encode(data).decode()


PEM = b64(encode_pem(DER, "CERTIFICATE").encode())


def sha256(data: bytes) -> dict[str, str]:
    """A hash as Rekor v1 writes it."""
    return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}


def twice(data: bytes) -> str:
    """intoto 0.0.2's base64 of base64."""
    return b64(b64(data).encode())


INTOTO_2 = {
    "content": {
        "envelope": {
            "payload": twice(PAYLOAD),
            "payloadType": TYPE,
            "signatures": [{"publicKey": PEM, "sig": twice(SIGNATURE)}],
        },
        "hash": sha256(ORIGINAL),
        "payloadHash": sha256(PAYLOAD),
    }
}
SPECS: dict[tuple[str, str], Any] = {
    ("hashedrekord", "0.0.1"): {
        "data": {"hash": sha256(b"hello")},
        "signature": {"content": b64(SIGNATURE), "publicKey": {"content": PEM}},
    },
    ("rekord", "0.0.1"): {
        "data": {"hash": sha256(b"hello")},
        "signature": {"content": b64(SIGNATURE), "format": "x509", "publicKey": {"content": PEM}},
    },
    ("dsse", "0.0.1"): {
        "envelopeHash": sha256(b"any"),
        "payloadHash": sha256(PAYLOAD),
        "signatures": [{"signature": b64(SIGNATURE), "verifier": PEM}],
    },
    ("intoto", "0.0.1"): {"content": {"hash": sha256(ORIGINAL), "payloadHash": sha256(PAYLOAD)}, "publicKey": PEM},
    ("intoto", "0.0.2"): INTOTO_2,
    ("hashedrekord", "0.0.2"): {
        "hashedRekordV002": {
            "data": {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(pae(TYPE, PAYLOAD)).digest())},
            "signature": {
                "content": b64(SIGNATURE),
                "verifier": {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": b64(DER)}},
            },
        }
    },
}


def entry(kind: tuple[str, str], spec: Any) -> LogEntry:
    """An entry with that body."""
    body = json.dumps({"apiVersion": kind[1], "kind": kind[0], "spec": spec}).encode()
    return LogEntry(
        log_index=1,
        log_id=b"x" * 32,
        kind=kind[0],
        kind_version=kind[1],
        integrated_time=1,
        promise=b"p",
        proof=None,
        body=body,
    )


def content_of(kind: tuple[str, str]) -> MessageSignature | Envelope:
    """What the kind is about."""
    return MESSAGE if kind in {("hashedrekord", "0.0.1"), ("rekord", "0.0.1")} else ENVELOPE


def bind(kind: tuple[str, str], spec: Any, **other: Any) -> None:
    """Bind an entry of that kind."""
    content = other.get("content", content_of(kind))
    verify_binding(entry(kind, spec), content, (DER,), SUBJECT, other.get("original", ORIGINAL))


def put(spec: Any, *path: str | int, value: Any) -> Any:
    """The spec with one member replaced."""
    changed = json.loads(json.dumps(spec))
    holder = changed
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = value
    return changed


@pytest.mark.parametrize("kind", SPECS, ids=" ".join)
def test_whole(kind: tuple[str, str]) -> None:
    """Each kind binds what it is about."""
    bind(kind, SPECS[kind])


V2 = ("hashedRekordV002",)
CHANGES: list[tuple[tuple[str, str], tuple[str | int, ...], Any, str]] = [
    (("rekord", "0.0.1"), ("signature", "format"), "pgp", "entry-body"),
    (("rekord", "0.0.1"), ("data", "hash"), sha256(b"x"), "entry-digest"),
    (("hashedrekord", "0.0.1"), ("data", "hash", "value"), "zz", "entry-body"),
    (("hashedrekord", "0.0.1"), ("data", "hash", "algorithm"), "sha512", "entry-body"),
    (
        ("hashedrekord", "0.0.1"),
        ("signature", "publicKey", "content"),
        b64(b"-----BEGIN A-----\nA===\n-----END A-----\n"),
        "entry-body",
    ),
    (("dsse", "0.0.1"), ("signatures",), [], "entry-body"),
    (("dsse", "0.0.1"), ("payloadHash",), sha256(b"x"), "entry-payload"),
    (("intoto", "0.0.1"), ("content", "hash"), sha256(b"x"), "entry-payload"),
    (("intoto", "0.0.1"), ("publicKey",), b64(encode_pem(b"0\0other", "CERTIFICATE").encode()), "entry-signer"),
    (("intoto", "0.0.2"), ("content", "payloadHash"), sha256(b"x"), "entry-payload"),
    (("intoto", "0.0.2"), ("content", "envelope", "payloadType"), "text/plain", "entry-payload"),
    (("intoto", "0.0.2"), ("content", "envelope", "payload"), twice(b"x"), "entry-payload"),
    (("intoto", "0.0.2"), ("content", "envelope", "payload"), b64(b"\xff"), "entry-body"),
    (("intoto", "0.0.2"), ("content", "envelope", "signatures", 0, "sig"), twice(b"other"), "entry-signature"),
    (("intoto", "0.0.2"), ("content", "envelope", "signatures"), [], "entry-body"),
    (("hashedrekord", "0.0.2"), (*V2, "data", "algorithm"), "SHA1", "entry-body"),
    (("hashedrekord", "0.0.2"), (*V2, "signature", "verifier"), {"keyDetails": "x"}, "entry-body"),
    (("hashedrekord", "0.0.2"), (*V2, "data", "digest"), b64(b"\0" * 32), "entry-payload"),
]


@pytest.mark.parametrize(("kind", "path", "value", "code"), CHANGES)
def test_one_member_about_something_else(
    kind: tuple[str, str], path: tuple[str | int, ...], value: Any, code: str
) -> None:
    """CVE-2022-36056, CVE-2026-22703: every member is compared."""
    assert code_of(lambda: bind(kind, put(SPECS[kind], *path, value=value))) == code


def test_kinds_do_not_stand_for_one_another() -> None:
    """A message entry beside an envelope, an envelope's entry beside a message; intoto 0.0.1 without its bytes."""
    message, envelope, first = ("hashedrekord", "0.0.1"), ("dsse", "0.0.1"), ("intoto", "0.0.1")
    assert code_of(lambda: bind(message, SPECS[message], content=ENVELOPE)) == "entry-content"
    assert code_of(lambda: bind(envelope, SPECS[envelope], content=MESSAGE)) == "entry-content"
    assert code_of(lambda: bind(first, SPECS[first], original=None)) == "entry-signature"
    assert code_of(lambda: bind(("dsse", "0.0.2"), {})) == "entry-kind"
    assert code_of(lambda: bind(("rpm", "0.0.1"), {})) == "entry-kind"


def test_ed25519_over_an_artifact() -> None:
    """Ed25519ph is refused with its own code."""
    key = load_pem_key(ED25519)
    assert code_of(lambda: verify_message_signature(MESSAGE, key, SUBJECT)) == "signature-prehash"


def test_what_is_no_key_in_pem() -> None:
    """Bytes without PEM, and a private key: how to come by the public one."""
    for data, why in (
        (b"\x30\x59", "not PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", ""),
    ):
        with pytest.raises(FormatError) as caught:
            load_pem_key(data)
        assert (caught.value.code, why in caught.value.why) == ("key-malformed", True)
        assert "openssl pkey -pubout" in caught.value.fix


def test_an_entry_without_a_checkpoint() -> None:
    """A proof that leads to a tree nobody signed."""
    log = PreparedLog(
        log=Log(base_url="https://l.example", key=b"", key_details="", validity=Validity(start=None), log_id=b"x"),
        key=load_pem_key(ED25519),
        windows=(),
    )
    assert code_of(lambda: verify_inclusion(entry(("dsse", "0.0.1"), {}), log, ())) == "checkpoint-malformed"
    assert code_of(lambda: verify_promise(entry(("dsse", "0.0.1"), {}), log)) == "promise-invalid"


def test_a_promise_about_no_time() -> None:
    """A signed entry timestamp whose time is beyond the calendar."""
    from dataclasses import replace

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from sigstep.proofs.keys import public_key

    private = Ed25519PrivateKey.generate()
    log = PreparedLog(
        log=Log(base_url="https://l.example", key=b"", key_details="", validity=Validity(start=None), log_id=b"x"),
        key=public_key(private.public_key()),
        windows=(),
    )
    late = replace(entry(("dsse", "0.0.1"), {}), integrated_time=2**60)
    promised = {"body": b64(late.body), "integratedTime": 2**60, "logID": late.log_id.hex(), "logIndex": 1}
    signed = private.sign(json.dumps(promised, separators=(",", ":")).encode())
    assert code_of(lambda: verify_promise(replace(late, promise=signed), log)) == "promise-invalid"
