"""What the three known external-data providers would answer about images, from what is attached to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from sigstep.engines.gatekeeper.rules import GatekeeperRules, Ratify, RatifySigner
from sigstep.engines.gatekeeper.template import EXTENSIONS
from sigstep.model.bundle import Envelope
from sigstep.model.trust import Thresholds
from sigstep.model.verified import TimeSource, Verified
from sigstep.policy.engine import ImageEvidence, Storage, Surroundings, Unjudged
from sigstep.policy.image_patterns import Dialect, matched_text, parse_image
from sigstep.policy.rulings import check_algorithm, is_by, missing_evidence
from sigstep.trust.pem_roots import root_for_keys

GITHUB: Final = "artifact-attestations-opa-provider"
RATIFY: Final = "ratify-provider"
COSIGN: Final = "cosign-gatekeeper-provider"
_RESULT: Final = "application/vnd.dev.sigstore.verificationresult+json;version=0.1"
_STRANGER: Final = "https://stranger.invalid/stranger/stranger/.github/workflows/strange.yml@refs/heads/strange"
_SOURCES: Final = {TimeSource.TIMESTAMP_AUTHORITY: "TimestampAuthority", TimeSource.TRANSPARENCY_LOG: "Tlog"}


def shape_of(provider: str) -> str:
    """The provider whose answers a name stands for: its own, or one that contains it.

    Raises:
        Unjudged: the name says nothing.
    """
    for name, words in ((GITHUB, ("attestation", "github")), (RATIFY, ("ratify",)), (COSIGN, ("cosign",))):
        if provider == name or any(word in provider.lower() for word in words):
            return name
    raise Unjudged("cluster", f"answers of the provider {provider}")


def answers(
    shape: str, images: Mapping[str, ImageEvidence | None], rules: GatekeeperRules, surroundings: Surroundings
) -> dict[str, dict[str, Any]]:
    """For each image ``{"value": …}`` or ``{"error": …}``; images that are not there are unsigned.

    Raises:
        Unjudged: that cannot be known here.
    """
    found: dict[str, dict[str, Any]] = {}
    for written, evidence in images.items():
        if shape == GITHUB:
            found[written] = _github(written, evidence, surroundings)
        elif shape == COSIGN:
            found[written] = _cosign(written, evidence, surroundings)
        else:
            found[written] = _ratify(written, evidence, rules.ratify, surroundings)
    return found


def without(shape: str, written: str) -> dict[str, Any]:
    """The answer about an image that nobody signed."""
    if shape == RATIFY:
        return {"value": _report(success=False, why="no referrers found")}
    return {"error": f"{written}_unsigned" if shape == GITHUB else f"{written}_invalid"}


def by_stranger(shape: str, table: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """An answer that holds, but of somebody nobody asked for; None where the answers name no signer."""
    known = next((one["value"] for one in table.values() if one.get("value")), None)
    if shape != GITHUB or not known:
        return None
    return {"value": [{**one, "signature": {"certificate": _strange(one)}} for one in known]}


def _strange(result: Mapping[str, Any]) -> dict[str, str]:
    certificate: Mapping[str, str] = result["signature"]["certificate"]
    return {name: value if name == "issuer" else _STRANGER for name, value in certificate.items()}


def _github(written: str, evidence: ImageEvidence | None, surroundings: Surroundings) -> dict[str, Any]:
    """Every attestation in a bundle by referrers that verifies, whoever signed."""
    results = []
    for one in evidence.attachments if evidence else ():
        if one.storage not in (Storage.REFERRER, Storage.FALLBACK_TAG) or one.bundle is None:
            continue
        proof = surroundings.prover.prove(one, roots=surroundings.roots)
        if isinstance(proof, Verified) and proof.identity is not None and isinstance(one.bundle.content, Envelope):
            results.append(_result(proof, one.bundle.content))
    if results:
        return {"value": results}
    _raise_gap(evidence, written)
    return without(GITHUB, written)


def _result(proof: Verified, envelope: Envelope) -> dict[str, Any]:
    assert proof.identity is not None
    certificate = {
        "certificateIssuer": "",
        "subjectAlternativeName": proof.identity.subject,
        "issuer": proof.identity.issuer or "",
        **{EXTENSIONS[name]: value for name, value in proof.identity.extensions.items() if name in EXTENSIONS},
    }
    return {
        "mediaType": _RESULT,
        "statement": json.loads(envelope.payload),
        "signature": {"certificate": certificate},
        "verifiedTimestamps": [
            {"type": _SOURCES[one.source], "uri": one.authority, "timestamp": one.time.isoformat()}
            for one in proof.times
        ],
    }


def _cosign(written: str, evidence: ImageEvidence | None, surroundings: Surroundings) -> dict[str, Any]:
    """A legacy signature of anybody with a certificate; the provider checks no identity."""
    for one in evidence.attachments if evidence else ():
        if one.storage is Storage.LEGACY_SIGNATURE:
            proof = surroundings.prover.prove(one, roots=surroundings.public, stamps=False)
            if isinstance(proof, Verified):
                return {"value": f"{written}_valid"}
    _raise_gap(evidence, written)
    return without(COSIGN, written)


def _ratify(
    written: str, evidence: ImageEvidence | None, settings: Ratify | None, surroundings: Surroundings
) -> dict[str, Any]:
    if settings is None:
        raise Unjudged("cluster", "Ratify's verifiers and policy are not in the files")
    if settings.unjudged is not None:
        raise Unjudged(*settings.unjudged)
    signer = _in_scope(settings, written)
    if signer is None:
        return {"value": _report(success=False, why="no trust policy is in scope of the image")}
    if signer.elsewhere:
        raise Unjudged("key-elsewhere", signer.elsewhere)
    if any(_by(signer, one, surroundings) for one in (evidence.attachments if evidence else ())):
        return {"value": _report(success=True, why="cosign verification success")}
    _raise_gap(evidence, written)
    return {"value": _report(success=False, why="cosign verification failed: no valid signature")}


def _in_scope(settings: Ratify, written: str) -> RatifySigner | None:
    text = matched_text(Dialect.KYVERNO, parse_image(written))
    rest: RatifySigner | None = None
    for signer in settings.signers:
        for scope in signer.scopes:
            if scope == "*":
                rest = rest or signer
            elif (scope.endswith("*") and text.startswith(scope[:-1])) or text == scope:
                return signer
    return rest


def _by(signer: RatifySigner, attachment: Any, surroundings: Surroundings) -> bool:
    if attachment.storage is not Storage.LEGACY_SIGNATURE:
        return False
    ways = signer.keys or (None,)
    for key in ways:
        keyed = key is not None
        if key is not None:
            check_algorithm(key, "sha256")
        thresholds = Thresholds(entries=int(signer.log), times=int(signer.log and not keyed), scts=0 if keyed else 1)
        roots = (root_for_keys(surroundings.public),) if keyed else surroundings.public
        proof = surroundings.prover.prove(
            attachment, key=key, roots=roots, thresholds=thresholds, log=signer.log, stamps=False
        )
        if isinstance(proof, Verified) and (keyed or is_by(proof, **signer.identity)):
            return True
    return False


def _report(*, success: bool, why: str) -> dict[str, Any]:
    report = {"name": "verifier-cosign", "type": "cosign", "verifierName": "verifier-cosign", "verifierType": "cosign"}
    return {"isSuccess": success, "verifierReports": [{**report, "isSuccess": success, "message": why}]}


def _raise_gap(evidence: ImageEvidence | None, written: str) -> None:
    gap = missing_evidence(evidence, written)
    if gap is not None:
        raise gap
