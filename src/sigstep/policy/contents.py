"""Rules over what verified statements say; they judge all accepted proofs of one subject together.

Only proofs whose signer the policy took may be handed over: a rule here trusts what a statement says as far as its
signer is trusted, and compares provenance with the certificate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sigstep.errors import FormatError
from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.rule import empty_policy
from sigstep.predicates import registry


class ContentRule(Protocol):
    """One demand on the proofs of one subject."""

    def judge(self, proofs: Sequence[Verified], now: datetime) -> Finding | None:
        """None when the proofs satisfy the rule at the time ``now`` (aware); otherwise the finding."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EveryContent:
    """Every rule has to hold; with no rule, or no proof, nothing passes."""

    rules: tuple[ContentRule, ...]

    def judge(self, proofs: Sequence[Verified], now: datetime) -> Finding | None:
        """The first finding, or None; a statement that cannot be read is a finding."""
        if not self.rules:
            return empty_policy()
        try:
            return next((found for rule in self.rules if (found := rule.judge(proofs, now)) is not None), None)
        except FormatError as error:
            return Finding.of(error, step="content")


def predicates(proofs: Sequence[Verified], uris: Sequence[str]) -> tuple[tuple[Verified, dict[str, Any]], ...]:
    """The proofs whose statement has one of the type URIs, each with its predicate, checked.

    Raises:
        FormatError: ``predicate-malformed``.
    """
    found = []
    for proof in proofs:
        if proof.statement is not None and proof.statement.predicate_type in uris:
            predicate = dict(proof.statement.predicate or {})
            registry.check(proof.statement.predicate_type, predicate)
            found.append((proof, predicate))
    return tuple(found)


def missing(uris: Sequence[str]) -> Finding:
    """The finding that no statement of these types is there."""
    return Finding(
        code="attestation-missing",
        what=f"no attestation of type {uris[0]} is there",
        why="none of the accepted signatures carries one",
        fix="attest it in the build, or hand its bundle over",
        step="content",
    )
