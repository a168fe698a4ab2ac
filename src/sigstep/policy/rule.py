"""Rules: pure predicates over `Verified`. An empty policy refuses; danger is spelled out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified


class Rule(Protocol):
    """One demand on a proof."""

    def judge(self, verified: Verified) -> Finding | None:
        """None when the proof satisfies the rule; otherwise the finding that says why not."""
        ...


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every rule has to hold; with no rule nothing passes."""

    rules: tuple[Rule, ...]

    def judge(self, verified: Verified) -> Finding | None:
        """The first finding, or None."""
        if not self.rules:
            return empty_policy()
        return next((finding for rule in self.rules if (finding := rule.judge(verified)) is not None), None)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One rule has to hold; with no rule nothing passes."""

    rules: tuple[Rule, ...]

    def judge(self, verified: Verified) -> Finding | None:
        """None as soon as one rule holds; otherwise the finding of the last one."""
        finding = empty_policy()
        for rule in self.rules:
            found = rule.judge(verified)
            if found is None:
                return None
            finding = found
        return finding


@dataclass(frozen=True, slots=True, kw_only=True)
class AnySigner:
    """Takes any proof: only integrity is checked. Made by `any_signer_unsafe` alone."""

    reason: str

    def judge(self, verified: Verified) -> Finding | None:  # noqa: ARG002 - that is the danger
        """Always None."""
        return None


def any_signer_unsafe(*, reason: str) -> AnySigner:
    """A rule that takes whoever signed. Write the reason; it stands in the report."""
    return AnySigner(reason=reason)


def any_signer_reason(rule: Rule) -> str:
    """The reason of an `any_signer_unsafe` in a rule, also below others; empty where there is none."""
    if isinstance(rule, AnySigner):
        return rule.reason
    below = rule.rules if isinstance(rule, (AllOf, AnyOf)) else ()
    return next((reason for one in below if (reason := any_signer_reason(one))), "")


def empty_policy() -> Finding:
    """The finding of a policy without a rule."""
    return Finding(
        code="policy-empty",
        what="the policy has no rule",
        why="nothing passes because there was nothing",
        fix="say who may sign: --identity and --issuer, --repo, --key, or a policy file; "
        "`sigstep inspect BUNDLE` shows whom a bundle names",
        step="policy",
    )
