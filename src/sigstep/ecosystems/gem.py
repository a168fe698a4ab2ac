"""RubyGems: Sigstore bundles at the registry, matched to the gem's locked SHA-256."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from sigstep.errors import FormatError
from sigstep.model import limits
from sigstep.model.dependency import EvidenceState, Locked, PackageEvidence
from sigstep.model.digest import Algorithm, Digest
from sigstep.model.subject import Subject
from sigstep.model.verdict import Finding
from sigstep.services.attested import prove, publishers_of
from sigstep.services.registry import Ask, object_of
from sigstep.wire import strict_json
from sigstep.wire.members import time_or_none

_BUNDLES = 32


def evidence(locked: Locked, ask: Ask) -> PackageEvidence:
    """What the registry's attestations prove about one gem.

    Args:
        locked: the version, with its platform.
        ask: the registry.

    Raises:
        ServiceError: the registry cannot be asked.
        FormatError: an answer is malformed.
    """
    name = quote(locked.name, safe="")
    listed = ask.json(f"{ask.registry}/api/v1/versions/{name}.json", at_most=limits.REGISTRY_METADATA_BYTES)
    versions = [object_of(one) for one in listed] if isinstance(listed, list) else []
    version = next((one for one in versions if locked.version in _names(one)), None)
    if version is None:
        return PackageEvidence(state=EvidenceState.NOT_SERVED, why="the registry does not have this version")
    digest = _digest(version)
    stated = [one for file in locked.files for one in file.digests if one.algorithm is Algorithm.SHA256]
    about = PackageEvidence(
        state=EvidenceState.ABSENT,
        files=1,
        problems=tuple(_problems(stated, digest)),
        published=time_or_none(version.get("created_at"), "created_at"),
        declared_repository=str(object_of(version.get("metadata")).get("source_code_uri") or ""),
    )
    full = quote(f"{locked.name}-{locked.version}", safe="")
    answer = ask.get(f"{ask.registry}/api/v1/attestations/{full}.json", at_most=limits.REGISTRY_ATTESTATION_BYTES)
    if answer.status != 200:
        return replace(about, state=EvidenceState.NOT_SERVED, why="the registry does not know attestations")
    bundles, notes = _repaired(answer.body)
    subject_digest = next(iter(stated), digest)
    if not bundles or subject_digest is None:
        return about
    gem = f"{locked.name}-{locked.version}.gem"
    subject = Subject(name=gem, digests=(subject_digest,), location=locked.label)
    attested = prove(bundles, subject, ask)
    found = attested.onto(about, publishers_of(attested.verified), "attestation")
    return replace(found, notes=notes) if attested.verified else found


def _repaired(body: bytes) -> tuple[list[bytes], tuple[str, ...]]:
    """The bundles of an answer; two faults that the registry once stored are mended, and told.

    A missing ``kindVersion`` is taken from the entry's own body; a certificate that is PEM inside base64 is unwrapped.
    """
    value = strict_json.loads(body, at_most=limits.REGISTRY_ATTESTATION_BYTES, name="registry's answer")
    if not isinstance(value, list) or len(value) > _BUNDLES:
        raise FormatError(
            code="registry-answer",
            what="the registry's attestations are no list of bundles",
            why=f"at most {_BUNDLES} are read",
            fix="tell the registry's operators",
        )
    notes: set[str] = set()
    for bundle in value:
        material = object_of(object_of(bundle).get("verificationMaterial"))
        certificate = material.get("certificate")
        if isinstance(certificate, dict) and (der := _unwrapped(certificate.get("rawBytes"))):
            certificate["rawBytes"] = der
            notes.add("its certificate was stored as text and was mended")
        entries = material.get("tlogEntries")
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and "kindVersion" not in entry and (kind := _kind(entry)):
                entry["kindVersion"] = kind
                notes.add("its log entry was stored without its kind and was mended")
    return [json.dumps(one).encode() for one in value], tuple(sorted(notes))


def _unwrapped(value: Any) -> str:
    try:
        text = base64.b64decode(value, validate=True)
        if not text.startswith(b"-----BEGIN CERTIFICATE-----"):
            return ""
        body = text.partition(b"-----BEGIN CERTIFICATE-----")[2].partition(b"-----END")[0]
        return base64.b64encode(base64.b64decode(body)).decode()
    except (ValueError, TypeError):
        return ""


def _kind(entry: Mapping[str, Any]) -> dict[str, str]:
    try:
        body = json.loads(base64.b64decode(entry.get("canonicalizedBody", ""), validate=True))
        return {"kind": str(body["kind"]), "version": str(body["apiVersion"])}
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}


def _names(version: Mapping[str, Any]) -> set[str]:
    number, platform = str(version.get("number")), str(version.get("platform") or "ruby")
    return {number} if platform == "ruby" else {f"{number}-{platform}"}


def _digest(version: Mapping[str, Any]) -> Digest | None:
    text = str(version.get("sha") or "")
    return Digest.parse(f"sha256:{text}") if len(text) == 64 else None


def _problems(stated: list[Digest], digest: Digest | None) -> list[Finding]:
    if digest is None or not stated or digest in stated:
        return []
    return [Finding(code="digest-mismatch", what="the registry has another hash than the lockfile", why=str(digest))]
