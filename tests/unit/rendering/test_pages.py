"""Reports as Markdown, HTML and SARIF: what they show, and that text from outside stays text."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.verdict import Finding, Outcome, Report, Verdict
from sigstep.rendering.html import report_html
from sigstep.rendering.markdown import error_markdown, escaped, report_markdown
from sigstep.rendering.page import ROWS, Told
from sigstep.rendering.sarif import report_sarif

HOSTILE = "<script>alert(1)</script>|`x`\n::set-output name=a::b @team [l](https://e.example)"


def refused(name: str, outcome: Outcome = Outcome.REFUSED) -> Verdict:
    """A verdict that something hostile is not accepted."""
    digest = Digest.parse(f"sha256:{'0' * 64}")
    finding = Finding(code="subject-mismatch", what=HOSTILE, why=HOSTILE, fix=HOSTILE)
    return Verdict(subject=Subject(name=name, digests=(digest,), location=name), outcome=outcome, findings=(finding,))


class Tags(HTMLParser):
    """Names of all elements."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one."""
        self.seen.add(tag)


def test_markdown_shows_hostile_text_as_text() -> None:
    """No markup, HTML, mention or workflow command comes through."""
    page = report_markdown(Report(verdicts=(refused(HOSTILE),)), Told(commands=("sigstep verify ```x",)))
    assert "::set-output" not in page
    assert page.count("```") == 2  # the command: text in a fence is text
    outside = "".join(page.split("```")[::2])
    assert "<script" not in outside
    assert "](http" not in outside
    assert "@team" not in outside
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert {row.count("|") for row in rows if "subject" not in row} == {6}


def test_markdown_is_bounded() -> None:
    """More subjects than are shown are counted."""
    page = report_markdown(Report(verdicts=tuple(refused(f"n{at}") for at in range(ROWS + 7))))
    assert "and 7 more, in the report" in page
    assert "and 7 more, in the report" in report_html(
        Report(verdicts=tuple(refused(f"n{at}") for at in range(ROWS + 7)))
    )


def test_an_error_says_why_and_fix() -> None:
    """The summary of a step without a report."""
    page = error_markdown(Finding(code="no-subject", what="nothing", why="because", fix="do"))
    assert "<code>no-subject</code>" in page
    assert "**Why**: because" in page
    assert "**Fix**: do" in page
    assert escaped("a&b") == "a&amp;b"


def test_html_runs_nothing() -> None:
    """Only the page's own elements are there, and its policy forbids scripts."""
    page = report_html(Report(verdicts=(refused(HOSTILE),)))
    tags = Tags()
    tags.feed(page)
    assert not tags.seen & {"script", "a", "img", "iframe", "link"}
    assert "default-src 'none'" in page
    assert "subject-mismatch" in page
    assert "0 of 1 verified" in page


def test_sarif_lists_refused_first() -> None:
    """One result for each finding, worst first, rules by index."""
    report = Report(verdicts=(refused("b c", Outcome.UNDECIDED), refused("a:b")))
    document = json.loads(report_sarif(report))
    run = document["runs"][0]
    assert document["version"] == "2.1.0"
    assert [one["level"] for one in run["results"]] == ["error", "warning"]
    assert all(one["locations"][0]["physicalLocation"]["region"] == {"startLine": 1} for one in run["results"])
    places = [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]]
    assert places == ["a%3Ab", "b%20c"]
    assert run["tool"]["driver"]["rules"][run["results"][0]["ruleIndex"]]["id"] == "subject-mismatch"
