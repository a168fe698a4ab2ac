"""Verdicts and reports: what an examination says to people and machines."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sigstep.errors import SigstepError
from sigstep.model.subject import Subject
from sigstep.model.verified import Verified

_EMPTY: Mapping[str, Any] = MappingProxyType({})


class Outcome(enum.Enum):
    """How the examination of one subject ended."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that an examination found: a code of the closed set, what, why and fix; ``paste`` is ours alone."""

    code: str
    what: str
    why: str = ""
    fix: str = ""
    step: str = ""
    source: str = ""
    details: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    paste: str = ""

    @classmethod
    def of(cls, error: SigstepError, *, step: str = "", source: str = "") -> Finding:
        """The finding that an error states."""
        return cls(
            code=error.code, what=error.what, why=error.why, fix=error.fix, step=step, source=source, paste=error.paste
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of an examination, for ``--explain``: its name, whether it held, and its evidence in words."""

    name: str
    held: bool
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """One bundle about one subject: the proof, or the finding that ended it; ``source`` says where it was found."""

    source: str
    verified: Verified | None
    finding: Finding | None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The verdict on one subject; accepted only where at least one examination satisfied the policy.

    ``whole`` is False where a place that was asked for bundles did not tell all it has.
    """

    subject: Subject
    outcome: Outcome
    examinations: tuple[Examination, ...] = ()
    findings: tuple[Finding, ...] = ()
    whole: bool = True

    @property
    def accepted(self) -> tuple[Verified, ...]:
        """The proofs that the policy took."""
        if self.outcome is not Outcome.ACCEPTED:
            return ()
        return tuple(one.verified for one in self.examinations if one.verified is not None and one.finding is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The verdicts on all subjects of one request, in its order.

    ``any_signer`` is the reason for which whoever signed was taken; empty where a signer was asked for.
    """

    verdicts: tuple[Verdict, ...]
    policy_digest: str = ""
    any_signer: str = ""

    @property
    def exit_code(self) -> int:
        """0 all accepted, 1 one refused, 3 nothing examined, 4 one undecided (and none refused)."""
        outcomes = {verdict.outcome for verdict in self.verdicts}
        if not outcomes:
            return 3
        if Outcome.REFUSED in outcomes:
            return 1
        return 4 if Outcome.UNDECIDED in outcomes else 0
