"""npm registries: registry signatures, publish and provenance attestations."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sigstep.errors import FormatError, Refusal, ServiceError
from sigstep.model import limits
from sigstep.model.bundle import CertificateMaterial
from sigstep.model.dependency import EvidenceState, Locked, PackageEvidence, Publisher
from sigstep.model.digest import Algorithm, Digest
from sigstep.model.subject import Subject
from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.publisher import publisher_of
from sigstep.ports.world import World
from sigstep.proofs.keys import load_key, verify_message
from sigstep.proofs.prepared import PreparedTrust
from sigstep.services.registry import get
from sigstep.verification.pipeline import establish
from sigstep.wire import strict_json
from sigstep.wire.members import decode_base64, parse_time
from sigstep.wire.signed_document import Signed, parse_signed

PROVENANCE: Final = ("https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2")


def evidence(locked: Locked, registry: str, world: World, trust: PreparedTrust, keys: PreparedTrust) -> PackageEvidence:
    """What the registry's evidence about one version proves.

    Args:
        locked: the version.
        registry: base address of the registry.
        world: network and clock.
        trust: roots of the certificates.
        keys: the same with the registry's own keys; without any, registry signatures are not judged.

    Raises:
        ServiceError: the registry cannot be asked.
        Refusal: an answer is malformed.
    """
    name = locked.name.replace("/", "%2f")
    answer = get(f"{registry}/{name}", world, accept="application/json", at_most=limits.REGISTRY_METADATA_BYTES)
    package = _mapping(_json(answer.body)) if answer.status == 200 else {}
    version = _mapping(_mapping(package.get("versions")).get(locked.version))
    if not version:
        return PackageEvidence(state=EvidenceState.NOT_SERVED, why="the registry does not have this version")
    dist = _mapping(version.get("dist"))
    digest = _sha512(dist.get("integrity"))
    problems = [*_hash_problems(locked, digest), *_signature_problems(locked, dist, keys, package)]
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
        return replace(about, state=EvidenceState.NOT_SERVED, why="it has no signatures") if stripped else about
    address = f"{registry}/-/npm/v1/attestations/{name}@{locked.version}"
    return _attested(locked, digest, about, address, world, trust, keys)


def _attested(
    locked: Locked,
    digest: Digest | None,
    about: PackageEvidence,
    address: str,
    world: World,
    trust: PreparedTrust,
    keys: PreparedTrust,
) -> PackageEvidence:
    try:
        answer = get(address, world, accept="application/json", at_most=limits.REGISTRY_ATTESTATION_BYTES)
    except ServiceError as error:
        return replace(about, state=EvidenceState.ADVERTISED_UNAVAILABLE, why=error.what)
    if answer.status != 200:
        return replace(about, state=EvidenceState.ADVERTISED_UNAVAILABLE, why="the attestations are not there")
    stated = next((one for file in locked.files for one in file.digests if one.algorithm is Algorithm.SHA512), digest)
    if stated is None:
        return replace(about, state=EvidenceState.ERROR, why="there is no SHA-512 to match the attestations with")
    subject = Subject(name=purl(locked), digests=(stated,), location=locked.label)
    publishers: list[Publisher] = []
    problems = list(about.problems)
    try:
        for signed in parse_signed(answer.body):
            verified = _prove(signed, subject, world, trust, keys)
            if verified is not None and verified.identity is not None:
                publishers.append(publisher_of(verified.identity))
    except Refusal as error:
        problems.append(_invalid(error))
    if not publishers and len(problems) == len(about.problems):
        return replace(about, state=EvidenceState.ADVERTISED_UNAVAILABLE, why="the answer has no provenance")
    if len(problems) > len(about.problems):
        return replace(about, state=EvidenceState.INVALID, problems=tuple(problems))
    return replace(about, state=EvidenceState.VERIFIED, publishers=tuple(dict.fromkeys(publishers)), attested=1)


def _prove(
    signed: Signed, subject: Subject, world: World, trust: PreparedTrust, keys: PreparedTrust
) -> Verified | None:
    """The proof of one attestation; None for the registry's own where its keys are not at hand."""
    by_certificate = isinstance(signed.bundle.material, CertificateMaterial)
    if not by_certificate and not keys.material.keys:
        return None
    verified = establish(
        signed.bundle,
        subject,
        trust if by_certificate else keys,
        now=world.clock.now(),
        original=signed.original,
    )
    statement = verified.statement
    names = {one.name for one in statement.subjects} if statement else set()
    if names != {subject.name}:
        raise FormatError(
            code="package-subject-mismatch",
            what="an attestation is about another package",
            why=f"it names {sorted(names)[:2]}, wanted is {subject.name}",
            fix="do not install it; tell the maintainers",
        )
    wanted = statement is not None and statement.predicate_type in PROVENANCE
    return verified if wanted else None


def purl(locked: Locked) -> str:
    """The package URL of an npm version as attestations name it (purl-spec, npm)."""
    return f"pkg:npm/{locked.name.replace('@', '%40')}@{locked.version}"


def _signature_problems(
    locked: Locked, dist: Mapping[str, Any], keys: PreparedTrust, package: Mapping[str, Any]
) -> list[Finding]:
    """The registry's signatures over ``name@version:integrity`` (npm, about registry signatures)."""
    signatures = dist.get("signatures")
    if not keys.material.keys or not isinstance(signatures, list) or not signatures:
        return []
    message = f"{locked.name}@{locked.version}:{dist.get('integrity', '')}".encode()
    published = _published(package, locked.version)
    for one in signatures:
        entry = _mapping(one)
        for key in keys.material.keys:
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
    stated = [one for file in locked.files for one in file.digests if one.algorithm is Algorithm.SHA512]
    if digest is None or not stated or digest in stated:
        return []
    return [Finding(code="digest-mismatch", what="the registry has another hash than the lockfile", why=str(digest))]


def _invalid(error: Refusal) -> Finding:
    mismatch = error.code in {"package-subject-mismatch", "subject-mismatch"}
    if mismatch:
        return Finding(code="subject-mismatch", what=error.what, why=error.why)
    return Finding(code="attestation-invalid", what=f"an attestation does not hold ({error.code})", why=error.what)


def _sha512(integrity: Any) -> Digest | None:
    for one in integrity.split() if isinstance(integrity, str) else ():
        if one.startswith("sha512-"):
            return Digest(algorithm=Algorithm.SHA512, value=base64.b64decode(one[7:] + "==", validate=False))
    return None


def _published(package: Mapping[str, Any], version: str) -> datetime | None:
    text = _mapping(package.get("time")).get(version)
    return parse_time(text, "time") if isinstance(text, str) else None


def _history(package: Mapping[str, Any], version: str) -> bool:
    published = _published(package, version)
    if published is None:
        return False
    for other, value in _mapping(package.get("versions")).items():
        time = _published(package, other)
        if time is not None and time < published and _mapping(_mapping(value).get("dist")).get("attestations"):
            return True
    return False


def _repository(version: Mapping[str, Any]) -> str:
    stated = version.get("repository")
    return str(stated.get("url", "")) if isinstance(stated, Mapping) else str(stated or "")


def _trusted(version: Mapping[str, Any]) -> bool | None:
    user = version.get("_npmUser")
    return "trustedPublisher" in user if isinstance(user, Mapping) else None


def _json(body: bytes) -> Any:
    return strict_json.loads(body, at_most=limits.REGISTRY_METADATA_BYTES, name="registry's answer")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
