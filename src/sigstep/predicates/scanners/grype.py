"""Reports of ``grype -o json`` (members ``matches``, ``descriptor``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigstep.model.scan import Scan, Severity, Vulnerability
from sigstep.wire.fields import objects, optional, required, texts


def recognises(report: Mapping[str, Any]) -> bool:
    """Whether this is a report of Grype."""
    return "matches" in report and "descriptor" in report


def read(report: Mapping[str, Any]) -> Scan:
    """The scan that the report tells.

    Raises:
        FormatError: ``predicate-malformed``.
    """
    required(report, "matches", list)
    updated = optional(report, "descriptor.db.status.built", str) or optional(report, "descriptor.db.built", str)
    return Scan(
        uri="https://github.com/anchore/grype",
        version=required(report, "descriptor.version", str),
        database_updated=updated or "",
        vulnerabilities=tuple(_finding(match) for match in objects(report, "matches")),
        report=report,
        finished=optional(report, "descriptor.timestamp", str) or "",
    )


def _finding(match: Mapping[str, Any]) -> Vulnerability:
    related = objects(match, "relatedVulnerabilities")
    return Vulnerability(
        id=required(match, "vulnerability.id", str),
        aliases=(
            *(str(one.get("id", "")) for one in related),
            *texts(match, "vulnerability.aliases"),
        ),
        severity=Severity.of(optional(match, "vulnerability.severity", str) or ""),
        package=optional(match, "artifact.name", str) or "",
        version=optional(match, "artifact.version", str) or "",
    )
