"""npm registries: registry signatures, publish and provenance attestations."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from sigstep.errors import FormatError, Refusal, ServiceError
from sigstep.model import limits
from sigstep.model.bundle import CertificateMaterial
from sigstep.model.dependency import CACHE, EvidenceState, Locked, PackageEvidence
from sigstep.model.digest import Algorithm, Digest
from sigstep.model.subject import Subject
from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.publisher import publisher_of
from sigstep.proofs.keys import load_key, verify_message
from sigstep.proofs.prepared import PreparedTrust
from sigstep.services.attested import problem
from sigstep.services.registry import Ask, object_of
from sigstep.verification.pipeline import establish
from sigstep.wire.members import decode_base64, parse_time
from sigstep.wire.signed_document import Signed, parse_signed

PROVENANCE: Final = ("https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2")
PUBLISH: Final = "https://github.com/npm/attestation/tree/main/specs/publish/"
SIGNATURES, ATTESTATIONS = "npm:signatures", "npm:attestations"


def evidence(locked: Locked, ask: Ask) -> PackageEvidence:
    """What the registry's evidence about one version proves.

    Args:
        locked: the version.
        ask: the registry, and its own keys; without any, registry signatures are not judged.

    Raises:
        ServiceError: the registry cannot be asked.
        Refusal: an answer is malformed.
    """
    name = quote(locked.name, safe="@").replace("%2F", "%2f")
    package = object_of(ask.json(f"{ask.registry}/{name}", at_most=limits.REGISTRY_METADATA_BYTES))
    version = object_of(object_of(package.get("versions")).get(locked.version))
    if not version:
        return PackageEvidence(state=EvidenceState.NOT_SERVED, why="the registry does not have this version")
    dist = object_of(version.get("dist"))
    digest = _sha512(dist.get("integrity"))
    problems = [*_hash_problems(locked, digest), *_signature_problems(locked, dist, ask.keys, package)]
    about = PackageEvidence(
        state=EvidenceState.ABSENT,
        files=1,
        problems=tuple(problems),
        published=_published(package, locked.version),
        declared_repository=_repository(version),
        trusted_publisher=_trusted(version),
        history_attested=_history(package, locked.version),
    )
    if not dist.get("attestations"):
        stripped = not dist.get("signatures")
        why = "its version has no registry signature, so a mirror stripped it"
        return replace(about, state=EvidenceState.NOT_SERVED, why=why) if stripped else about
    version_part = quote(locked.version, safe="+")
    return _attested(locked, digest, about, f"{ask.registry}/-/npm/v1/attestations/{name}@{version_part}", ask)


def _attested(locked: Locked, digest: Digest | None, about: PackageEvidence, address: str, ask: Ask) -> PackageEvidence:
    try:
        answer = ask.get(address, at_most=limits.REGISTRY_ATTESTATION_BYTES)
    except ServiceError as error:
        return replace(about, state=EvidenceState.ADVERTISED_UNAVAILABLE, why=error.what)
    if answer.status != 200:
        return replace(about, state=EvidenceState.ADVERTISED_UNAVAILABLE, why="the attestations are not there")
    stated = next(iter(_stated(locked)), digest)
    if stated is None:
        return replace(about, state=EvidenceState.ERROR, why="there is no SHA-512 to match the attestations with")
    subject = Subject(name=purl(locked), digests=(stated,), location=locked.label)
    found: list[Verified] = []
    notes: list[str] = []
    try:
        for signed in parse_signed(answer.body):
            verified, note = _prove(signed, subject, locked, ask)
            found += [verified] if verified else []
            notes += [note] if note else []
    except Refusal as error:
        if error.code == "trust-root-outdated":
            return replace(about, state=EvidenceState.ERROR, why=f"{error.what}: {error.why}")
        return replace(about, state=EvidenceState.INVALID, problems=(*about.problems, problem(error)))
    proved = [one for one in found if one.statement and one.statement.predicate_type in PROVENANCE]
    publishers = tuple(dict.fromkeys(publisher_of(one.identity) for one in proved if one.identity))
    if not publishers:
        return replace(about, state=EvidenceState.ADVERTISED_UNAVAILABLE, why="the answer has no provenance")
    signed_times = [time.time for one in found if one not in proved for time in one.times]
    return replace(
        about,
        state=EvidenceState.VERIFIED,
        publishers=publishers,
        attested=1,
        published=min(signed_times, default=about.published),
        notes=tuple(dict.fromkeys(notes)),
    )


def _prove(signed: Signed, subject: Subject, locked: Locked, ask: Ask) -> tuple[Verified | None, str]:
    """The proof of one attestation, and a note; none for the registry's own where its key is not known here."""
    material = signed.bundle.material
    by_certificate = isinstance(material, CertificateMaterial)
    trust = ask.trust if by_certificate else _for_usage(ask.keys, ATTESTATIONS)
    if not isinstance(material, CertificateMaterial):
        if not trust.material.keys:
            return None, ""
        if material.hint not in {one.hint for one in trust.material.keys}:
            return None, f"its publish attestation is by a key that is not known here ({material.hint[:60]})"
    verified = establish(signed.bundle, subject, trust, now=ask.world.clock.now(), original=signed.original)
    statement = verified.statement
    names = {one.name for one in statement.subjects} if statement else set()
    if statement is None or names != {subject.name} or not _publishes(verified, locked):
        raise FormatError(
            code="subject-mismatch",
            what="an attestation is about another package",
            why=f"it names {sorted(names)[:2]}, wanted is {subject.name}",
            fix="do not install it; tell the maintainers",
        )
    unproved = any("inclusion proof" not in entry.proved_by for entry in verified.entries)
    note = "the log's promise was verified; the bundle has no inclusion proof" if unproved else ""
    return verified, note


def _publishes(verified: Verified, locked: Locked) -> bool:
    """Whether a publish attestation's predicate is about this version (npm attestation, specs/publish)."""
    statement = verified.statement
    if statement is None or not statement.predicate_type.startswith(PUBLISH):
        return True
    predicate = statement.predicate or {}
    return (predicate.get("name"), predicate.get("version")) == (locked.name, locked.version)


def _for_usage(trust: PreparedTrust, usage: str) -> PreparedTrust:
    keys = tuple(one for one in trust.material.keys if one.usage in {"", usage})
    return replace(trust, material=replace(trust.material, keys=keys))


def purl(locked: Locked) -> str:
    """The package URL of an npm version as attestations name it (purl-spec, npm)."""
    return f"pkg:npm/{locked.name.replace('@', '%40')}@{locked.version}"


def _signature_problems(
    locked: Locked, dist: Mapping[str, Any], keys: PreparedTrust, package: Mapping[str, Any]
) -> list[Finding]:
    """The registry's signatures over ``name@version:integrity`` (npm, about registry signatures)."""
    signatures = dist.get("signatures")
    known = _for_usage(keys, SIGNATURES).material.keys
    if not known or not isinstance(signatures, list) or not signatures:
        return []
    message = f"{locked.name}@{locked.version}:{dist.get('integrity', '')}".encode()
    published = _published(package, locked.version)
    for one in signatures:
        entry = object_of(one)
        for key in known:
            if key.hint != entry.get("keyid") or (published and key.validity and not key.validity.contains(published)):
                continue
            signature = decode_base64(entry.get("sig"), "sig", at_most=limits.SIGNATURE_BYTES)
            if verify_message(load_key(key.key), signature, message) is not None:
                return []
    return [
        Finding(
            code="registry-signature-invalid",
            what="no signature of the registry holds",
            why="none is by a known key that counted when it was published",
        )
    ]


def _hash_problems(locked: Locked, digest: Digest | None) -> list[Finding]:
    stated = _stated(locked)
    if digest is None or not stated or digest in stated:
        return []
    return [Finding(code="digest-mismatch", what="the registry has another hash than the lockfile", why=str(digest))]


def _stated(locked: Locked) -> list[Digest]:
    files = [file for file in locked.files if not file.name.startswith(CACHE)]
    return [one for file in files for one in file.digests if one.algorithm is Algorithm.SHA512]


def _sha512(integrity: Any) -> Digest | None:
    for one in integrity.split() if isinstance(integrity, str) else ():
        if one.startswith("sha512-"):
            return Digest(algorithm=Algorithm.SHA512, value=base64.b64decode(one[7:] + "==", validate=False))
    return None


def _published(package: Mapping[str, Any], version: str) -> datetime | None:
    text = object_of(package.get("time")).get(version)
    return parse_time(text, "time") if isinstance(text, str) else None


def _history(package: Mapping[str, Any], version: str) -> bool:
    published = _published(package, version)
    if published is None:
        return False
    for other, value in object_of(package.get("versions")).items():
        time = _published(package, other)
        if time is not None and time < published and object_of(object_of(value).get("dist")).get("attestations"):
            return True
    return False


def _repository(version: Mapping[str, Any]) -> str:
    stated = version.get("repository")
    return str(stated.get("url", "")) if isinstance(stated, Mapping) else str(stated or "")


def _trusted(version: Mapping[str, Any]) -> bool | None:
    user = version.get("_npmUser")
    return "trustedPublisher" in user if isinstance(user, Mapping) else None
