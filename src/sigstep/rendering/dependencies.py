"""Reports about dependencies for a terminal and as annotations of a pull request. They say verified, never safe."""

from __future__ import annotations

from typing import Final

from sigstep.model.dependency import DependencyReport, DependencyResult, EvidenceState, Judged, Level, PackageEvidence
from sigstep.rendering.dependency_json import counted, worst_first
from sigstep.rendering.text import plain

ANNOTATIONS: Final = 10  # of each kind that GitHub shows for one step
NOT_CHECKED: Final = frozenset(
    {
        EvidenceState.ADVERTISED_UNAVAILABLE,
        EvidenceState.NOT_SERVED,
        EvidenceState.UNSUPPORTED,
        EvidenceState.ERROR,
    }
)
_MARK: Final = {Level.FAIL: "blocked", Level.WARN: "look at", Level.NOTE: "note"}


def dependencies_text(report: DependencyReport) -> str:
    """The report for a terminal, worst changes first."""
    lines = [headline(report)]
    for notice in report.notices:
        where = f"{plain(notice.path)}:{notice.line}: " if notice.path else ""
        lines.append(f"  {_MARK[notice.level]}: {where}{plain(notice.message)} [{notice.rule}]")
    for result in worst_first(report):
        new = result.change.new
        lines.append(f"{plain(new.ecosystem)} {plain(new.name)} {plain(versions_text(result))}: {_state(result)}")
        lines.append(f"  {plain(new.path)}:{new.line}; {plain(publisher_text(result.new))}")
        lines.extend(f"  {_MARK[one.level]}: {plain(one.message)} [{one.rule}]" for one in result.findings)
        lines.extend(f"  accept: {plain(one.accept)}" for one in result.findings if one.accept)
        lines.extend(f"  {plain(one)}" for one in result.new.notes)
    return "\n".join(lines)


def dependencies_annotations(report: DependencyReport) -> str:
    """Workflow commands that mark the line of each new version that is blocked or to be looked at, worst first.

    GitHub shows ten of each kind for a step; the summary has all.
    """
    found = [(one, result) for result in worst_first(report) for one in result.findings]
    commands = {Level.FAIL: "error", Level.WARN: "warning"}
    lines: list[str] = []
    for level, command in commands.items():
        marked = [_notice(command, one) for one in report.notices if one.level is level and one.path]
        marked += [_annotation(command, one, result) for one, result in found if one.level is level]
        lines += marked[:ANNOTATIONS]
    return "\n".join(lines)


def _annotation(command: str, judged: Judged, result: DependencyResult) -> str:
    new = result.change.new
    title = _property(f"{judged.rule}: {new.name} {new.ref or new.version}")
    return f"::{command} file={_property(new.path)},line={new.line},title={title}::{_data(judged.message)}"


def _notice(command: str, judged: Judged) -> str:
    where = f"file={_property(judged.path)},line={judged.line}"
    return f"::{command} {where},title={_property(judged.rule)}::{_data(judged.message)}"


def headline(report: DependencyReport) -> str:
    """How many are blocked, to be looked at (files too), otherwise changed, and could not be checked."""
    loud = counted(report)
    blocked, look = loud["blocked"], loud["look_at"]
    unchecked = sum(one.new.state in NOT_CHECKED for one in report.results)
    rest = sum(not one.findings or one.findings[0].level is Level.NOTE for one in report.results)
    where = f" of {plain(report.repository)}" if report.repository else ""
    part = f" (part {report.shard[0]} of {report.shard[1]})" if report.shard[1] > 1 else ""
    counts = f"{blocked} blocked, {look} to look at, {rest} others changed, {unchecked} not checked"
    return f"dependency provenance{where}: {counts}{part}"


def versions_text(result: DependencyResult) -> str:
    """What was locked and what is: refs beside commits and digests, which are cut short."""
    old = result.change.old
    was = _short(old.version, old.ref) if old else "added"
    return f"{was} -> {_short(result.change.new.version, result.change.new.ref)}"


def publisher_text(evidence: PackageEvidence) -> str:
    """Who published, in words."""
    names = []
    for one in evidence.publishers:
        ids = f" (#{one.repository_id})" if one.repository_id else ""
        workflow = f" {one.workflow.rpartition('/')[2]}" if one.workflow.startswith("https://") else ""
        names.append(f"{one.repository or one.subject}{ids}{workflow}")
    return ", ".join(names) or "no verified publisher"


def _short(version: str, ref: str) -> str:
    if version == ref or not version:
        return ref or "?"
    name, colon, digits = version.rpartition(":")
    cut = f"{name}{colon}{digits[:12]}" if len(digits) >= 40 else version
    return f"{ref} ({cut})" if ref else cut


def _state(result: DependencyResult) -> str:
    before = f"{result.old.state.value} -> " if result.old else ""
    basis = f" ({result.new.basis})" if result.new.publishers else ""
    return f"{before}{result.new.state.value}{basis}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
