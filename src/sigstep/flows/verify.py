"""Verify artifacts: find their bundles, prove each, judge what was proved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sigstep.errors import NothingToExamine, Refusal, SigstepError
from sigstep.flows.policies import OpenedPolicy
from sigstep.model.digest import Algorithm, Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import Thresholds, TrustMaterial
from sigstep.model.verdict import Examination, Finding, Outcome, Report, Verdict
from sigstep.policy.judging import Decision, judge, rules_for_file
from sigstep.policy.rule import Rule
from sigstep.ports.store import Finder, Found
from sigstep.ports.world import World
from sigstep.proofs.content import wanted_algorithms
from sigstep.proofs.prepared import PreparedTrust, prepare
from sigstep.stores.beside import find_beside, read_bundles
from sigstep.subjects.hashing import hash_file
from sigstep.verification.pipeline import examine_bundle, verdict_of
from sigstep.wire.signed_document import Signed, parse_signed


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """What to verify, by which rule, against which trust.

    Attributes:
        targets: files or digests, at least one.
        rule: what the policy asks of a proof.
        trust: whose signatures count.
        bundles: files of bundles, for every target; without them bundles are looked for beside each file.
        finders: where else to look, in order, for targets that nothing so far was enough for.
        thresholds: instead of those of each signer's instance.
        policy: the policy file that judges all proofs of a target together; ``rule`` is then the one it compiles to.
    """

    targets: tuple[Path | Digest, ...]
    rule: Rule
    trust: TrustMaterial
    bundles: tuple[Path, ...] = ()
    finders: tuple[Finder, ...] = ()
    thresholds: Thresholds | None = None
    policy: OpenedPolicy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parsed:
    bundles: tuple[tuple[str, Signed], ...] = ()
    findings: tuple[Finding, ...] = ()

    def and_also(self, other: _Parsed) -> _Parsed:
        return _Parsed(bundles=self.bundles + other.bundles, findings=self.findings + other.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One target: what is known about it, and its verdict so far; ``unasked``: a place could not be asked."""

    target: Path | Digest
    parsed: _Parsed
    verdict: Verdict
    unasked: bool = False


def verify(request: VerifyRequest, world: World) -> Report:
    """Examine every target; an accepted one has at least one bundle that the rule takes.

    Raises:
        NothingToExamine: ``no-subject``, or a target or bundle file does not exist.
        Undecided: something cannot be read.
    """
    if not request.targets:
        raise NothingToExamine(code="no-subject", what="nothing is named to verify", fix="name at least one file")
    trust = prepare(request.trust)
    named = _parse(tuple(one for path in request.bundles for one in read_bundles(path)))
    cases = [_at_hand(target, named, request, trust, world) for target in dict.fromkeys(request.targets)]
    for finder in request.finders:
        cases = _sought(finder, cases, request, trust, world)
    return Report(
        verdicts=tuple(_final(case) for case in cases),
        policy_digest=str(request.policy.policy.digest) if request.policy else "",
    )


def _at_hand(
    target: Path | Digest, named: _Parsed, request: VerifyRequest, trust: PreparedTrust, world: World
) -> _Case:
    beside = not request.bundles and isinstance(target, Path)
    parsed = _parse(find_beside(target)) if beside and isinstance(target, Path) else named
    return _Case(target=target, parsed=parsed, verdict=_verdict(target, parsed, request, trust, world))


def _sought(
    finder: Finder, cases: list[_Case], request: VerifyRequest, trust: PreparedTrust, world: World
) -> list[_Case]:
    """The cases after one more place was asked about those that are still open, all at once."""
    still_open = [case for case in cases if case.verdict.outcome is not Outcome.ACCEPTED]
    if not still_open:
        return cases
    found: Mapping[Digest, tuple[Found, ...]] = {}
    failure: tuple[Finding, ...] = ()
    unasked = False
    try:
        found = finder.find([case.verdict.subject for case in still_open], world)
    except SigstepError as error:
        failure, unasked = (Finding.of(error, step="search", source=finder.name),), not isinstance(error, Refusal)
    after = []
    for case in cases:
        if case.verdict.outcome is Outcome.ACCEPTED:
            after.append(case)
            continue
        about = tuple(one for digest in case.verdict.subject.digests for one in found.get(digest, ()))
        parsed = case.parsed.and_also(_parse(about)).and_also(_Parsed(findings=failure))
        verdict = _verdict(case.target, parsed, request, trust, world)
        after.append(_Case(target=case.target, parsed=parsed, verdict=verdict, unasked=case.unasked or unasked))
    return after


def _final(case: _Case) -> Verdict:
    """A refusal is none while a place that might know better could not be asked."""
    if case.unasked and case.verdict.outcome is Outcome.REFUSED:
        return replace(case.verdict, outcome=Outcome.UNDECIDED)
    return case.verdict


def _verdict(
    target: Path | Digest, parsed: _Parsed, request: VerifyRequest, trust: PreparedTrust, world: World
) -> Verdict:
    subject = _subject(target, parsed)
    now = world.clock.now()
    examinations: list[Examination] = [
        examine_bundle(
            source,
            signed.bundle,
            subject,
            trust,
            request.rule,
            now=now,
            thresholds=request.thresholds,
            original=signed.original,
        )
        for source, signed in parsed.bundles
    ]
    verdict = verdict_of(subject, examinations, parsed.findings)
    return verdict if request.policy is None else _judged(verdict, request.policy, now)


def _judged(verdict: Verdict, opened: OpenedPolicy, now: datetime) -> Verdict:
    """The verdict of the policy file over all proofs of the subject; what went wrong before stays told."""
    proofs = [one.verified for one in verdict.examinations if one.verified is not None]
    rules = rules_for_file(opened.policy, verdict.subject)
    judgement = judge(opened.policy, rules, verdict.subject, proofs, opened.key_ids, now)
    if judgement.decision in (Decision.ADMIT, Decision.WARN):
        return replace(verdict, outcome=Outcome.ACCEPTED, findings=judgement.findings)
    outcome = Outcome.REFUSED if judgement.decision is Decision.DENY else Outcome.UNDECIDED
    return replace(verdict, outcome=outcome, findings=(*judgement.findings, *verdict.findings))


def _parse(found: tuple[Found, ...]) -> _Parsed:
    bundles: list[tuple[str, Signed]] = []
    findings: list[Finding] = []
    for one in found:
        try:
            bundles.extend((one.source, signed) for signed in parse_signed(one.data))
        except Refusal as error:
            findings.append(Finding.of(error, step="bundle", source=one.source))
    return _Parsed(bundles=tuple(bundles), findings=tuple(findings))


def _subject(target: Path | Digest, parsed: _Parsed) -> Subject:
    if isinstance(target, Digest):
        return Subject(name=str(target), digests=(target,), location=str(target))
    wanted = {Algorithm.SHA256}
    for _, signed in parsed.bundles:
        try:
            wanted |= wanted_algorithms(signed.bundle.content)
        except SigstepError:
            continue  # a payload that is no statement is refused by the pipeline, with its reason
    return Subject(name=target.name, digests=hash_file(target, wanted), location=str(target))
