"""A report as SARIF 2.1.0 (OASIS), for code scanning."""

from __future__ import annotations

import json
from typing import Any, Final

from sigstep import __version__
from sigstep.model.verdict import Finding, Outcome, Report
from sigstep.rendering.text import plain

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
RESULTS: Final = 5000  # code scanning takes 25 000 results and shows 5 000


def report_sarif(report: Report) -> str:
    """One result for each finding of a subject that was not accepted; refused first, then undecided."""
    order = {Outcome.REFUSED: 0, Outcome.UNDECIDED: 1}
    failed = sorted((one for one in report.verdicts if one.outcome in order), key=lambda one: order[one.outcome])
    found = [(verdict, finding) for verdict in failed for finding in verdict.findings][:RESULTS]
    codes = sorted({finding.code for _, finding in found})
    results = [
        _result(finding, verdict.subject.location or verdict.subject.name, verdict.outcome, codes)
        for verdict, finding in found
    ]
    driver = {"name": "sigstep", "version": __version__, "rules": [{"id": code} for code in codes]}
    run = {"tool": {"driver": driver}, "results": results, "columnKind": "unicodeCodePoints"}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(finding: Finding, location: str, outcome: Outcome, codes: list[str]) -> dict[str, Any]:
    text = ". ".join(plain(part) for part in (finding.what, finding.why, finding.fix) if part)
    return {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": "error" if outcome is Outcome.REFUSED else "warning",
        "message": {"text": text},
        "locations": [physical_location(location)],
    }


def physical_location(path: str, line: int = 1) -> dict[str, Any]:
    """Where a result is: GitHub shows no result without a region; a file without lines is meant by its first."""
    region = {"startLine": max(1, line)}
    return {"physicalLocation": {"artifactLocation": {"uri": artifact_uri(path)}, "region": region}}


def artifact_uri(location: str) -> str:
    """A relative reference (RFC 3986, 4.2); a first segment with a colon would be read as a scheme."""
    from urllib.parse import quote

    quoted = quote(location, safe="/-._~", errors="replace")
    return quoted or "unnamed"
