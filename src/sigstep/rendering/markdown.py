"""A report as Markdown for the job summary; everything from outside is escaped."""

from __future__ import annotations

import re
from typing import Final

from sigstep.model.verdict import Finding, Outcome, Report, Verdict
from sigstep.model.verified import Verified
from sigstep.rendering.text import plain

ROWS: Final = 200  # subjects shown in the table; the report has all
_MARKS: Final = {Outcome.ACCEPTED: "✅ verified", Outcome.REFUSED: "❌ refused", Outcome.UNDECIDED: "⚠️ undecided"}
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()#+!|~$:@])")


def escaped(text: str) -> str:
    """``text`` as Markdown that shows it and does nothing else: no markup, no HTML, no mention, no link."""
    shown = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(lambda found: f"&#{ord(found.group(1))};", shown)


def report_markdown(report: Report, *, command: str = "") -> str:
    """The summary: how it ended, a table of subjects, the chain of trust, what failed and how to fix it."""
    accepted = sum(verdict.outcome is Outcome.ACCEPTED for verdict in report.verdicts)
    lines = [f"## sigstep: {accepted} of {len(report.verdicts)} verified", ""]
    lines += ["| subject | digest | status | signer | log |", "|---|---|---|---|---|"]
    lines += [_row(verdict) for verdict in report.verdicts[:ROWS]]
    if len(report.verdicts) > ROWS:
        lines.append(f"\nand {len(report.verdicts) - ROWS} more, in the report")
    proofs = [verdict.accepted[0] for verdict in report.verdicts if verdict.accepted]
    if proofs:
        lines += ["", *_chain(proofs[0])]
    for verdict in report.verdicts[:ROWS]:
        for finding in verdict.findings:
            lines += ["", *_finding(verdict, finding)]
    if command:
        lines += ["", "Verify at home:", "", "```console", plain(command).replace("`", "'"), "```"]
    return "\n".join(lines) + "\n"


def error_markdown(finding: Finding, *, paste: str = "") -> str:
    """The summary of a step that came to no report; ``paste`` is YAML of ours to copy."""
    lines = [f"## sigstep: {escaped(finding.what)}", "", f"`{finding.code}`"]
    lines += [f"\n**{label}**: {escaped(text)}" for label, text in (("Why", finding.why), ("Fix", finding.fix)) if text]
    lines += ["", "```yaml", paste, "```"] if paste else []
    return "\n".join(lines) + "\n"


def _row(verdict: Verdict) -> str:
    digest = str(verdict.subject.digests[0]) if verdict.subject.digests else ""
    cells = [escaped(verdict.subject.name), f"<code>{escaped(digest)}</code>", _MARKS[verdict.outcome]]
    if verdict.accepted:
        proof = verdict.accepted[0]
        cells += [escaped(_signer(proof)), ", ".join(str(entry.log_index) for entry in proof.entries) or "none"]
    else:
        cells += ["", ""]
    return f"| {' | '.join(cells)} |"


def _signer(proof: Verified) -> str:
    return proof.identity.subject if proof.identity else f"key {proof.key_id}"


def _chain(proof: Verified) -> list[str]:
    """The chain of trust as a mermaid picture; labels carry only characters that mermaid takes for text."""
    issuer = (proof.identity.issuer if proof.identity else "") or "no issuer"
    witnesses = [f"log entry {entry.log_index}" for entry in proof.entries] or ["time stamp"] * bool(proof.times)
    nodes = [f"built: {proof.subject.name}", f"signed by {_signer(proof)}", f"vouched for by {issuer}", *witnesses]
    lines = ["```mermaid", "flowchart LR"]
    lines += [f'  n{index}["{_label(text)}"]' for index, text in enumerate(nodes)]
    lines += [f"  n{index} --> n{index + 1}" for index in range(len(nodes) - 1)]
    return [*lines, "```"]


def _label(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9 ./:@_-]", "?", text)[:120]


def _finding(verdict: Verdict, finding: Finding) -> list[str]:
    lines = [
        f"### {escaped(verdict.subject.name)}: {escaped(finding.what)}",
        "",
        f"<code>{escaped(finding.code)}</code>",
    ]
    lines += [f"\n**{label}**: {escaped(text)}" for label, text in (("Why", finding.why), ("Fix", finding.fix)) if text]
    return lines
