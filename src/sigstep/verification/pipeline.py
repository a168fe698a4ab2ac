"""The order of the proofs. Everything from a claim to a verdict, pure: the only place that makes a `Verified`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from sigstep.errors import ProofError, Refusal
from sigstep.model.bundle import Bundle, MessageSignature
from sigstep.model.identity import Identity
from sigstep.model.statement import Statement
from sigstep.model.subject import Subject
from sigstep.model.trust import ThresholdOverrides, Thresholds
from sigstep.model.verdict import Examination, Finding, Outcome, Verdict
from sigstep.model.verified import Verified, VerifiedTime
from sigstep.policy.rule import Rule
from sigstep.proofs.authority import AuthorityChain
from sigstep.proofs.certificate import identity_of
from sigstep.proofs.chain import outdated, verify_path
from sigstep.proofs.content import bind_statement, key_id, verify_envelope, verify_message_signature
from sigstep.proofs.prepared import PreparedTrust
from sigstep.proofs.sct import unknown_logs, verify_embedded
from sigstep.verification.entries import verify_entries, verify_times
from sigstep.verification.evidence import Evidence, as_evidence, candidates, lowered
from sigstep.verification.trace import Trace

_CERTAIN: Final = frozenset(
    # of policies: refusals that no further proof could turn around
    {"policy-recalled", "policy-denied", "policy-no-rule", "policy-allow-expired", "policy-digest-required"}
)


def establish(
    bundle: Bundle,
    subject: Subject,
    trust: PreparedTrust,
    *,
    now: datetime,
    thresholds: Thresholds | ThresholdOverrides | None = None,
    original: bytes | None = None,
    trace: Trace | None = None,
) -> Verified:
    """Prove a bundle about one subject.

    Args:
        bundle: the claims.
        subject: the artifact, with digests of every algorithm that the bundle needs.
        trust: what counts.
        now: the time of day, to refuse times from the future.
        thresholds: instead of those of the signer's instance.
        original: the exact bytes of the envelope where they are at hand.
        trace: collects the steps.

    Raises:
        FormatError, ProofError: the first check that does not hold.
    """
    trace = trace or Trace()
    trace.enter("signer")
    refusal: Refusal | None = None
    for one in candidates(bundle, trust):  # the first under which the bundle holds, else the one that came furthest
        attempt = Trace()
        attempt.enter("signer")
        try:
            evidence = as_evidence(bundle, trust, one, thresholds=thresholds, now=now, original=original)
            verified = _establish(evidence, subject, attempt)
        except Refusal as error:
            if attempt.reached >= trace.reached:
                trace.take(attempt)
                refusal = error
            continue
        trace.take(attempt)
        return verified
    assert refusal is not None  # there is at least one candidate
    raise refusal


def _establish(evidence: Evidence, subject: Subject, trace: Trace) -> Verified:
    leaf, key = evidence.signer.leaf, evidence.signer.key
    identity = identity_of(leaf) if leaf else None
    trace.say(_signer_words, evidence, identity)
    trace.enter("log")
    entries = verify_entries(evidence, subject, trace)
    trace.enter("time")
    times = verify_times(evidence, entries, trace)
    trace.enter("certificate")
    sct_logs = _verify_leaf(evidence, times, trace)
    trace.enter("signature")
    statement = _verify_content(evidence, subject)
    trace.say(_content_words, subject, statement)
    by_certificate = leaf is not None and evidence.root is not None
    return Verified(
        subject=subject,
        identity=identity,
        key_id=None if leaf else key_id(key),
        certificate=leaf.der if leaf else None,
        statement=statement,
        entries=tuple(one.verified for one in entries),
        times=times,
        sct_logs=sct_logs,
        root=evidence.root.root.name if by_certificate and evidence.root else "key",
        bundle=evidence.bundle,
        notes=trace.notes,
        lowered=lowered(evidence),
    )


def _signer_words(evidence: Evidence, identity: Identity | None) -> tuple[str, ...]:
    leaf = evidence.signer.leaf
    if leaf is None or identity is None:
        return (f"the key you gave, SHA-256 {key_id(evidence.signer.key)}",)
    certificate = leaf.certificate
    return (
        f"trust: {evidence.root.root.name if evidence.root else ''}",
        (
            f"the certificate is valid from {certificate.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ} "
            f"to {certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"
        ),
        f"it names {identity.subject}, vouched for by {identity.issuer or 'nobody'}",
        *(f"{name}: {value}" for name, value in identity.extensions.items()),
    )


def _issuer_words(issuer: AuthorityChain, logs: tuple[str, ...]) -> tuple[str, ...]:
    return (f"issued by {issuer.authority.uri}; logged by {', '.join(logs) or 'no CT log (none is needed)'}",)


def _content_words(subject: Subject, statement: Statement | None) -> tuple[str, ...]:
    digests = ", ".join(str(one) for one in subject.digests)
    if statement is None:
        return (f"the signature over the artifact holds ({digests})",)
    return (
        "the signature over the envelope holds",
        f"the statement {statement.predicate_type} is about the artifact ({digests})",
    )


def _verify_leaf(evidence: Evidence, times: Sequence[VerifiedTime], trace: Trace) -> tuple[str, ...]:
    moments = [one.time for one in times]
    leaf, trusted = evidence.signer.leaf, evidence.signer.trusted
    if leaf is None:
        validity = trusted.validity if trusted else None
        if validity is not None and not all(validity.contains(time) for time in moments or [evidence.now]):
            raise ProofError(
                code="key-window",
                what="the key did not count when the signature was made",
                why="a verified time lies outside the window of the key",
                fix="sign again with a current key",
            )
        return ()
    issuer = verify_path(leaf, evidence.signer.issuers, moments or [evidence.now])
    assert evidence.root is not None
    logs = verify_embedded(leaf, issuer, evidence.root.ct_logs)
    if len(logs) < evidence.thresholds.scts:
        newest = evidence.root.newest
        unknown = unknown_logs(leaf, evidence.root.ct_logs)
        if unknown and newest is not None and leaf.certificate.not_valid_before_utc > newest:
            raise outdated(f"the CT log {unknown[0].hex()[:16]}")
        raise ProofError(
            code="sct-threshold",
            what="the certificate is not in enough certificate transparency logs",
            why=f"{len(logs)} of {evidence.thresholds.scts} needed timestamps are of CT logs of the trusted root",
            fix="sign again; check that the trusted root is current",
        )
    trace.say(_issuer_words, issuer, logs)
    return logs


def _verify_content(evidence: Evidence, subject: Subject) -> Statement | None:
    content = evidence.bundle.content
    if isinstance(content, MessageSignature):
        verify_message_signature(content, evidence.signer.key, subject)
        return None
    verify_envelope(content, evidence.signer.key, raw=evidence.signer.leaf is None)
    return bind_statement(content, subject)


def examine_bundle(
    source: str,
    bundle: Bundle,
    subject: Subject,
    trust: PreparedTrust,
    rule: Rule,
    *,
    now: datetime,
    thresholds: Thresholds | ThresholdOverrides | None = None,
    original: bytes | None = None,
) -> Examination:
    """Prove one bundle and judge what was proved; a refusal becomes a finding."""
    trace = Trace()
    try:
        verified = establish(bundle, subject, trust, now=now, thresholds=thresholds, original=original, trace=trace)
    except Refusal as error:
        finding = Finding.of(error, step=trace.current, source=source)
        return Examination(source=source, verified=None, finding=finding, steps=trace.steps(held=False))
    trace.enter("policy")
    found = rule.judge(verified)
    return Examination(source=source, verified=verified, finding=found, steps=trace.steps(held=found is None))


def verdict_of(subject: Subject, examinations: Sequence[Examination], findings: Sequence[Finding] = ()) -> Verdict:
    """The verdict over all examinations of a subject: accepted where one is; refused where there is none.

    Args:
        findings: what already went wrong before a bundle could be examined (bytes that are no bundle).
    """
    if any(one.finding is None for one in examinations):
        return Verdict(subject=subject, outcome=Outcome.ACCEPTED, examinations=tuple(examinations))
    found = [*(one.finding for one in examinations if one.finding is not None), *findings]
    if not found:
        found = [
            Finding(
                code="no-bundle",
                what="nothing proves who made this",
                why="no signature or attestation was found",
                fix="sign it; the bundle of a file or digest can be named with --bundle",
                step="search",
            )
        ]
    return Verdict(subject=subject, outcome=Outcome.REFUSED, examinations=tuple(examinations), findings=tuple(found))


def left_open(verdict: Verdict) -> Verdict:
    """The verdict where a place could not be asked: a refusal is none where more proof could turn it around."""
    if verdict.outcome is not Outcome.REFUSED or any(one.code in _CERTAIN for one in verdict.findings):
        return verdict
    return replace(verdict, outcome=Outcome.UNDECIDED)
