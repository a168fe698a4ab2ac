"""A report as Markdown for the job summary; everything from outside is escaped."""

from __future__ import annotations

import re
from typing import Final

from sigstep.model.verdict import Finding, Outcome, Report
from sigstep.rendering.page import NOTHING_MORE, Page, Row, Text, Told, page_of
from sigstep.rendering.text import plain

_ICONS: Final = {Outcome.ACCEPTED: "✅", Outcome.REFUSED: "❌", Outcome.UNDECIDED: "⚠️"}
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()#+!|~$:@])")
_CELL_CHARS: Final = 500


def escaped(text: str) -> str:
    """``text`` as Markdown that shows it and does nothing else: no markup, no HTML, no mention, no link."""
    shown = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(lambda found: f"&#{ord(found.group(1))};", shown)


def report_markdown(report: Report, told: Told = NOTHING_MORE) -> str:
    """The summary: how it ended, what failed and how to fix it, subjects, where it is, the chain of trust, how to
    verify at home."""
    page = page_of(report, told)
    lines = [f"## {_ICONS[page.outcome]} sigstep: {escaped(page.title)}"]
    for problem in page.problems:
        lines += ["", *_finding(problem.finding, problem.about)]
    if page.hidden_problems:
        lines += ["", f"and {page.hidden_problems} more, in the report"]
    if page.facts:
        lines += ["", "| | |", "|---|---|"]
        lines += [f"| {label} | {_link(text)} |" for label, text in page.facts]
    lines += ["", "| subject | digest | status | signer | log |", "|---|---|---|---|---|"]
    lines += [_row(row) for row in page.rows]
    if page.hidden_rows:
        lines += ["", f"and {page.hidden_rows} more, in the report"]
    lines += _below(page)
    return "\n".join(lines) + "\n"


def error_markdown(finding: Finding, *, skipped: bool = False) -> str:
    """The summary of a step that came to no report; ``skipped``: it was told to go on."""
    head = "⏭️ sigstep: skipped, " if skipped else "❌ sigstep: "
    lines = [f"## {head}{escaped(finding.what)}", "", f"<code>{escaped(finding.code)}</code>", *_why(finding)]
    return "\n".join(lines) + "\n"


def _below(page: Page) -> list[str]:
    lines = []
    if page.published:
        lines += ["", "**Published**", ""]
        lines += [f"- {escaped(store)}: {_link(text)}" for store, text in page.published]
    if page.level:
        lines += ["", f"**{escaped(page.level.partition(':')[0])}**{escaped(page.level[page.level.index(':') :])}"]
    lines += [f"\n{escaped(note)}" for note in page.notes]
    if page.chain:
        lines += ["", "```mermaid", "flowchart LR"]
        lines += [f'  n{at}["{label}<br>{_label(text)}"]' for at, (label, text) in enumerate(page.chain)]
        lines += [f"  n{at} --> n{at + 1}" for at in range(len(page.chain) - 1)]
        lines += ["```"]
    if page.commands:
        lines += ["", "**Verify at home**", "", "```console"]
        lines += [plain(command).replace("`", "'") for command in page.commands] + ["```"]
    return lines


def _row(row: Row) -> str:
    status = f"{_ICONS[row.outcome]} {row.status}"
    log = ", ".join(_link(one) for one in row.log) or ("none" if row.signer else "")
    cells = [_short(row.name), f"<code>{escaped(row.digest)}</code>", status, _short(row.signer), log]
    return f"| {' | '.join(cells)} |"


def _short(text: str) -> str:
    return escaped(text if len(text) <= _CELL_CHARS else f"{text[:_CELL_CHARS]}…")


def _link(text: Text) -> str:
    return f'<a href="{text.url}">{escaped(text.text)}</a>' if text.url else escaped(text.text)


def _label(text: str) -> str:
    """A text in a mermaid label: characters that mermaid takes for text, and nothing else."""
    return re.sub(r"[^A-Za-z0-9 .,/:@_-]", "?", text)[:120]


def _finding(finding: Finding, about: str) -> list[str]:
    head = f"### {_short(about)}: {_short(finding.what)}" if about else f"### {_short(finding.what)}"
    return [head, "", f"<code>{escaped(finding.code)}</code>", *_why(finding)]


def _why(finding: Finding) -> list[str]:
    """Why and fix, and what to paste: lines of ours, as they stand."""
    lines = [f"\n**{label}**: {_short(text)}" for label, text in (("Why", finding.why), ("Fix", finding.fix)) if text]
    return lines + (["", "```yaml", *finding.paste.splitlines(), "```"] if finding.paste else [])
