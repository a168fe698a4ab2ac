"""Judge everything that was proved about one artifact by the rules of a policy file."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sigstep.errors import Undecided
from sigstep.model.subject import Subject
from sigstep.model.verdict import Finding
from sigstep.model.verified import TimeSource, Verified
from sigstep.policy.attested import hangs_on_all, incomplete, judge_attested, reached
from sigstep.policy.demands import UNKNOWN, Circumstances
from sigstep.policy.document import Policy, PolicyRule, Signer, signers_of
from sigstep.policy.matcher import Matcher
from sigstep.policy.recalls import recalled
from sigstep.policy.signer import IsSignature

_ALLOWED: Final = "policy-allowed"


class Decision(enum.Enum):
    """What a policy says about one artifact; unknown never counts as admitted."""

    ADMIT = "admit"
    WARN = "warn"
    DENY = "deny"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The decision and what led to it."""

    decision: Decision
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerRule:
    """One signer of the file as a rule; ``key_id`` is the SHA-256 of its key's SPKI, where it is a key.

    ``own`` are the instances of the file's ``trust`` section: they count for signers that name them alone.
    """

    signer: Signer
    key_id: str = ""
    own: frozenset[str] = frozenset()

    def judge(self, verified: Verified) -> Finding | None:
        """None where this signer made the proof, with the instance and log it asks for."""
        signer = self.signer
        named = signer.identity or signer.release
        if named is not None:
            found = named.judge(verified)
            if found is not None:
                return found
            if verified.root != signer.root if signer.root else verified.root in self.own:
                wanted = signer.root or "an instance that the policy file does not bring itself"
                return _finding(code="policy-root", what=f"{signer.name} has to come from {wanted}")
        elif not self.key_id or verified.key_id != self.key_id:
            return _finding(code="policy-key", what=f"it was not signed with the key of {signer.name}")
        if signer.log == "required" and not verified.entries:
            return _finding(code="policy-log", what=f"signatures of {signer.name} have to be in a log")
        if signer.log == "tsa" and not any(one.source is TimeSource.TIMESTAMP_AUTHORITY for one in verified.times):
            return _finding(code="policy-log", what=f"signatures of {signer.name} have to have a time stamp")
        return None


def signer_rules(policy: Policy, key_ids: Mapping[str, str]) -> dict[str, SignerRule]:
    """Every signer of the file as a rule; ``key_ids`` has the key of each signer that is a key, by its name."""
    own = frozenset(policy.trust)
    return {name: SignerRule(signer=one, key_id=key_ids.get(name, ""), own=own) for name, one in policy.signers.items()}


def rules_for_file(policy: Policy, subject: Subject) -> tuple[PolicyRule, ...]:
    """The rules whose ``blobs`` name the file, by its path (with ``/``, as given but without ``.`` and ``..``) or its
    base name."""
    names = {subject.name, _straight(subject.location)}
    patterns = {rule.name: tuple(_straight(one) or one for one in rule.blobs) for rule in policy.rules}
    return tuple(rule for rule in policy.rules if any(_matches(patterns[rule.name], name) for name in names))


def rules_for_image(policy: Policy, repository: str) -> tuple[PolicyRule, ...]:
    """The rules whose ``images`` name the repository (as `sigstep.oci.reference` writes it; no tag, no digest)."""
    return tuple(
        rule for rule in policy.rules if _matches(rule.images, repository) and not _matches(rule.exclude, repository)
    )


def judge(
    policy: Policy,
    rules: tuple[PolicyRule, ...],
    subject: Subject,
    proofs: Sequence[Verified],
    key_ids: Mapping[str, str],
    now: datetime,
    legacy: Sequence[Verified] = (),
    circumstances: Circumstances = UNKNOWN,
) -> Judgement:
    """Every rule has to hold; a recall denies whatever the rules say; without a rule ``no-match`` decides.

    Args:
        rules: those that apply to the subject (`rules_for_file`, `rules_for_image`).
        proofs: all that was proved about the subject, whoever signed.
        key_ids: names of signers that are keys, to the hexadecimal SHA-256 of their SPKI.
        now: aware.
        legacy: those of ``proofs`` that are kept in cosign's tags; all others are bundles.
        circumstances: what demands on attestations depend on.
    """
    bad = recalled(policy.recalls, subject.digests, proofs, circumstances.related)
    if bad:
        return Judgement(decision=Decision.DENY, findings=bad)
    if policy.recall_list is not None and (policy.recalls_until is None or now > policy.recalls_until):
        return Judgement(decision=Decision.UNKNOWN, findings=(_stale(policy.recalls_until),))
    judgement = (
        _by_rules(policy, rules, proofs, key_ids, now, legacy, circumstances) if rules else _unnamed(policy, subject)
    )
    if not circumstances.whole and judgement.decision in (Decision.ADMIT, Decision.WARN) and _recalls_makers(policy):
        error = incomplete("the policy recalls by what made a signature, and one that was not found may be recalled")
        findings = (*judgement.findings, Finding.of(error, step="policy"))
        return Judgement(decision=Decision.UNKNOWN, findings=findings)
    return judgement


def needs_all(policy: Policy, rules: tuple[PolicyRule, ...]) -> bool:
    """Whether another proof could turn an acceptance around, so that every place has to be asked."""
    return _recalls_makers(policy) or any(hangs_on_all(one) for rule in rules for one in rule.attestations)


def _recalls_makers(policy: Policy) -> bool:
    return any(one.kind != "digest" for one in policy.recalls)


def _by_rules(
    policy: Policy,
    rules: tuple[PolicyRule, ...],
    proofs: Sequence[Verified],
    key_ids: Mapping[str, str],
    now: datetime,
    legacy: Sequence[Verified],
    circumstances: Circumstances,
) -> Judgement:
    made = _signed_by(signer_rules(policy, key_ids), proofs)
    decision, findings = Decision.ADMIT, list[Finding]()
    for rule in rules:
        counted = [one for one in proofs if _format(one, legacy) in rule.formats]
        try:
            found = _judge(rule, made, counted, now, circumstances)
        except Undecided as error:
            findings.append(Finding.of(error, step="policy"))
            decision = _worse(decision, Decision.UNKNOWN if rule.enforce else Decision.WARN)
            continue
        if found is None:
            continue
        findings.append(found)
        if found.code == _ALLOWED:
            continue
        decision = _worse(decision, Decision.DENY if rule.enforce else Decision.WARN)
    unresolved = [
        name for rule in rules for name in signers_of(rule) if policy.signers[name].key and name not in key_ids
    ]
    if unresolved and decision is not Decision.ADMIT:
        decision = Decision.UNKNOWN
        findings.append(_finding(code="policy-key-unresolved", what=f"the key of {unresolved[0]} could not be read"))
    return Judgement(decision=decision, findings=tuple(findings))


def _signed_by(rules: Mapping[str, SignerRule], proofs: Sequence[Verified]) -> dict[str, list[Verified]]:
    return {name: [one for one in proofs if rule.judge(one) is None] for name, rule in rules.items()}


def _judge(
    rule: PolicyRule,
    made: Mapping[str, list[Verified]],
    proofs: Sequence[Verified],
    now: datetime,
    circumstances: Circumstances,
) -> Finding | None:
    if rule.deny:
        return _finding(code="policy-denied", what=f"rule {rule.name} denies it", why=rule.deny)
    if rule.allow:
        assert rule.until is not None
        if now.date() <= rule.until:
            what = f"rule {rule.name} allows it without proof until {rule.until}"
            return _finding(code="policy-allowed", what=what, why=rule.allow)
        what = f"the allowance of rule {rule.name} ended on {rule.until}"
        return _finding(code="policy-allow-expired", what=what, why=rule.allow)
    signatures = [one for one in proofs if IsSignature().judge(one) is None]
    if rule.signature is not None and not reached(rule.signature, made, signatures):
        return _finding(
            code="policy-signature-missing",
            what=f"rule {rule.name} is not satisfied: too few of its signers signed",
            why=f"at least {rule.signature.count} of {', '.join(rule.signature.names)} have to",
        )
    return next(
        (
            found
            for one in rule.attestations
            if (found := judge_attested(rule.name, one, made, proofs, now, circumstances))
        ),
        None,
    )


def _worse(one: Decision, other: Decision) -> Decision:
    return max(one, other, key=(Decision.ADMIT, Decision.WARN, Decision.UNKNOWN, Decision.DENY).index)


def _format(proof: Verified, legacy: Sequence[Verified]) -> str:
    return "legacy" if any(one is proof for one in legacy) else "bundle"


def _stale(until: datetime | None) -> Finding:
    return Finding(
        code="policy-recalls-stale",
        what="nothing is known of recalls that are recent enough",
        why=f"the recall list counted until {until:%Y-%m-%dT%H:%M:%SZ}" if until else "the recall list was not read",
        fix="issue the list again: sigstep policy recall sign",
        step="policy",
    )


def _unnamed(policy: Policy, subject: Subject) -> Judgement:
    what = f"no rule of the policy names {subject.location or subject.name}"
    found = (_finding(code="policy-no-rule", what=what),)
    if policy.no_match == "deny" or not policy.rules:
        return Judgement(decision=Decision.DENY, findings=found)
    return Judgement(decision=Decision.WARN if policy.no_match == "warn" else Decision.ADMIT, findings=found)


def _straight(path: str) -> str:
    """A path without detours, so that none leads into a pattern from outside of it: ``tools/../x`` is ``x``."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return ("/" if path.startswith("/") else "") + "/".join(parts)


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    return any(Matcher(pattern, "glob").matches(name) for pattern in patterns)


def _finding(*, code: str, what: str, why: str = "") -> Finding:
    return Finding(code=code, what=what, why=why, fix="sign it as the policy asks, or change the policy", step="policy")
