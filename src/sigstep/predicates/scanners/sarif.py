"""SARIF 2.1.0 of any scanner: one result is one finding (sections 3.13, 3.27; ``security-severity`` is GitHub's)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sigstep.model.scan import Scan, Severity, Vulnerability
from sigstep.wire.fields import malformed, objects, optional, required


def recognises(report: Mapping[str, Any]) -> bool:
    """Whether this is SARIF."""
    return "runs" in report and str(report.get("version", "")).startswith("2.1")


def read(report: Mapping[str, Any]) -> Scan:
    """The scan of the only run.

    Raises:
        FormatError: ``predicate-malformed``, also for no run or several.
    """
    runs = objects(report, "runs")
    if len(runs) != 1:
        raise malformed(f"the SARIF file has {len(runs)} runs; one is attested at a time")
    run = runs[0]
    driver = required(run, "tool.driver", dict)
    rules = {str(rule.get("id", "")): rule for rule in objects(driver, "rules")}
    return Scan(
        uri=optional(driver, "informationUri", str) or required(driver, "name", str),
        version=optional(driver, "semanticVersion", str) or optional(driver, "version", str) or "",
        vulnerabilities=tuple(_finding(found, rules) for found in objects(run, "results")),
        report=report,
    )


def _finding(found: Mapping[str, Any], rules: Mapping[str, Mapping[str, Any]]) -> Vulnerability:
    identifier = optional(found, "ruleId", str) or required(found, "rule.id", str)
    rule = rules.get(identifier, {})
    score = (optional(rule, "properties", dict) or {}).get("security-severity")
    level = optional(found, "level", str) or optional(rule, "defaultConfiguration.level", str) or ""
    return Vulnerability(id=identifier, severity=_scored(score) if score is not None else Severity.of(level))


def _scored(score: Any) -> Severity:
    try:
        return Severity.of_score(float(score))
    except (TypeError, ValueError, OverflowError):
        raise malformed("security-severity is not a score") from None
