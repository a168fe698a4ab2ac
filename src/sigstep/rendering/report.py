"""Reports as text for people and as JSON for machines."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from sigstep.model.verdict import Examination, Finding, Outcome, Report, Verdict
from sigstep.model.verified import Verified
from sigstep.rendering.text import plain

SCHEMA: Final = "sigstep/report/v1"
_EVIDENCE: Final = {
    "entries": "log entries",
    "times": "trusted times",
    "signed_times": "RFC 3161 time stamps",
    "scts": "certificate timestamps",
    "witnesses": "witnesses",
}
_MEMBERS: Final = {**{one: one for one in _EVIDENCE}, "signed_times": "timestamps"}
_MARKS: Final = {Outcome.ACCEPTED: "verified", Outcome.REFUSED: "REFUSED", Outcome.UNDECIDED: "UNDECIDED"}


def report_text(report: Report, *, explain: bool = False) -> str:
    """A few lines a subject (``accepted``: the policy took it with a remark); with ``explain`` every step of each."""
    lines: list[str] = []
    for verdict in report.verdicts:
        mark = "accepted" if verdict.outcome is Outcome.ACCEPTED and verdict.findings else _MARKS[verdict.outcome]
        lines.append(f"{mark}  {plain(verdict.subject.location or verdict.subject.name)}")
        lines.extend(_verdict_lines(verdict, explain=explain))
    if report.any_signer and any(verdict.accepted for verdict in report.verdicts):
        lines.append(any_signer_text(report))
    return "\n".join(lines)


def any_signer_text(report: Report) -> str:
    """That whoever signed was taken, and the reason that was given."""
    return f"whoever signed was taken ({plain(report.any_signer)}): the signer shown was not asked for"


def _verdict_lines(verdict: Verdict, *, explain: bool) -> list[str]:
    lines = [line for verified in verdict.accepted[:1] for line in _who(verified)]
    types = (one.statement.predicate_type for one in verdict.accepted if one.statement is not None)
    lines.extend(f"  attests: {plain(one)}" for one in dict.fromkeys(types))
    lines.extend(f"  weaker: {plain(one)}" for one in weaker(verdict.accepted))
    said = Counter(tuple(_finding_lines(finding)) for finding in verdict.findings)
    for (what, *rest), times in said.items():  # many bundles may be refused for the same
        lines += [f"{what} ({times} times)" if times > 1 else what, *rest]
    if explain:
        for examination in verdict.examinations:
            lines.extend(_steps(examination))
    return lines


def _who(verified: Verified) -> list[str]:
    lines = [f"  signer: {plain(verified.identity.subject if verified.identity else f'key {verified.key_id}')}"]
    if verified.identity and verified.identity.issuer:
        lines.append(f"  issuer: {plain(verified.identity.issuer)}")
    lines.extend(f"  log: index {one.index_text} of {plain(one.log_url)}" for one in verified.entries)
    lines.extend(f"  time: {one.time:%Y-%m-%dT%H:%M:%SZ} by {plain(one.authority)}" for one in verified.times)
    return lines


def _finding_lines(finding: Finding) -> list[str]:
    lines = [f"  {plain(finding.what)} [{finding.code}]"]
    if finding.source:
        lines.append(f"    in:  {plain(finding.source)}" + (f", step {finding.step}" if finding.step else ""))
    if finding.why:
        lines.append(f"    why: {plain(finding.why)}")
    if finding.fix:
        lines.append(f"    fix: {plain(finding.fix)}")
    return lines


def _steps(examination: Examination) -> list[str]:
    lines = [f"  steps for {plain(examination.source)}:"]
    for step in examination.steps:
        lines.append(f"    {'holds ' if step.held else 'FAILS '} {step.name}")
        lines.extend(f"           {plain(one)}" for one in step.evidence)
    return lines


def weaker(proofs: Iterable[Verified]) -> tuple[str, ...]:
    """A sentence for each kind of evidence of which less was asked for than by default."""
    found = (
        f"{one.asked} {_EVIDENCE[one.evidence]} were asked for, the default of {proof.root} is {one.default}"
        for proof in proofs
        for one in proof.lowered
    )
    return tuple(dict.fromkeys(found))


def report_json(report: Report) -> str:
    """The report in the versioned form ``sigstep/report/v1`` (``report.schema.json`` beside this file)."""
    document = {
        "schema": SCHEMA,
        "exitCode": report.exit_code,
        **({"policyDigest": report.policy_digest} if report.policy_digest else {}),
        **({"anySignerUnsafe": report.any_signer} if report.any_signer else {}),
        "verdicts": [_verdict_json(verdict) for verdict in report.verdicts],
    }
    return json.dumps(document, indent=2, ensure_ascii=True)


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "subject": {
            "name": verdict.subject.name,
            "location": verdict.subject.location,
            "digests": [str(digest) for digest in verdict.subject.digests],
        },
        "outcome": verdict.outcome.value,
        "findings": [_finding_json(finding) for finding in verdict.findings],
        "examinations": [_examination_json(one) for one in verdict.examinations],
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    members = ("code", "what", "why", "fix", "step", "source")
    return {**{name: getattr(finding, name) for name in members}, "details": dict(finding.details)}


def _examination_json(examination: Examination) -> dict[str, Any]:
    return {
        "source": examination.source,
        "verified": _verified_json(examination.verified) if examination.verified else None,
        "finding": _finding_json(examination.finding) if examination.finding else None,
        "steps": [
            {"name": step.name, "held": step.held, "evidence": list(step.evidence)} for step in examination.steps
        ],
    }


def _verified_json(verified: Verified) -> dict[str, Any]:
    identity = verified.identity
    return {
        "identity": identity
        and {
            "kind": identity.kind.value,
            "subject": identity.subject,
            "issuer": identity.issuer,
            "extensions": dict(identity.extensions),
        },
        "keyId": verified.key_id,
        "root": verified.root,
        "predicateType": verified.statement.predicate_type if verified.statement else None,
        "predicate": verified.statement.predicate if verified.statement else None,
        "entries": [
            {
                "log": one.log_url,
                "logIndex": one.log_index,
                "kind": f"{one.kind} {one.kind_version}",
                "integratedTime": one.integrated_time.isoformat() if one.integrated_time else None,
                "provedBy": list(one.proved_by),
                "witnesses": list(one.witnesses),
            }
            for one in verified.entries
        ],
        "times": [
            {"time": one.time.isoformat(), "source": one.source.value, "authority": one.authority}
            for one in verified.times
        ],
        "ctLogs": list(verified.sct_logs),
        "notes": list(verified.notes),
        "lowered": [
            {"evidence": _MEMBERS[one.evidence], "asked": one.asked, "default": one.default} for one in verified.lowered
        ],
    }
