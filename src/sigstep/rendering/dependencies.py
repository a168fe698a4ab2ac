"""Reports about dependencies: text, JSON and Markdown. It says verified, never safe."""

from __future__ import annotations

import json
from typing import Any, Final

from sigstep.model.dependency import DependencyReport, DependencyResult, Judged, Level, PackageEvidence
from sigstep.rendering.text import plain

SCHEMA: Final = "sigstep/dependencies/v1"
_MARK: Final = {Level.FAIL: "blocked", Level.WARN: "look at", Level.NOTE: "note"}
_MARKDOWN: Final = str.maketrans({one: f"&#{ord(one)};" for one in "|`<>@&*_[]!\\#~$"})


def dependencies_text(report: DependencyReport) -> str:
    """The report for a terminal, worst changes first."""
    lines = [_headline(report)]
    lines.extend(f"  {_MARK[one.level]}: {plain(one.message)} [{one.rule}]" for one in report.notices)
    for result in _sorted(report):
        new = result.change.new
        lines.append(f"{plain(new.ecosystem)} {plain(new.name)} {_versions(result)}: {_state(result)}")
        lines.append(f"  {plain(new.path)}:{new.line}; {plain(_publisher(result.new))}")
        lines.extend(f"  {_MARK[one.level]}: {plain(one.message)} [{one.rule}]" for one in result.findings)
    return "\n".join(lines)


def dependencies_markdown(report: DependencyReport) -> str:
    """The report as Markdown for a job summary; every text from outside is escaped."""
    rows = [f"## sigstep: {_headline(report)}", ""]
    rows += ["| | package | change | publisher | evidence | finding |", "|-|-|-|-|-|-|"]
    for result in _sorted(report):
        new = result.change.new
        worst = result.findings[0] if result.findings else None
        cells = (
            _MARK[worst.level] if worst else "",
            f"{new.ecosystem} {new.name}",
            _versions(result),
            _publisher(result.new),
            _state(result),
            "; ".join(f"{one.rule}: {one.message}" for one in result.findings),
        )
        rows.append("| " + " | ".join(plain(one).translate(_MARKDOWN) for one in cells) + " |")
    rows += [f"- {plain(one.message).translate(_MARKDOWN)} ({one.rule})" for one in report.notices]
    rows += ["", f"Compared with {plain(report.base).translate(_MARKDOWN) or 'nothing'}. Profile: {report.profile}."]
    rows.append("It tells where versions come from, not whether their code is good.")
    return "\n".join(rows)


def dependencies_json(report: DependencyReport) -> str:
    """The report for machines (schema ``sigstep/dependencies/v1``)."""
    value = {
        "schema": SCHEMA,
        "base": report.base,
        "head": report.head,
        "policy": {"profile": report.profile},
        "results": [_result_json(one) for one in _sorted(report)],
        "notices": [_judged_json(one) for one in report.notices],
        "stats": {"changed": len(report.results), "unchanged": report.unchanged},
    }
    return json.dumps(value, indent=2, sort_keys=False)


def dependencies_annotations(report: DependencyReport) -> str:
    """Workflow commands that mark the line of each new version that is blocked or to be looked at, worst first."""
    lines: list[str] = []
    for result in _sorted(report):
        new = result.change.new
        for one in result.findings:
            if one.level is Level.NOTE:
                continue
            command = "error" if one.level is Level.FAIL else "warning"
            title = _property(f"{one.rule}: {new.name} {new.version}")
            lines.append(f"::{command} file={_property(new.path)},line={new.line},title={title}::{_data(one.message)}")
    return "\n".join(lines)


def _headline(report: DependencyReport) -> str:
    worst = [result.findings[0].level if result.findings else None for result in report.results]
    blocked, look = worst.count(Level.FAIL), worst.count(Level.WARN)
    rest = len(worst) - blocked - look
    return f"dependency provenance: {blocked} blocked, {look} to look at, {rest} others changed"


def _sorted(report: DependencyReport) -> list[DependencyResult]:
    order = list(Level)
    return sorted(report.results, key=lambda one: order.index(one.findings[0].level) if one.findings else len(order))


def _versions(result: DependencyResult) -> str:
    old = result.change.old
    return plain(f"{old.version if old else 'added'} -> {result.change.new.version}")


def _state(result: DependencyResult) -> str:
    before = f"{result.old.state.value} -> " if result.old else ""
    return f"{before}{result.new.state.value}"


def _publisher(evidence: PackageEvidence) -> str:
    names = [f"{one.repository or one.subject} {one.workflow.rpartition('/')[2]}" for one in evidence.publishers]
    return ", ".join(names) or "no verified publisher"


def _result_json(result: DependencyResult) -> dict[str, Any]:
    new, old = result.change.new, result.change.old
    return {
        "ecosystem": new.ecosystem,
        "name": new.name,
        "from": old.version if old else None,
        "to": new.version,
        "manifest": {"path": new.path, "line": new.line},
        "hashes": [str(digest) for file in new.files for digest in file.digests],
        "evidence": {"old": _evidence_json(result.old), "new": _evidence_json(result.new)},
        "findings": [_judged_json(one) for one in result.findings],
    }


def _evidence_json(evidence: PackageEvidence | None) -> dict[str, Any] | None:
    if evidence is None:
        return None
    publishers = [
        {
            "issuer": one.issuer,
            "repository": one.repository,
            "repository_id": one.repository_id,
            "owner_id": one.owner_id,
            "workflow": one.workflow,
            "trigger": one.trigger,
            "ref": one.ref,
            "run": one.run,
        }
        for one in evidence.publishers
    ]
    return {
        "state": evidence.state.value,
        "why": evidence.why,
        "attested": evidence.attested,
        "files": evidence.files,
        "publishers": publishers,
    }


def _judged_json(judged: Judged) -> dict[str, str]:
    return {"rule": judged.rule, "level": judged.level.value, "message": judged.message}


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
