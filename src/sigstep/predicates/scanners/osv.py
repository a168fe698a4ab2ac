"""Reports of ``osv-scanner --format json`` (members ``results[].packages[].vulnerabilities[]`` and ``groups[]``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigstep.model.scan import Scan, Severity, Vulnerability
from sigstep.wire.fields import malformed, objects, optional, required, texts


def recognises(report: Mapping[str, Any]) -> bool:
    """Whether this is a report of OSV-Scanner."""
    results = report.get("results")
    return isinstance(results, list) and "runs" not in report and all(_has_packages(one) for one in results)


def read(report: Mapping[str, Any]) -> Scan:
    """The scan that the report tells; severities come from the groups' CVSS scores.

    Raises:
        FormatError: ``predicate-malformed``.
    """
    return Scan(
        uri="https://github.com/google/osv-scanner",
        version="",
        vulnerabilities=tuple(
            _finding(package, found)
            for result in objects(report, "results")
            for package in objects(result, "packages")
            for found in objects(package, "vulnerabilities")
        ),
        report=report,
    )


def _finding(package: Mapping[str, Any], found: Mapping[str, Any]) -> Vulnerability:
    identifier = required(found, "id", str)
    group = next((one for one in objects(package, "groups") if identifier in texts(one, "ids")), {})
    score = optional(group, "max_severity", str) or ""
    word = optional(found, "database_specific.severity", str) or ""
    return Vulnerability(
        id=identifier,
        aliases=texts(found, "aliases"),
        severity=_severity(score) if score else Severity.of(word),
        package=optional(package, "package.name", str) or "",
        version=optional(package, "package.version", str) or "",
    )


def _severity(score: str) -> Severity:
    try:
        return Severity.of_score(float(score))
    except ValueError:
        raise malformed(f"max_severity {score[:40]!r} is not a score") from None


def _has_packages(result: Any) -> bool:
    return isinstance(result, dict) and "packages" in result
