"""Predicates made from the reports of tests and scanners."""

from __future__ import annotations

import importlib
from datetime import datetime, timezone
from typing import Any

import pytest

from sigstep.errors import FormatError
from sigstep.model.scan import Scan, Severity
from sigstep.predicates import registry, test_result, vulnerability
from sigstep.predicates.scanners import SCANNERS

TIME = datetime(2026, 1, 2, tzinfo=timezone.utc)
JUNIT = (
    b'<testsuites><testsuite><testcase classname="a" name="ok"/><testcase name="no"><failure/></testcase>'
    b'<testcase name="skip"><skipped/></testcase><testcase name="bad"><error/></testcase></testsuite></testsuites>'
)
GRYPE = {
    "matches": [
        {
            "vulnerability": {"id": "GHSA-1", "severity": "High"},
            "relatedVulnerabilities": [{"id": "CVE-1"}],
            "artifact": {"name": "p", "version": "1"},
        }
    ],
    "descriptor": {"version": "0.90", "db": {"status": {"built": "2026-01-01T00:00:00Z"}}},
}
TRIVY = {
    "SchemaVersion": 2,
    "ArtifactName": "x",
    "Results": [{"Vulnerabilities": [{"VulnerabilityID": "CVE-1", "Severity": "HIGH", "PkgName": "p"}]}, {}],
}
OSV = {
    "results": [
        {
            "packages": [
                {
                    "package": {"name": "p", "version": "1"},
                    "vulnerabilities": [{"id": "GHSA-1", "aliases": ["CVE-1"]}, {"id": "X"}],
                    "groups": [{"ids": ["GHSA-1"], "max_severity": "7.5"}],
                }
            ]
        }
    ]
}
SARIF = {
    "version": "2.1.0",
    "runs": [
        {
            "tool": {"driver": {"name": "s", "rules": [{"id": "CVE-1", "properties": {"security-severity": "7.5"}}]}},
            "results": [{"ruleId": "CVE-1", "level": "note"}, {"ruleId": "other", "level": "error"}],
        }
    ],
}


def read(report: dict[str, Any]) -> Scan:
    """The scan, read by the only scanner that recognises the report."""
    readers = [importlib.import_module(name) for name in SCANNERS]
    found = [reader for reader in readers if reader.recognises(report)]
    assert len(found) == 1
    scan: Scan = found[0].read(report)
    return scan


@pytest.mark.parametrize("report", [GRYPE, TRIVY, OSV, SARIF])
def test_each_report_is_recognised_and_read(report: dict[str, Any]) -> None:
    """Each report tells of one high finding first, and both predicates of it are well-formed."""
    scan = read(report)
    assert scan.vulnerabilities[0].severity is Severity.HIGH
    cosign = vulnerability.make_cosign(scan, started=TIME, finished=TIME)
    registry.check(vulnerability.COSIGN, cosign)
    assert cosign["scanner"]["result"] == report
    made = vulnerability.make_in_toto(scan, started=TIME, finished=TIME)
    registry.check(vulnerability.IN_TOTO, made)
    again = vulnerability.read_in_toto(made)
    assert again.vulnerabilities == scan.vulnerabilities
    story = vulnerability.Vulnerability().describe(vulnerability.IN_TOTO, made)
    assert f"{len(scan.vulnerabilities)} findings" in story


@pytest.mark.parametrize(
    "report",
    [
        {**GRYPE, "matches": [{}]},
        {**TRIVY, "Results": [{"Vulnerabilities": [{}]}]},
        {**SARIF, "runs": []},
        {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "s"}}, "results": [{"level": "note"}]}]},
        {
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {"driver": {"name": "s", "rules": [{"id": "C", "properties": {"security-severity": "x"}}]}},
                    "results": [{"ruleId": "C"}],
                }
            ],
        },
        {
            "results": [
                {"packages": [{"vulnerabilities": [{"id": "C"}], "groups": [{"ids": ["C"], "max_severity": "x"}]}]}
            ]
        },
    ],
)
def test_a_malformed_report_is_refused(report: dict[str, Any]) -> None:
    """A finding without an identifier or with a score that is none."""
    with pytest.raises(FormatError) as refused:
        read(report)
    assert refused.value.code == "predicate-malformed"


def test_unknown_severities_count_as_the_highest() -> None:
    """Nothing says that an unknown severity is low."""
    assert Severity.of("odd") is Severity.UNKNOWN > Severity.CRITICAL
    assert Severity.of_score(11) is Severity.UNKNOWN
    assert [Severity.of_score(score) for score in (0, 3.9, 4, 7, 9)] == list(Severity)[:5]


def test_junit() -> None:
    """Failures and errors fail; skipped tests warn."""
    assert test_result.recognises(JUNIT)
    made = test_result.from_junit(JUNIT, url="https://ci.example/1")
    registry.check(test_result.URI, made)
    assert made["result"] == "FAILED"
    assert (made["passedTests"], made["warnedTests"], made["failedTests"]) == (["a.ok"], ["skip"], ["no", "bad"])
    assert test_result.TestResult().describe(test_result.URI, made)[-1] == "failed: bad"


@pytest.mark.parametrize(
    ("case", "result"),
    [
        (b'<testcase name="a"/>', "PASSED"),
        (b'<testcase name="a"/><testcase name="b"><skipped/></testcase>', "WARNED"),
        (b'<testcase name="b"><skipped/></testcase>', "FAILED"),
    ],
)
def test_junit_results(case: bytes, result: str) -> None:
    """A run that only skipped did not pass."""
    assert test_result.from_junit(b"<testsuite>" + case + b"</testsuite>")["result"] == result


@pytest.mark.parametrize(
    "suite",
    [
        b'<testsuite name="s" failures="0" errors="1"><testcase name="a"/></testsuite>',
        b'<testsuite name="s" failures="1"/>',
        b'<testsuite name="s"><error message="no set-up"/><testcase name="a"/></testsuite>',
    ],
)
def test_junit_suites_fail_too(suite: bytes) -> None:
    """What fails before or after the tests is told by the suite alone, and its tests may all have passed."""
    made = test_result.from_junit(b"<testsuites>" + suite + b"</testsuites>")
    assert (made["result"], made["failedTests"]) == ("FAILED", ["s"])


def test_junit_counts_of_tests_that_are_told() -> None:
    """A suite's counts name no further failure."""
    made = test_result.from_junit(
        b'<testsuite name="s" failures="1"><testcase name="a"><failure/></testcase></testsuite>'
    )
    assert made["failedTests"] == ["a"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'<!DOCTYPE a [<!ENTITY x "y">]><testsuite>&x;</testsuite>', "xml-doctype"),
        (b"<testsuite/>", "predicate-malformed"),
        (b"<html/>", "predicate-malformed"),
        (b"<testsuite>&x;</testsuite>", "xml-malformed"),
    ],
)
def test_junit_refused(data: bytes, code: str) -> None:
    """Entities are never expanded; no test is no result."""
    with pytest.raises(FormatError) as refused:
        test_result.from_junit(data)
    assert refused.value.code == code
