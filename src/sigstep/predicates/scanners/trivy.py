"""Reports of ``trivy … --format json`` (members ``SchemaVersion``, ``Results``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigstep.model.scan import Scan, Severity, Vulnerability
from sigstep.wire.fields import objects, optional, required


def recognises(report: Mapping[str, Any]) -> bool:
    """Whether this is a report of Trivy."""
    return "SchemaVersion" in report and "ArtifactName" in report


def read(report: Mapping[str, Any]) -> Scan:
    """The scan that the report tells.

    Raises:
        FormatError: ``predicate-malformed``.
    """
    return Scan(
        uri="https://github.com/aquasecurity/trivy",
        version=optional(report, "Trivy.Version", str) or "",
        vulnerabilities=tuple(
            Vulnerability(
                id=required(found, "VulnerabilityID", str),
                severity=Severity.of(optional(found, "Severity", str) or ""),
                package=optional(found, "PkgName", str) or "",
                version=optional(found, "InstalledVersion", str) or "",
            )
            for result in objects(report, "Results")
            for found in objects(result, "Vulnerabilities")
        ),
        report=report,
        finished=optional(report, "CreatedAt", str) or "",
    )
