"""Rules over results: vulnerability scans (with VEX) and tests."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sigstep.model.scan import Scan, Severity
from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.contents import missing, predicates
from sigstep.predicates import test_result, vex, vulnerability
from sigstep.predicates.scanners import SCANNERS
from sigstep.wire.fields import malformed


@dataclass(frozen=True, slots=True, kw_only=True)
class NoVulnerabilityAbove:
    """At least one scan, and no finding above ``severity`` unless a VEX document says that it does not affect.

    A severity that is unknown counts as above every other. ``accepted`` are identifiers that the policy's author took.
    """

    severity: Severity
    accepted: tuple[str, ...] = ()

    def judge(self, proofs: Sequence[Verified], now: datetime) -> Finding | None:  # noqa: ARG002 - the protocol's
        """The first vulnerability above the severity, or None."""
        scans = predicates(proofs, vulnerability.Vulnerability.uris)
        if not scans:
            return missing(vulnerability.Vulnerability.uris)
        documents = [predicate for _, predicate in predicates(proofs, vex.OpenVex.uris)]
        harmless = frozenset(self.accepted).union(*(vex.not_affected(document) for document in documents))
        for proof, predicate in scans:
            assert proof.statement is not None
            for one in scan_of(proof.statement.predicate_type, predicate).vulnerabilities:
                if one.severity > self.severity and not harmless & {one.id, *one.aliases}:
                    return Finding(
                        code="vulnerability-found",
                        what=f"{one.id} in {one.package or 'the subject'} {one.version}".rstrip(),
                        why=f"it is {one.severity.name.lower()}; at most {self.severity.name.lower()} is allowed",
                        fix="update the package, or attest a VEX document that says why it does not affect",
                        step="content",
                    )
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestsPassed:
    """At least one test result, and each of them PASSED (or WARNED, where ``warnings`` are allowed)."""

    __test__ = False
    warnings: bool = False

    def judge(self, proofs: Sequence[Verified], now: datetime) -> Finding | None:  # noqa: ARG002 - the protocol's
        """A finding where one did not pass."""
        found = predicates(proofs, test_result.TestResult.uris)
        if not found:
            return missing(test_result.TestResult.uris)
        allowed = ("PASSED", "WARNED") if self.warnings else ("PASSED",)
        for _, predicate in found:
            if predicate["result"] not in allowed:
                return Finding(
                    code="tests-not-passed",
                    what=f"the tests ended {predicate['result']}",
                    why=f"the policy takes {' or '.join(allowed)}",
                    fix="make the tests pass and attest again",
                    step="content",
                )
        return None


def scan_of(uri: str, predicate: dict[str, Any]) -> Scan:
    """The scan that either form tells; cosign's holds the report of a scanner.

    Raises:
        FormatError: ``predicate-malformed``, also where no reader knows the report.
    """
    if uri != vulnerability.COSIGN:
        return vulnerability.read_in_toto(predicate)
    report = predicate["scanner"]["result"]
    for name in SCANNERS if isinstance(report, dict) else ():
        scanner = importlib.import_module(name)
        if scanner.recognises(report):
            scan: Scan = scanner.read(report)
            return scan
    raise malformed("the scanner's report is of no known kind")
