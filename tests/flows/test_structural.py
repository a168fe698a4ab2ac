"""Bundles with exactly one thing wrong, encoded, logged and signed again by the sandbox: each refused by its own check.

The code of every refusal is asserted, so that no mutant is refused for another reason than the one that was planted.
"""

from __future__ import annotations

import base64
import copy
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.flows.test_forged import FORMS, STATEMENT
from tests.sandboxes import sandbox

from sigstep.errors import Refusal
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import TrustMaterial
from sigstep.ports.real import RealClock
from sigstep.proofs.prepared import prepare
from sigstep.sandbox.claims import GITHUB_ISSUER, github_claims, github_extensions
from sigstep.sandbox.keys import p256
from sigstep.sandbox.local import Sandbox
from sigstep.verification.pipeline import establish
from sigstep.wire.bundle import bundle_of
from sigstep.wire.trusted_root import trusted_root_of

__all__ = ["sandbox"]

NOW = RealClock().now()
SUBJECT = Subject(name="f", digests=(Digest.of(b"hello"),))
ARC = "1.3.6.1.4.1.57264.1"
WANTED = 500
Json = dict[str, Any]


@dataclass(frozen=True)
class Mutant:
    """One thing wrong: what the forge is told, what is done to the finished bundle, and the code that has to come."""

    name: str
    code: str
    forge: Json = field(default_factory=dict)
    after: Callable[[Json], None] = lambda bundle: None


def at(document: Any, path: tuple[str | int, ...]) -> tuple[Any, Any]:
    """The holder of a member, and its name."""
    for name in path[:-1]:
        document = document[name]
    return document, path[-1]


def edited(*path: str | int, change: Callable[[Any], Any]) -> Callable[[Json], Json]:
    """An edit of one member of a body that is logged and signed after it."""

    def edit(document: Json) -> Json:
        changed = copy.deepcopy(document)
        holder, name = at(changed, path)
        holder[name] = change(holder[name])
        return changed

    return edit


def flip_hex(byte: int) -> Callable[[str], str]:
    """Change one byte of a hexadecimal text."""
    return lambda text: text[: 2 * byte] + f"{int(text[2 * byte : 2 * byte + 2], 16) ^ 1:02x}" + text[2 * byte + 2 :]


def flip_b64(byte: int) -> Callable[[str], str]:
    """Change one bit of a base64 text."""

    def flip(text: str) -> str:
        data = bytearray(base64.b64decode(text))
        data[byte % len(data)] ^= 1
        return base64.b64encode(bytes(data)).decode()

    return flip


SIGNATURES: dict[str, tuple[str | int, ...]] = {
    "message-v1": ("spec", "signature", "content"),
    "envelope-v1": ("spec", "signatures", 0, "signature"),
    "message-v2": ("spec", "hashedRekordV002", "signature", "content"),
    "envelope-v2": ("spec", "hashedRekordV002", "signature", "content"),
}
DIGESTS: dict[str, tuple[tuple[str | int, ...], Callable[[int], Callable[[str], str]], str]] = {
    "message-v1": (("spec", "data", "hash", "value"), flip_hex, "entry-digest"),
    "envelope-v1": (("spec", "payloadHash", "value"), flip_hex, "entry-payload"),
    "message-v2": (("spec", "hashedRekordV002", "data", "digest"), flip_b64, "entry-digest"),
    "envelope-v2": (("spec", "hashedRekordV002", "data", "digest"), flip_b64, "entry-payload"),
}
V2_LEAF = ("spec", "hashedRekordV002", "signature", "verifier", "x509Certificate", "rawBytes")
SIGNERS: dict[str, tuple[str | int, ...]] = {
    "message-v1": ("spec", "signature", "publicKey", "content"),
    "envelope-v1": ("spec", "signatures", 0, "verifier"),
    "message-v2": V2_LEAF,
    "envelope-v2": V2_LEAF,
}


def instead(value: str, _: str) -> str:
    """Another value."""
    return value


def bodies(form: str, other: x509.Certificate) -> Iterator[Mutant]:
    """The logged body says something else than the bundle."""
    path, flip, code = DIGESTS[form]
    for byte in range(32):
        yield Mutant(f"digest byte {byte}", code, {"body": edited(*path, change=flip(byte))})
    for byte in range(40, 72):
        yield Mutant(
            f"signature byte {byte}", "entry-signature", {"body": edited(*SIGNATURES[form], change=flip_b64(byte))}
        )
    encoding = Encoding.PEM if "v1" in form else Encoding.DER
    stranger = base64.b64encode(other.public_bytes(encoding)).decode()
    yield Mutant("another signer", "entry-signer", {"body": edited(*SIGNERS[form], change=lambda _: stranger)})
    if "v1" in form:
        no_pem = base64.b64encode(b"no PEM").decode()
        yield Mutant("no PEM", "entry-body", {"body": edited(*SIGNERS[form], change=lambda _: no_pem)})
    for name, value in (("kind", "rpm"), ("apiVersion", "9.9.9")):
        wanted = "entry-kind" if "v1" in form else "entry-body"  # of Rekor v2 the entry itself says its kind
        yield Mutant(f"another {name}", wanted, {"body": edited(name, change=partial(instead, value))})
    yield Mutant("an unknown member", "json-unknown-member", {"body": lambda document: {**document, "more": 1}})
    empty = {"none": secrets.token_hex(8)}
    missing = "entry-body" if form == "envelope-v1" else "json-member-missing"
    yield Mutant("an empty spec", missing, {"body": lambda document: {**document, "spec": empty}})


def entry_of(bundle: Json) -> Json:
    """The log entry."""
    found: Json = bundle["verificationMaterial"]["tlogEntries"][0]
    return found


def changed(*path: str | int, change: Callable[[Any], Any]) -> Callable[[Json], None]:
    """A change of the finished entry."""

    def after(bundle: Json) -> None:
        holder, name = at(entry_of(bundle), path)
        holder[name] = change(holder[name])

    return after


def entries(form: str, hashes: int) -> Iterator[Mutant]:
    """The entry's proofs, which the log signs and nobody can sign again."""
    first = "v1" in form
    proof = ("inclusionProof",)
    for at_hash in range(hashes):
        for byte in (0, 7, 15, 23, 31):
            yield Mutant(
                f"hash {at_hash} byte {byte}",
                "inclusion-proof-root",
                after=changed(*proof, "hashes", at_hash, change=flip_b64(byte)),
            )
    yield Mutant(
        "a hash too many", "inclusion-proof-shape", after=changed(*proof, "hashes", change=lambda old: [*old, old[0]])
    )
    yield Mutant("a hash too few", "inclusion-proof-shape", after=changed(*proof, "hashes", change=lambda old: old[1:]))
    for byte in range(0, 32, 4):
        yield Mutant(
            f"root byte {byte}", "inclusion-proof-mismatch", after=changed(*proof, "rootHash", change=flip_b64(byte))
        )
    yield Mutant(
        "another size",
        "inclusion-proof-mismatch",
        after=changed(*proof, "treeSize", change=lambda old: str(int(old) + 1)),
    )
    for name, cut in (("origin", 0), ("size", 1), ("root", 2)):
        yield Mutant(
            f"checkpoint's {name}",
            "checkpoint-origin" if name == "origin" and not first else "checkpoint-signature",
            after=changed(*proof, "checkpoint", "envelope", change=partial(line_changed, cut)),
        )
    yield Mutant(
        "checkpoint's signature",
        "checkpoint-signature",
        after=changed(*proof, "checkpoint", "envelope", change=signature_changed),
    )
    yield Mutant(
        "no checkpoint",
        "bundle-checkpoint-missing",
        after=lambda bundle: entry_of(bundle)["inclusionProof"].pop("checkpoint"),
    )
    yield Mutant("no proof", "bundle-proof-missing", after=lambda bundle: entry_of(bundle).pop("inclusionProof"))
    yield Mutant(
        "twice",
        "entry-duplicate",
        after=lambda bundle: bundle["verificationMaterial"]["tlogEntries"].append(entry_of(bundle)),
    )
    yield Mutant("none", "entry-threshold", {"log_version": 0})
    if first:
        for byte in range(40, 64, 3):
            yield Mutant(
                f"promise byte {byte}",
                "promise-invalid",
                after=changed("inclusionPromise", "signedEntryTimestamp", change=flip_b64(byte)),
            )
        for seconds in (-3600, -60, -1, 1, 60, 3600):
            yield Mutant(
                f"time {seconds:+}",
                "promise-invalid",
                after=changed("integratedTime", change=partial(later, seconds)),
            )
        yield Mutant(
            "another index", "promise-invalid", after=changed("logIndex", change=lambda old: str(int(old) + 1))
        )


def line_changed(line: int, note: str) -> str:
    """Another origin, size or root in a checkpoint."""
    lines = note.split("\n")
    lines[line] = {0: "elsewhere.example - 1", 1: str(int(lines[1]) + 1) if line == 1 else "", 2: "A" * 43 + "="}[line]
    return "\n".join(lines)


def signature_changed(note: str) -> str:
    """One bit of the log's signature."""
    body, gap, tail = note.partition("\n\n")
    dash, name, blob = tail.rstrip("\n").split("\n")[0].split(" ")
    return f"{body}{gap}{dash} {name} {flip_b64(50)(blob)}\n"


def certificates() -> Iterator[Mutant]:
    """The certificate, signed and logged again."""
    whole = github_extensions({**github_claims(), "iss": GITHUB_ISSUER})
    for at_extension, (oid, value) in enumerate(whole):
        number = int(oid.rpartition(".")[2])
        wrong = (
            {"no UTF-8": b"\xff\xfe"}
            if number < 7
            else {
                "no UTF8String": b"\x13" + value[1:],
                "trailing": value + b"\0",
                "short": value[:-1],
                "bad UTF-8": b"\x0c\x01\xff",
            }
        )
        for name, bad in wrong.items():
            extensions = (*whole[:at_extension], (oid, bad), *whole[at_extension + 1 :])
            yield Mutant(
                f"extension {number} {name}", "certificate-identity", {"certificate": {"extensions": extensions}}
            )
    two = tuple((oid, b"https://other.example") if oid == f"{ARC}.1" else (oid, value) for oid, value in whole)
    yield Mutant("two issuers", "certificate-identity", {"certificate": {"extensions": two}})
    yield Mutant("a host for a name", "certificate-identity", {"certificate": {"name": x509.DNSName("host.example")}})
    yield Mutant("a CA", "certificate-not-for-signing", {"certificate": {"ca": True}})
    for name, usages in (("no use", ()), ("for servers", (ExtendedKeyUsageOID.SERVER_AUTH,))):
        yield Mutant(name, "certificate-not-for-signing", {"certificate": {"usages": usages}})
    yield Mutant("of another authority", "trust-root-outdated", {"certificate": {"signer": p256()}})
    yield Mutant("no SCT", "sct-threshold", {"certificate": {"scts": 0}})
    yield Mutant("a bad SCT", "sct-invalid", {"certificate": {"spoiled_sct": True}})
    for name, moved in (("ended", timedelta(days=-2)), ("not begun", timedelta(hours=2))):
        yield Mutant(name, "certificate-expired", {"certificate": {"not_before": (NOW + moved).replace(microsecond=0)}})


def stamps() -> Iterator[Mutant]:
    """The time stamp."""
    path = ("timestampVerificationData", "rfc3161Timestamps")
    yield Mutant("stamp of other bytes", "timestamp-invalid", {"stamped": b"other"})
    yield Mutant("stamp before the certificate", "certificate-expired", {"stamp_time": NOW - timedelta(hours=3)})
    yield Mutant("stamp from the future", "time-in-future", {"stamp_time": NOW + timedelta(days=2)})
    yield Mutant(
        "no stamp at all",
        "timestamp-malformed",
        after=lambda bundle: bundle["verificationMaterial"][path[0]].update({path[1]: [{"signedTimestamp": "MAA="}]}),
    )
    yield Mutant(
        "the stamp twice",
        "timestamp-duplicate",
        after=lambda bundle: bundle["verificationMaterial"][path[0]][path[1]].append(
            bundle["verificationMaterial"][path[0]][path[1]][0]
        ),
    )


def later(seconds: int, text: str) -> str:
    """A number in decimal, moved."""
    return str(int(text) + seconds)


def stated_digest_changed(byte: int, bundle: Json) -> None:
    """One byte of the digest that a message signature states."""
    stated = bundle["messageSignature"]["messageDigest"]
    stated["digest"] = flip_b64(byte)(stated["digest"])


def contents(form: str) -> Iterator[Mutant]:
    """What is signed."""
    if "message" in form:
        for byte in range(32):
            yield Mutant(
                f"stated digest byte {byte}",
                "message-digest",
                after=partial(stated_digest_changed, byte),
            )
        return
    yield Mutant(
        "two signatures",
        "envelope-signatures",
        after=lambda bundle: bundle["dsseEnvelope"]["signatures"].append(bundle["dsseEnvelope"]["signatures"][0]),
    )
    for name, statement, code in (
        (
            "another artifact",
            {**STATEMENT, "subject": [{"name": "f", "digest": {"sha256": "00" * 32}}]},
            "subject-mismatch",
        ),
        ("a weak digest", {**STATEMENT, "subject": [{"name": "f", "digest": {"sha1": "00" * 20}}]}, "subject-mismatch"),
        ("no subject", {**STATEMENT, "subject": []}, "statement-no-subject"),
        ("no statement", {"x": 1}, "statement-malformed"),
    ):
        yield Mutant(name, code, {"content": json.dumps(statement).encode()})
    yield Mutant("another payload type", "payload-not-statement", {"payload_type": "text/plain"})


def mutants(form: str, hashes: int, other: x509.Certificate) -> tuple[Mutant, ...]:
    """All of one form."""
    found = (*bodies(form, other), *entries(form, hashes), *stamps(), *contents(form))
    return (*found, *certificates()) if form in ("message-v1", "envelope-v2") else found


@pytest.mark.parametrize("form", FORMS)
def test_each_is_refused_by_its_check(sandbox: Sandbox, form: str) -> None:
    """Whole it is accepted; with one thing wrong it is refused with the code of that thing."""
    trust = prepare(TrustMaterial(roots=(trusted_root_of(sandbox.trusted_root(), name="sandbox"),)))
    content = json.dumps(STATEMENT).encode() if "envelope" in form else b"hello"

    def judge(mutant: Mutant) -> str:
        told = {**FORMS[form], **mutant.forge}
        bundle = copy.deepcopy(sandbox.forge.bundle(told.pop("content", content), **told))
        mutant.after(bundle)
        try:
            establish(bundle_of(bundle), SUBJECT, trust, now=RealClock().now())
        except Refusal as error:
            return error.code
        return "accepted"

    for _ in range(9):  # a tree with proofs of several hashes
        sandbox.forge.bundle(content, **FORMS[form])
    whole = sandbox.forge.bundle(content, **FORMS[form])
    hashes = len(entry_of(whole)["inclusionProof"]["hashes"])
    assert judge(Mutant("whole", "")) == "accepted"
    wrong = []
    for mutant in mutants(form, min(hashes, 2), sandbox.forge.certificate(p256())):
        found = judge(mutant)
        if found != mutant.code:
            wrong.append((mutant.name, mutant.code, found))
    assert not wrong


def test_there_are_enough(sandbox: Sandbox) -> None:
    """Issue 3: at least 500, of different names."""
    other = sandbox.forge.certificate(p256())
    names = {(form, one.name) for form in FORMS for one in mutants(form, 2, other)}
    assert len(names) >= WANTED
