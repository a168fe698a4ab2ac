"""Bundles as an attacker, or a client with a known mistake, would make them; see `test_pitfalls`."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.flows.desk import Desk, x509_pem
from tests.flows.signing_oracle import ARTIFACT
from tests.flows.test_structural import changed, entry_of, flip_b64
from tests.flows.test_verify_command import rekor_bundle
from tests.flows.test_windows import with_window

from sigstep.ports.real import RealClock
from sigstep.sandbox import forge, keys
from sigstep.sandbox.authority import signing_hash
from sigstep.sandbox.claims import GITHUB_ISSUER, github_claims, github_extensions
from sigstep.sandbox.exchange import b64
from sigstep.sandbox.keys import p256, sign
from sigstep.sandbox.local import Sandbox
from sigstep.sandbox.timestamp import Query, TimestampAuthority

Json = dict[str, Any]
NOW = RealClock().now()
PAYLOAD = "application/vnd.in-toto+json"
STATEMENT = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "artifact.bin", "digest": {"sha256": hashlib.sha256(ARTIFACT).hexdigest()}}],
    "predicateType": "https://predicate.example/v1",
    "predicate": {"author": "Jürgen"},
}


@dataclass
class Bench:
    """What a row may change before and after the bundle is made."""

    sandbox: Sandbox
    desk: Desk
    patch: pytest.MonkeyPatch
    root: Json = field(default_factory=dict)

    def message(self, **told: Any) -> Json:
        """A bundle of the artifact; by default in Rekor v1."""
        return self.sandbox.forge.bundle(ARTIFACT, **told)

    def attestation(self, statement: Any = None, **told: Any) -> Json:
        """A bundle of a statement."""
        payload = json.dumps(statement or STATEMENT, ensure_ascii=False).encode()
        return self.sandbox.forge.bundle(payload, **{"payload_type": PAYLOAD, **told})


def message(after: Callable[[Json], Any] = lambda bundle: None, **told: Any) -> Callable[[Bench], Json]:
    """A message signature, changed after it was made."""

    def make(bench: Bench) -> Json:
        bundle = copy.deepcopy(bench.message(**told))
        after(bundle)
        return bundle

    return make


def attestation(after: Callable[[Json], Any] = lambda bundle: None, **told: Any) -> Callable[[Bench], Json]:
    """An attestation, changed after it was made."""

    def make(bench: Bench) -> Json:
        bundle = copy.deepcopy(bench.attestation(**told))
        after(bundle)
        return bundle

    return make


def entry_of_another(bench: Bench) -> Json:
    """A valid entry of another signature over the same artifact."""
    bundle, other = bench.message(), bench.message()
    bundle["verificationMaterial"]["tlogEntries"] = other["verificationMaterial"]["tlogEntries"]
    return bundle


def cosign(bundle: Json, other: Json, certificate: str) -> Json:
    """cosign's old form, with the promise of ``other``."""
    return {
        "base64Signature": bundle["messageSignature"]["signature"],
        "cert": base64.b64encode(certificate.encode()).decode(),
        "rekorBundle": rekor_bundle(entry_of(other)),
    }


def old_promise_of_another(bench: Bench) -> Json:
    """A signed entry timestamp that is about another signature."""
    bundle = bench.message()
    return cosign(bundle, bench.message(), x509_pem(bundle["verificationMaterial"]["certificate"]["rawBytes"]))


def key_inside(bench: Bench) -> Json:
    """An old bundle that brings the attacker's key where the certificate stands."""
    key = p256()
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    bundle = bench.message()
    bundle["messageSignature"]["signature"] = b64(sign(key, ARTIFACT))
    return cosign(bundle, bundle, pem.decode())


def two_stamps(bench: Bench) -> Json:
    """Two stamps of one authority."""
    bundle = bench.message()
    signature = base64.b64decode(bundle["messageSignature"]["signature"])
    stamp = bench.sandbox.timestamp_authority.stamp(
        Query(algorithm="sha256", digest=hashlib.sha256(signature).digest())
    )
    bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"].append(
        {"signedTimestamp": b64(stamp)}
    )
    return bundle


def two_entries(bench: Bench) -> Json:
    """Two entries of one log, under two indexes: the second has blanks in its body, else the log would not take it."""
    bundle = bench.message()
    body = json.loads(base64.b64decode(entry_of(bundle)["canonicalizedBody"]))
    made = bench.sandbox.log_v1.append(json.dumps(body).encode())
    bundle["verificationMaterial"]["tlogEntries"].append(forge.as_bundle_entry(made))
    return bundle


def window(kind: str, *, start: bool = True, **told: Any) -> Callable[[Bench], Json]:
    """A trusted root in which everything of one kind ended an hour ago, or has no start."""

    def make(bench: Bench) -> Json:
        bench.root = with_window(bench.sandbox, kind, NOW - timedelta(days=9), NOW - timedelta(hours=1))
        for one in bench.root[kind]:
            if not start:
                (one["publicKey"] if kind.endswith("logs") else one)["validFor"] = {}
        return bench.message(**told)

    return make


def expired_intermediate(bench: Bench) -> Json:
    """An intermediate certificate that ended before the leaf was issued, in a window that has not."""
    authority = bench.sandbox.authority
    old = authority.intermediate.certificate
    builder = x509.CertificateBuilder(
        issuer_name=old.issuer,
        subject_name=old.subject,
        public_key=old.public_key(),
        serial_number=old.serial_number,
        not_valid_before=old.not_valid_before_utc,
        not_valid_after=NOW - timedelta(hours=1),
        extensions=list(old.extensions),
    )
    ended = builder.sign(authority.root.key, signing_hash(authority.root.key))
    bench.root = bench.sandbox.trusted_root()
    for one in bench.root["certificateAuthorities"]:
        one["certChain"]["certificates"][0]["rawBytes"] = b64(ended.public_bytes(serialization.Encoding.DER))
    return bench.message()


def stamped_by(make: Callable[[Sandbox, Query], bytes], **told: Any) -> Callable[[Bench], Json]:
    """A bundle whose only time is somebody's stamp."""

    def build(bench: Bench) -> Json:
        bundle = bench.message(log_version=2)
        signature = base64.b64decode(bundle["messageSignature"]["signature"])
        query = Query(algorithm="sha256", digest=hashlib.sha256(signature).digest(), certificates=True)
        stamps = [{"signedTimestamp": b64(make(bench.sandbox, query))}]
        bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"] = stamps
        return bundle

    return build


def same_names(sandbox: Sandbox, query: Query) -> bytes:
    """A stamp of a stranger with the names of the authority, and the stranger's certificate in it."""
    return TimestampAuthority(RealClock(), organization="sigstep sandbox").stamp(query)


def no_stamps(bundle: Json) -> None:
    """Without RFC 3161 stamps."""
    del bundle["verificationMaterial"]["timestampVerificationData"]


def only_a_proof(bundle: Json) -> None:
    """An integrated time that nothing signs."""
    no_stamps(bundle)
    entry_of(bundle).pop("inclusionPromise")


def time_of_v2(bundle: Json) -> None:
    """A Rekor v2 entry that states a time."""
    no_stamps(bundle)
    entry_of(bundle)["integratedTime"] = str(int(NOW.timestamp()))


def unsigned_statement(bench: Bench) -> Json:
    """A line of another payload under a valid signature and certificate."""
    bundle = bench.attestation({**STATEMENT, "subject": [{"name": "x", "digest": {"sha256": "00" * 32}}]})
    bundle["dsseEnvelope"]["payload"] = b64(json.dumps(STATEMENT).encode())
    return bundle


def longer_issuer(bench: Bench) -> Json:
    """An issuer whose address begins like GitHub's."""
    claims = {**github_claims(), "iss": f"{GITHUB_ISSUER}.evil.example"}
    return bench.message(certificate={"extensions": github_extensions(claims)})


def spaced(bundle: Json) -> None:
    """The body as another writer of JSON writes it."""
    entry = entry_of(bundle)
    entry["canonicalizedBody"] = b64(json.dumps(json.loads(base64.b64decode(entry["canonicalizedBody"]))).encode())


def in_hex(text: str) -> str:
    """Hexadecimal where base64 belongs."""
    return base64.b64decode(text).hex()


def note(change: Callable[[str], str]) -> Callable[[Json], None]:
    """Another checkpoint."""
    return changed("inclusionProof", "checkpoint", "envelope", change=change)


def hint_changed(text: str) -> str:
    """The key hint of the log's signature line."""
    body, gap, lines = text.partition("\n\n")
    dash, name, blob = lines.rstrip("\n").split("\n")[0].split(" ")
    return f"{body}{gap}{dash} {name} {flip_b64(0)(blob)}\n"


def foreign_sct(bench: Bench) -> Json:
    """An SCT about the certificate of another issuer."""
    real = bench.sandbox.ct_log.sct
    bench.patch.setattr(bench.sandbox.ct_log, "sct", lambda _, tbs, **more: real(b"\0" * 32, tbs, **more))
    return bench.message()


def pae_in_characters(bench: Bench) -> Json:
    """The length of the payload in characters; the payload has others than ASCII."""

    def pae(kind: str, payload: bytes) -> bytes:
        return f"DSSEv1 {len(kind)} {kind} {len(payload.decode())} ".encode() + payload

    bench.patch.setattr(forge, "pae", pae)
    bench.patch.setattr(keys, "check_digest", lambda *_: None)  # a log that takes it
    return bench.attestation()


def other_hash(bench: Bench) -> Json:
    """A P-256 key that signs a SHA-512 digest."""
    signer = SimpleNamespace(p256=p256, sign=lambda key, data: key.sign(data, ec.ECDSA(hashes.SHA512())))
    bench.patch.setattr(forge, "keys", signer)
    bench.patch.setattr(keys, "check_digest", lambda *_: None)  # a log that takes it
    return bench.message()


def written_again(bundle: Json) -> None:
    """The same statement in another order."""
    payload = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    bundle["dsseEnvelope"]["payload"] = b64(json.dumps(payload, sort_keys=True).encode())


def merged_roots(bench: Bench) -> Json:
    """A certificate of the public instance without SCT and entry, while a root without logs is trusted too."""
    with Sandbox(private=True) as private:
        bench.desk.file("private.json", json.dumps(private.trusted_root()))
    return bench.message(log_version=0, certificate={"scts": 0})


def trailing(text: str) -> str:
    """A byte behind the DER."""
    return b64(base64.b64decode(text) + b"\0")


def of_certificate(change: Callable[[str], str]) -> Callable[[Json], None]:
    """Another certificate."""

    def after(bundle: Json) -> None:
        holder = bundle["verificationMaterial"]["certificate"]
        holder["rawBytes"] = change(holder["rawBytes"])

    return after


def repeated(name: str, count: int) -> Callable[[Json], None]:
    """A list of the bundle, made longer."""

    def after(bundle: Json) -> None:
        material = bundle["verificationMaterial"]
        holder = material if name == "tlogEntries" else material["timestampVerificationData"]
        holder[name] = holder[name] * count

    return after


def stranger(_: str) -> str:
    """Another signer in a body of Rekor v1."""
    pem = p256().public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return b64(pem)
