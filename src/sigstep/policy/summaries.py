"""Rules over verification summaries: what a trusted verifier says that it verified."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.contents import missing, predicates
from sigstep.predicates.summary import URI, policy_digest, verified_at
from sigstep.wire.fields import texts

_LEVEL: Final = re.compile(r"(SLSA_[A-Z0-9_]+_LEVEL_)(\d)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryFrom:
    """The latest summary of one verifier about one resource passed, with these levels (SLSA VSA v1, verifying).

    Attributes:
        verifier: ``verifier.id``; who may sign for it is the quorum's matter.
        resource: ``resourceUri``; empty for any.
        levels: of ``verifiedLevels``; ``SLSA_<TRACK>_LEVEL_n`` means at least n, every other word itself.
        policy: hexadecimal SHA-256 of the policy that was verified by; empty for any.
    """

    verifier: str
    resource: str = ""
    levels: tuple[str, ...] = ()
    policy: str = ""

    def judge(self, proofs: Sequence[Verified], now: datetime) -> Finding | None:  # noqa: ARG002 - the protocol's
        """A finding where there is none, or where it says something else."""
        found = [
            predicate
            for _, predicate in predicates(proofs, (URI,))
            if predicate["verifier"]["id"] == self.verifier and self.resource in ("", predicate["resourceUri"])
        ]
        if not found:
            return missing((URI,))
        latest = max(found, key=lambda one: (verified_at(one), one["verificationResult"] != "PASSED"))
        if latest["verificationResult"] != "PASSED":
            return _finding("it did not pass")
        if self.policy and policy_digest(latest) != self.policy:
            return _finding(f"it was verified by another policy than sha256:{self.policy}")
        absent = next((one for one in self.levels if not _reached(one, latest)), None)
        return _finding(f"it does not say {absent}") if absent else None


def _reached(wanted: str, summary: dict[str, Any]) -> bool:
    levels = texts(summary, "verifiedLevels")
    match = _LEVEL.fullmatch(wanted)
    if match is None:
        return wanted in levels
    said = [found[2] for one in levels if (found := _LEVEL.fullmatch(one)) and found[1] == match[1]]
    return any(one >= match[2] for one in said)


def _finding(why: str) -> Finding:
    return Finding(
        code="summary-mismatch",
        what="the verification summary is not what the policy asks for",
        why=why,
        fix="verify again and attest the summary, or change the policy",
        step="content",
    )
