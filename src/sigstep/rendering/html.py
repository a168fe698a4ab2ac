"""A report as one self-contained HTML page: no scripts, nothing loaded from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Final

from sigstep.model.verdict import Finding, Report
from sigstep.rendering.page import NOTHING_MORE, Page, Row, Text, Told, page_of
from sigstep.rendering.text import plain

_STYLE: Final = """
:root { --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --field: #f6f8fa; --good: #1a7f37; --bad: #b42318;
  --unsure: #8a5300; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
  color: var(--ink); }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
h1, h2, td, dd, li { overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; } code, pre { font: .85em/1.5 ui-monospace, monospace; }
pre { background: var(--field); padding: .7rem 1rem; border-radius: .4rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; color: var(--soft); font-weight: 600; }
th, td { border-bottom: 1px solid var(--line); padding: .4rem .8rem .4rem 0; vertical-align: top; }
td.accepted, td.refused, td.undecided { white-space: nowrap; }
.problem h2 { margin-top: .4rem; }
.accepted { color: var(--good); } .refused { color: var(--bad); } .undecided { color: var(--unsure); }
.problem { border-left: .3rem solid var(--bad); padding: .1rem 1rem; margin: 1rem 0; }
.chain { display: flex; flex-wrap: wrap; gap: .5rem 1.6rem; list-style: none; padding: 0 0 0 1.4rem; }
.chain li { background: var(--field); border: 1px solid var(--line); border-radius: .4rem; padding: .4rem .8rem;
  max-width: 18rem; position: relative; }
.chain li + li::before { content: "\\2192"; position: absolute; left: -1.3rem; color: var(--soft); }
.chain b { display: block; font-weight: 600; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --field: #151b23; --good: #3fb950; --bad: #ff7b72;
    --unsure: #d29922; }
  body { background: #0d1117; } a { color: #4493f8; }
}
"""


def report_html(report: Report, told: Told = NOTHING_MORE) -> str:
    """The page. Its policy forbids everything but its own style, so that even a fault in it can run nothing."""
    page = page_of(report, told)
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>sigstep: {_text(page.title)}</title><style>{_STYLE}</style></head>"
    )
    body = [f'<h1 class="{page.outcome.value}">{_text(page.title)}</h1>', *_problems(page), *_facts(page)]
    body += [_table(page), *_below(page)]
    return f"{head}\n<body><main>\n{chr(10).join(body)}\n</main></body></html>\n"


def _problems(page: Page) -> list[str]:
    lines = [
        f'<section class="problem"><h2>{_text(one.about)}: {_text(one.finding.what)}</h2>'
        f"{_finding(one.finding)}</section>"
        for one in page.problems
    ]
    return lines + ([f"<p>and {page.hidden_problems} more, in the report</p>"] if page.hidden_problems else [])


def _finding(finding: Finding) -> str:
    rows = [f"<dt>code</dt><dd><code>{_text(finding.code)}</code></dd>"]
    if finding.why:
        rows.append(f"<dt>why</dt><dd>{_text(finding.why)}</dd>")
    if finding.fix:
        paste = f"<pre>{_lines(finding.paste)}</pre>" if finding.paste else ""
        rows.append(f"<dt>fix</dt><dd>{_text(finding.fix)}{paste}</dd>")
    return f"<dl>{''.join(rows)}</dl>"


def _facts(page: Page) -> list[str]:
    if not page.facts:
        return []
    return [f"<dl>{''.join(f'<dt>{_text(label)}</dt><dd>{_link(text)}</dd>' for label, text in page.facts)}</dl>"]


def _table(page: Page) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("subject", "digest", "status", "signer", "log"))
    more = f"<p>and {page.hidden_rows} more, in the report</p>" if page.hidden_rows else ""
    rows = "\n".join(_row(row) for row in page.rows)
    return f"<h2>Subjects</h2><table><thead><tr>{head}</tr></thead><tbody>\n{rows}\n</tbody></table>{more}"


def _row(row: Row) -> str:
    log = ", ".join(_link(one) for one in row.log) or ("none" if row.signer else "")
    return (
        f'<tr><td>{_text(row.name)}</td><td><code>{_text(row.digest)}</code></td><td class="{row.outcome.value}">'
        f"{_text(row.status)}</td><td>{_text(row.signer)}</td><td>{log}</td></tr>"
    )


def _below(page: Page) -> list[str]:
    lines = []
    if page.published:
        items = "".join(f"<dt>{_text(store)}</dt><dd>{_link(text)}</dd>" for store, text in page.published)
        lines.append(f"<h2>Published</h2><dl>{items}</dl>")
    if page.level or page.notes:
        lines += [f"<p>{_text(one)}</p>" for one in (page.level, *page.notes) if one]
    if page.chain:
        items = "".join(f"<li><b>{_text(label)}</b>{_text(text)}</li>" for label, text in page.chain)
        lines.append(f'<h2>Chain of trust</h2><ol class="chain">{items}</ol>')
    if page.commands:
        lines.append(f"<h2>Verify at home</h2><pre>{_lines(chr(10).join(page.commands))}</pre>")
    return lines


def _link(text: Text) -> str:
    return f'<a href="{_text(text.url)}" rel="noreferrer">{_text(text.text)}</a>' if text.url else _text(text.text)


def _lines(text: str) -> str:
    return "\n".join(_text(line) for line in text.splitlines())


def _text(text: str) -> str:
    return escape(plain(text), quote=True)
