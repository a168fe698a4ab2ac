"""What one attestor of Kyverno finds among what is attached to an image."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sigstep.engines.kyverno.rules import Attestor
from sigstep.engines.kyverno.wildcards import wildcard
from sigstep.errors import Refusal
from sigstep.model.bundle import Envelope
from sigstep.model.trust import Thresholds, TrustedKey, TrustedRoot
from sigstep.model.verified import Verified
from sigstep.policy.engine import Attachment, ImageEvidence, Storage, Surroundings, Unjudged
from sigstep.policy.rulings import check_algorithm, is_by
from sigstep.trust.pem_roots import root_for_keys, root_of_pems

BUNDLE_TYPE: Final = "application/vnd.dev.sigstore.bundle"
_EXTENSIONS: Final = {
    "githubWorkflowTrigger": "github-workflow-trigger",
    "githubWorkflowSha": "github-workflow-sha",
    "githubWorkflowName": "github-workflow-name",
    "githubWorkflowRepository": "github-workflow-repository",
    "githubWorkflowRef": "github-workflow-ref",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """A proof of an attachment, and whether its signer is one that the attestor asks for."""

    attachment: Attachment
    verified: Verified
    wanted: bool

    @property
    def statement(self) -> dict[str, Any] | None:
        """The statement as signed; None for a message signature."""
        bundle = self.attachment.bundle
        if bundle is None or not isinstance(bundle.content, Envelope):
            return None
        found: dict[str, Any] = json.loads(bundle.content.payload)
        return found


def legacy(evidence: ImageEvidence, storage: Storage) -> tuple[Attachment, ...]:
    """What is kept under one of cosign's tags."""
    return tuple(one for one in evidence.attachments if one.storage is storage)


def bundles(evidence: ImageEvidence) -> tuple[Attachment, ...]:
    """Bundles as the engine finds them: by the type of the descriptor that the referrers API gives."""
    return tuple(
        one
        for one in evidence.attachments
        if one.storage in (Storage.REFERRER, Storage.FALLBACK_TAG) and one.artifact_type.startswith(BUNDLE_TYPE)
    )


def prove_all(
    attestor: Attestor,
    attachments: tuple[Attachment, ...],
    surroundings: Surroundings,
    *,
    key: TrustedKey | None = None,
    in_bundle: bool = False,
    with_wildcards: bool = False,
) -> Iterator[Proved]:
    """Every attachment that verifies for the attestor.

    Args:
        key: one of the attestor's keys; None for certificates.
        in_bundle: the engine verifies bundles, whose trust is never the attestor's own.
        with_wildcards: issuer and subject are wildcards, as in a ClusterPolicy's legacy signatures.

    Raises:
        Unjudged: that cannot be known here.
    """
    _check_judged(attestor)
    if key is not None:
        check_algorithm(key, attestor.algorithm)
    log, stamps = not attestor.ignore_log, bool(attestor.tsa_chain) or attestor.trusted_root is not None or in_bundle
    thresholds = Thresholds(
        entries=int(log),
        times=int(key is None and (log or stamps)),
        scts=int(key is None and not attestor.ignore_sct),
    )
    roots = _roots(attestor, surroundings, keyed=key is not None, own=not (in_bundle and with_wildcards))
    for one in attachments:
        proof = surroundings.prover.prove(one, key=key, roots=roots, thresholds=thresholds, log=log, stamps=stamps)
        if isinstance(proof, Verified):
            exact = with_wildcards and not in_bundle
            wanted = key is not None or any(_signed_by(who, proof, exact) for who in attestor.identities)
            if wanted and key is None and exact:
                wanted = _has_extensions(attestor.extensions, proof)
            yield Proved(attachment=one, verified=proof, wanted=wanted)


def _check_judged(attestor: Attestor) -> None:
    if attestor.notary:
        raise Unjudged("notary", f"the attestor {attestor.name}")
    if attestor.elsewhere:
        raise Unjudged("key-elsewhere", attestor.elsewhere)
    if attestor.trust_elsewhere:
        raise Unjudged("trust-root", attestor.trust_elsewhere)
    if attestor.repository:
        raise Unjudged("evidence", f"signatures are in {attestor.repository}, which was not read")
    if attestor.annotations:
        raise Unjudged("evidence", "the annotations of signatures were not read")


def _signed_by(who: Mapping[str, str], proof: Verified, with_wildcards: bool) -> bool:
    """Nobody named is anybody. Expressions win over the other form; with wildcards ``*`` and ``?`` are active."""
    if proof.identity is None:
        return False
    if not with_wildcards:
        return is_by(
            proof,
            issuer=who.get("issuer", ""),
            issuer_regexp=who.get("issuerRegExp", ""),
            subject=who.get("subject", ""),
            subject_regexp=who.get("subjectRegExp", ""),
        )
    issuer, subject = who.get("issuer", ""), who.get("subject", "")
    return (
        is_by(proof, issuer_regexp=who.get("issuerRegExp", ""), subject_regexp=who.get("subjectRegExp", ""))
        and (not issuer or wildcard(issuer, proof.identity.issuer or ""))
        and (not subject or wildcard(subject, proof.identity.subject))
    )


def _has_extensions(wanted: Mapping[str, str], proof: Verified) -> bool:
    there = proof.identity.extensions if proof.identity else {}
    return all(
        name in _EXTENSIONS and wildcard(value, there.get(_EXTENSIONS[name], "")) for name, value in wanted.items()
    )


def _roots(attestor: Attestor, surroundings: Surroundings, *, keyed: bool, own: bool) -> tuple[TrustedRoot, ...]:
    if attestor.trusted_root is not None:
        root = attestor.trusted_root
        return (root_for_keys((root,)),) if keyed else (root,)
    bases = (root_for_keys(surroundings.public),) if keyed else surroundings.public
    given = (attestor.roots, attestor.rekor_key, attestor.ct_key, attestor.tsa_chain)
    if not own or not any(given):
        return bases
    try:
        parts = root_of_pems(
            "attestor",
            authorities=(attestor.roots,) if attestor.roots else (),
            logs=(("", attestor.rekor_key),) if attestor.rekor_key else (),
            ct_logs=(attestor.ct_key,) if attestor.ct_key else (),
            timestamp_authorities=(attestor.tsa_chain,) if attestor.tsa_chain else (),
        )
    except Refusal:
        return ()  # the engine fails on it: nothing verifies
    return tuple(
        replace(
            base,
            certificate_authorities=parts.certificate_authorities or base.certificate_authorities,
            logs=parts.logs or base.logs,
            ct_logs=parts.ct_logs or base.ct_logs,
            timestamp_authorities=parts.timestamp_authorities or base.timestamp_authorities,
        )
        for base in bases or (parts,)
    )
