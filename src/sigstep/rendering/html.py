"""A report as one self-contained HTML page: no scripts, nothing loaded from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Final

from sigstep.model.verdict import Finding, Outcome, Report, Verdict
from sigstep.model.verified import Verified
from sigstep.rendering.text import plain

_MARKS: Final = {Outcome.ACCEPTED: "verified", Outcome.REFUSED: "refused", Outcome.UNDECIDED: "undecided"}
_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1f2328; }
h2 { overflow-wrap: anywhere; font-size: 1.1rem; margin: 2rem 0 .3rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0; }
dt { color: #59636e; } dd { margin: 0; overflow-wrap: anywhere; }
.accepted { color: #1a7f37; } .refused { color: #b42318; } .undecided { color: #8a5300; }
@media (prefers-color-scheme: dark) {
  body { background: #0d1117; color: #e6edf3; } dt { color: #9198a1; }
  .accepted { color: #3fb950; } .refused { color: #ff7b72; } .undecided { color: #d29922; }
}
"""


def report_html(report: Report) -> str:
    """The page. Its policy forbids everything but its own style, so that even a fault in it can run nothing."""
    accepted = sum(verdict.outcome is Outcome.ACCEPTED for verdict in report.verdicts)
    title = f"{accepted} of {len(report.verdicts)} verified"
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>sigstep: {title}</title><style>{_STYLE}</style></head>"
    )
    body = "\n".join(_verdict(verdict) for verdict in report.verdicts)
    return f"{head}\n<body><main><h1>{title}</h1>\n{body}\n</main></body></html>\n"


def _verdict(verdict: Verdict) -> str:
    mark = _MARKS[verdict.outcome]
    lines = [f'<section><h2>{_text(verdict.subject.name)} <span class="{verdict.outcome.value}">{mark}</span></h2><dl>']
    lines += [_row("digest", str(digest)) for digest in verdict.subject.digests]
    for proof in verdict.accepted[:1]:
        lines += _proof(proof)
    for finding in verdict.findings:
        lines += _finding(finding)
    return "\n".join([*lines, "</dl></section>"])


def _proof(proof: Verified) -> list[str]:
    lines = [_row("signer", proof.identity.subject if proof.identity else f"key {proof.key_id}")]
    if proof.identity is not None and proof.identity.issuer:
        lines.append(_row("issuer", proof.identity.issuer))
    lines += [_row("log", f"index {entry.log_index} of {entry.log_url}") for entry in proof.entries]
    lines += [_row("time", f"{one.time:%Y-%m-%dT%H:%M:%SZ} by {one.authority}") for one in proof.times]
    if proof.statement is not None:
        lines.append(_row("attests", proof.statement.predicate_type))
    return lines


def _finding(finding: Finding) -> list[str]:
    parts = (("code", finding.code), ("what", finding.what), ("why", finding.why), ("fix", finding.fix))
    return [_row(label, text) for label, text in parts if text]


def _row(label: str, text: str) -> str:
    return f"<dt>{label}</dt><dd>{_text(text)}</dd>"


def _text(text: str) -> str:
    return escape(plain(text), quote=True)
