"""Reports about dependencies as SARIF 2.1.0 (OASIS): one rule for each finding, on the line of the new version."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from sigstep import __version__
from sigstep.model.dependency import DependencyReport, Judged, Level, Locked
from sigstep.rendering.dependency_json import package_url, worst_first
from sigstep.rendering.sarif import RESULTS, SCHEMA, physical_location
from sigstep.rendering.text import plain

_LEVELS: Final = {Level.FAIL: ("error", "8.0"), Level.WARN: ("warning", "5.0"), Level.NOTE: ("note", "1.0")}


def dependencies_sarif(report: DependencyReport) -> str:
    """Every finding that is more than a note; a fingerprint stays the same while rule, package and file do."""
    found: list[tuple[Judged, Locked | None]] = [
        (one, result.change.new) for result in worst_first(report) for one in result.findings
    ]
    found += [(one, None) for one in report.notices if one.path]
    loud = [(one, locked) for one, locked in found if one.level is not Level.NOTE][:RESULTS]
    rules = sorted({one.rule for one, _ in loud})
    worst = {one.rule: one.level for one, _ in reversed(loud)}
    driver = {
        "name": "sigstep deps",
        "version": __version__,
        "rules": [
            {"id": one, "properties": {"security-severity": _LEVELS[worst[one]][1], "tags": ["supply-chain"]}}
            for one in rules
        ],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": "sigstep/dependencies/"},
        "results": [_result(one, locked, rules) for one, locked in loud],
        "columnKind": "unicodeCodePoints",
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(judged: Judged, locked: Locked | None, rules: list[str]) -> dict[str, Any]:
    path = locked.path if locked else judged.path
    name = package_url(locked) if locked else judged.path
    what = f"{locked.name} {locked.ref or locked.version}: " if locked else ""
    stable = f"{judged.rule}|{name.partition('@')[0] if locked else name}|{path}"
    return {
        "ruleId": judged.rule,
        "ruleIndex": rules.index(judged.rule),
        "level": _LEVELS[judged.level][0],
        "message": {"text": plain(f"{what}{judged.message}")},
        "locations": [physical_location(path, locked.line if locked else judged.line)],
        "partialFingerprints": {"sigstepDependency/v1": hashlib.sha256(stable.encode()).hexdigest()},
    }
