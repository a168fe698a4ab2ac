"""What an operation hands back to the door, and how a report becomes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from sigstep.model.verdict import Finding, Outcome, Report
from sigstep.rendering.html import report_html
from sigstep.rendering.markdown import report_markdown
from sigstep.rendering.page import NOTHING_MORE, Told, worst_first
from sigstep.rendering.report import report_json, report_text
from sigstep.rendering.sarif import report_sarif

OUTCOMES: Final = MappingProxyType[int, str](
    {0: "verified", 1: "refused", 2: "usage", 3: "nothing-to-examine", 4: "undecided"}
)
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """How a step ended.

    Attributes:
        status: the exit code of the command line for the same.
        values: outputs by name; those that are left out are empty.
        text: for the log.
        summary: Markdown for the job summary.
        files: reports, by the output that says where each is.
        errors: worst first.
        warnings: what does not change the status.
    """

    status: int
    values: Mapping[str, str] = field(default_factory=lambda: _NONE)
    text: str = ""
    summary: str = ""
    files: Mapping[str, str] = field(default_factory=lambda: _NONE)
    errors: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()


def of_report(
    report: Report,
    *,
    status: int | None = None,
    told: Told = NOTHING_MORE,
    values: Mapping[str, str] = _NONE,
    warnings: tuple[Finding, ...] = (),
) -> StepResult:
    """The result of a step that came to a report.

    Args:
        report: the verdicts.
        status: instead of the report's own exit code.
        told: what is told around it.
        values: more outputs.
        warnings: what does not change the status.
    """
    ended = report.exit_code if status is None else status
    accepted = sum(verdict.outcome is Outcome.ACCEPTED for verdict in report.verdicts)
    failed = len(report.verdicts) - accepted + len(told.problems)
    refused = [one for verdict in worst_first(report.verdicts) if not verdict.accepted for one in verdict.findings]
    return StepResult(
        status=ended,
        values={
            "outcome": OUTCOMES[ended],
            "verified-count": str(accepted),
            "failed-count": str(failed),
            **values,
        },
        text=report_text(report),
        summary=report_markdown(report, told),
        files={
            "report-path": report_json(report),
            "html-path": report_html(report, told),
            "sarif-path": report_sarif(report),
        },
        errors=(*(finding for _, finding in told.problems), *refused),
        warnings=warnings,
    )
