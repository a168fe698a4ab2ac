"""Reports about dependencies as Markdown: the job summary, and the same as one comment of a pull request."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from sigstep.model.dependency import DependencyReport, DependencyResult, Level, PackageEvidence
from sigstep.rendering.dependencies import NOT_CHECKED, headline, publisher_text, versions_text
from sigstep.rendering.dependency_json import worst_first
from sigstep.rendering.markdown import escaped

SUMMARY_BYTES: Final = 1024 * 1024 - 4096  # GitHub's bound on a step's summary, and room for another line
COMMENT_BYTES: Final = 60_000  # GitHub's bound on a comment is 65 536 characters
MARKER: Final = "<!-- sigstep-dependencies -->"
_RUN: Final = re.compile(r"https://[A-Za-z0-9.-]+/[A-Za-z0-9_./-]+")
_MARK: Final = {Level.FAIL: "⛔", Level.WARN: "⚠️"}


def dependencies_markdown(report: DependencyReport, *, at_most: int = SUMMARY_BYTES) -> str:
    """The report as Markdown of at most so many bytes, worst first; every text from outside is escaped."""
    ordered = worst_first(report)
    loud = [one for one in ordered if _is_loud(one)]
    unchecked = [one for one in ordered if not _is_loud(one) and one.new.state in NOT_CHECKED]
    fine = [one for one in ordered if not _is_loud(one) and one.new.state not in NOT_CHECKED]
    room = at_most - 4096
    lines = [f"## sigstep: {headline(report)}", ""]
    lines += _notices(report)
    if loud:
        lines += ["| | package | change | publisher | evidence | finding |", "|-|-|-|-|-|-|"]
        lines += _bounded([_row(one) for one in loud], room // 2)
        lines += ["", *_accept(loud, room // 8)]
    lines += _details(f"{len(fine)} others changed", [_short(one) for one in fine], room // 8)
    lines += _details(f"{len(unchecked)} not checked", _reasons(unchecked), room // 8)
    compared = f"Compared with {escaped(report.base)}" if report.base else f"Everything that is locked at {report.head}"
    policy = f"Policy: {escaped(report.policy)}" if report.policy else "No policy file"
    lines += ["", f"{compared}. {policy}. Profile: {report.profile}. {report.unchanged} locked versions are as before."]
    lines.append("It tells where versions come from, not whether their code is good.")
    return "\n".join(lines)


def dependencies_comment(report: DependencyReport) -> str:
    """The same as a comment that a later run finds again."""
    return f"{MARKER}\n{dependencies_markdown(report, at_most=COMMENT_BYTES)}\n"


def _is_loud(result: DependencyResult) -> bool:
    return bool(result.findings) and result.findings[0].level in _MARK


def _notices(report: DependencyReport) -> list[str]:
    rows = [f"- {_MARK.get(one.level, '')} {escaped(one.message)} ({one.rule})" for one in report.notices]
    return [*rows[:100], ""] if rows else []


def _row(result: DependencyResult) -> str:
    new = result.change.new
    cells = (
        _MARK[result.findings[0].level],
        escaped(f"{new.ecosystem} {new.name}"),
        escaped(versions_text(result)),
        _publishers(result),
        _evidence(result),
        "<br>".join(f"**{one.rule}**: {escaped(one.message)}" for one in result.findings if one.level in _MARK),
    )
    return "| " + " | ".join(cells) + " |"


def _publishers(result: DependencyResult) -> str:
    now = publisher_text(result.new)
    before = publisher_text(result.old) if result.old else now
    run = next((one.run for one in result.new.publishers if one.run), "")
    shown = escaped(now) if before == now else f"{escaped(before)} → **{escaped(now)}**"
    return f"{shown} ([run]({run}))" if _RUN.fullmatch(run) else shown


def _evidence(result: DependencyResult) -> str:
    now = _state(result.new)
    before = _state(result.old) if result.old else now
    return now if before == now else f"{before} → **{now}**"


def _state(evidence: PackageEvidence) -> str:
    files = f" {evidence.attested}/{evidence.files} files" if evidence.files > 1 else ""
    return f"{evidence.state.value}{files}"


def _accept(loud: list[DependencyResult], room: int) -> list[str]:
    """How to take what was found: entries for the policy file, which count once they are on the base branch."""
    entries = [one.accept for result in loud for one in result.findings if one.accept]
    if not entries:
        return []
    body = _bounded([f"  - {one}".replace("`", "'").replace("\n", " ") for one in entries], room)
    return [
        "<details><summary>Accept what is intended</summary>",
        "",
        "Add to the policy file on the base branch, with a reason:",
        "",
        "````yaml",
        "dependencies:",
        "  accept:",
        *body,
        "````",
        "</details>",
        "",
    ]


def _short(result: DependencyResult) -> str:
    new = result.change.new
    notes = ", ".join(dict.fromkeys(one.rule for one in result.findings))
    more = f" ({notes})" if notes else ""
    name = escaped(f"{new.ecosystem} {new.name} {versions_text(result)}")
    return f"- {name}: {_evidence(result)}, {escaped(publisher_text(result.new))}{more}"


def _reasons(results: list[DependencyResult]) -> list[str]:
    counted = Counter((one.change.new.ecosystem, one.new.state.value, one.new.why) for one in results)
    return [f"- {many} {name}: {state}: {escaped(why)}" for (name, state, why), many in counted.most_common()]


def _details(title: str, lines: list[str], room: int) -> list[str]:
    if not lines:
        return []
    return [f"<details><summary>{title}</summary>", "", *_bounded(lines, room), "</details>", ""]


def _bounded(lines: list[str], room: int) -> list[str]:
    """As many lines as there is room for, and how many are left out."""
    kept: list[str] = []
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            return [*kept, f"… and {len(lines) - len(kept)} more, in the report"]
        kept.append(line)
    return kept
