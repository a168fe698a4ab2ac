"""Reports about dependencies as JSON, schema ``sigstep/dependencies/v1`` (dependencies.schema.json), and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import quote

from sigstep.model.dependency import DependencyReport, DependencyResult, Judged, Level, Locked, PackageEvidence

SCHEMA: Final = "sigstep/dependencies/v1"


def dependencies_json(report: DependencyReport) -> str:
    """The report for machines."""
    return json.dumps(report_value(report), indent=2, sort_keys=False)


def report_value(report: DependencyReport) -> dict[str, Any]:
    """The JSON value of a report."""
    return {
        "schema": SCHEMA,
        "repository": report.repository,
        "base": report.base,
        "head": report.head,
        "policy": {"profile": report.profile, "file": report.policy},
        "shard": {"part": report.shard[0], "of": report.shard[1]},
        "exit_code": report.exit_code,
        "results": [_result(one) for one in worst_first(report)],
        "notices": [_judged(one) for one in report.notices],
        "stats": {"changed": len(report.results), "unchanged": report.unchanged, **counted(report)},
    }


def worst_first(report: DependencyReport) -> list[DependencyResult]:
    """The results, blocked ones first."""
    order = list(Level)
    return sorted(report.results, key=lambda one: order.index(one.findings[0].level) if one.findings else len(order))


def package_url(locked: Locked) -> str:
    """The package URL of a locked version (purl-spec); for an action that of its ecosystem in OSV."""
    name = quote(locked.name.replace(":", "/") if locked.ecosystem == "maven" else locked.name, safe="/")
    version = quote(locked.version or locked.ref, safe=":")
    return f"pkg:{locked.ecosystem}/{name}@{version}" if version else f"pkg:{locked.ecosystem}/{name}"


def counted(report: DependencyReport) -> dict[str, int]:
    """How many dependencies, and files as a whole, are blocked and to be looked at."""
    levels = [one.findings[0].level for one in report.results if one.findings]
    levels += [one.level for one in report.notices]
    return {"blocked": levels.count(Level.FAIL), "look_at": levels.count(Level.WARN)}


def _result(result: DependencyResult) -> dict[str, Any]:
    new, old = result.change.new, result.change.old
    return {
        "purl": package_url(new),
        "ecosystem": new.ecosystem,
        "name": new.name,
        "from": old.version if old else None,
        "to": new.version,
        "ref": {"from": old.ref if old else "", "to": new.ref},
        "source": new.source,
        "registry": new.registry,
        "manifest": {"path": new.path, "line": new.line},
        "hashes": [str(digest) for file in new.files for digest in file.digests],
        "evidence": {"old": _evidence(result.old), "new": _evidence(result.new)},
        "findings": [_judged(one) for one in result.findings],
    }


def _evidence(evidence: PackageEvidence | None) -> dict[str, Any] | None:
    if evidence is None:
        return None
    return {
        "state": evidence.state.value,
        "basis": evidence.basis,
        "why": evidence.why,
        "attested": evidence.attested,
        "files": evidence.files,
        "published": evidence.published.isoformat() if evidence.published else None,
        "status": evidence.status,
        "run_conclusion": evidence.run_conclusion,
        "publishers": [asdict(one) for one in evidence.publishers],
        "notes": list(evidence.notes),
    }


def _judged(judged: Judged) -> dict[str, str | int]:
    return {
        "rule": judged.rule,
        "level": judged.level.value,
        "message": judged.message,
        "accept": judged.accept,
        "path": judged.path,
        "line": judged.line,
    }
