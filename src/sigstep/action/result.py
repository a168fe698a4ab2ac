"""What an operation hands back to the door."""

from __future__ import annotations

from dataclasses import dataclass

from sigstep.errors import SigstepError
from sigstep.model.verdict import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """The report of a step, the bundles that it wrote, and what it could not make (subject, reason)."""

    report: Report
    bundles: tuple[str, ...] = ()
    failures: tuple[tuple[str, SigstepError], ...] = ()
