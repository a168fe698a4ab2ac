"""Verify artifacts: find their bundles, prove each, judge what was proved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sigstep.errors import NothingToExamine, Refusal, SigstepError
from sigstep.flows.bundles import Detached, read_detached
from sigstep.model.digest import Algorithm, Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import ThresholdOverrides, Thresholds, TrustMaterial
from sigstep.model.verdict import Examination, Finding, Outcome, Report, Verdict
from sigstep.policy.rule import Rule, any_signer_reason
from sigstep.ports.store import Finder, Found
from sigstep.ports.world import World
from sigstep.proofs.content import claimed_digests
from sigstep.proofs.prepared import PreparedTrust, prepare
from sigstep.stores.beside import Beside, read_bundles
from sigstep.subjects.directory import files_below
from sigstep.subjects.hashing import hash_file
from sigstep.verification.pipeline import examine_bundle, left_open, verdict_of
from sigstep.wire.signed_document import Signed, parse_signed

if TYPE_CHECKING:
    from sigstep.flows.policies import OpenedPolicy

_MANY: Final = 64  # targets that are spread over all cores; below, starting processes costs more than it saves
_ASK_THE_LOG: Final = (
    "this format has no place for a log entry: verify without --offline, so that the log is asked for it"
)
_UNRELATED: Final = 32  # bundles about other artifacts that are examined to say why they are refused


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """What to verify, by which rule, against which trust.

    Attributes:
        targets: files, folders (every file below) or digests, at least one.
        rule: what the policy asks of a proof.
        trust: whose signatures count.
        bundles: files of bundles, for every target; without them bundles are looked for beside each file.
        detached: a signature in files of its own, for every target.
        online: ask a Rekor v1 log for the entry of a signature whose format has no place for it.
        finders: where else to look, in order, for targets that nothing is at hand for.
        ask_always: look there too for targets whose bundles at hand are not enough.
        thorough: ask every place whatever was found before; a policy file that asks something of all attestations does
            so by itself.
        thresholds: instead of those of each signer's instance.
        policy: the policy file that judges all proofs of a target together; ``rule`` is then the one it compiles to.
    """

    targets: tuple[Path | Digest, ...]
    rule: Rule
    trust: TrustMaterial
    bundles: tuple[Path, ...] = ()
    detached: Detached | None = None
    online: bool = False
    finders: tuple[Finder, ...] = ()
    ask_always: bool = False
    thorough: bool = False
    thresholds: Thresholds | ThresholdOverrides | None = None
    policy: OpenedPolicy | None = None

    @property
    def named(self) -> bool:
        """Whether the signatures are named, so that none is looked for."""
        return bool(self.bundles) or self.detached is not None

    def needs_all(self, subject: Subject) -> bool:
        """Whether bundles that are enough do not end the search: another one could turn the verdict around."""
        if self.thorough or self.policy is None:
            return self.thorough
        from sigstep.policy.judging import needs_all, rules_for_file

        return needs_all(self.policy.policy, rules_for_file(self.policy.policy, subject))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """A bundle as found, and the digests that it says it is about (None: it does not say)."""

    source: str
    signed: Signed
    digests: frozenset[Digest] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parsed:
    bundles: tuple[_Claim, ...] = ()
    findings: tuple[Finding, ...] = ()

    def and_also(self, other: _Parsed) -> _Parsed:
        return _Parsed(bundles=self.bundles + other.bundles, findings=self.findings + other.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One target: what is known about it, and its verdict so far.

    ``open``: whether other places are asked; ``unasked``: one of them could not be; ``whole``: each of them told all
    that it has.
    """

    target: Path | Digest
    parsed: _Parsed
    verdict: Verdict
    open: bool = False
    unasked: bool = False
    whole: bool = True


def verify(request: VerifyRequest, world: World) -> Report:
    """Examine every target; an accepted one has at least one bundle that the rule takes.

    Raises:
        NothingToExamine: ``no-subject``, ``directory-empty``, or a target or bundle file does not exist.
        Undecided: something cannot be read.
    """
    if not request.targets:
        raise NothingToExamine(code="no-subject", what="nothing is named to verify", fix="name at least one file")
    if request.policy is not None:
        from sigstep.flows.clauses import circumstances_of
        from sigstep.flows.recalls import with_recalls

        opened = with_recalls(request.policy, request.trust, world.clock.now())
        request = replace(request, policy=replace(opened, circumstances=circumstances_of(world)))
    trust = prepare(request.trust)
    named = _parse(tuple(one for path in request.bundles for one in read_bundles(path)))
    if request.detached is not None:
        named = named.and_also(
            _Parsed(bundles=(_claim(str(request.detached.signature), read_detached(request.detached)),))
        )
    targets = _targets(request)
    beside = Beside()

    def at_hand(target: Path | Digest) -> _Case:
        return _at_hand(target, named, request, trust, world, beside)

    cases = _each(at_hand, targets)
    for finder in request.finders:
        cases = _sought(finder, cases, request, trust, world)
    return Report(
        verdicts=tuple(_final(case) for case in cases),
        policy_digest=str(request.policy.policy.digest) if request.policy else "",
        any_signer=any_signer_reason(request.rule),
    )


def _each(work: Callable[[Path | Digest], _Case], targets: tuple[Path | Digest, ...]) -> list[_Case]:
    if len(targets) < _MANY:
        return [work(target) for target in targets]
    from sigstep.flows.many import over_cores

    return over_cores(work, targets)


def _at_hand(
    target: Path | Digest,
    named: _Parsed,
    request: VerifyRequest,
    trust: PreparedTrust,
    world: World,
    beside: Beside,
) -> _Case:
    parsed = _parse(beside.find(target)) if not request.named and isinstance(target, Path) else named
    verdict = _verdict(target, parsed, request, trust, world)
    if verdict.outcome is Outcome.ACCEPTED:
        wanting = (request.ask_always or not parsed.bundles) and request.needs_all(verdict.subject)
    else:
        wanting = request.ask_always or not parsed.bundles
    return _Case(target=target, parsed=parsed, verdict=verdict, open=wanting)


def _sought(
    finder: Finder, cases: list[_Case], request: VerifyRequest, trust: PreparedTrust, world: World
) -> list[_Case]:
    """The cases after one more place was asked about those that are still open, all at once."""
    wanting = [case for case in cases if case.open]
    if not wanting:
        return cases
    found: Mapping[Digest, tuple[Found, ...]] = {}
    failure: tuple[Finding, ...] = ()
    unasked = False
    try:
        found = finder.find([case.verdict.subject for case in wanting], world)
    except SigstepError as error:
        failure, unasked = (Finding.of(error, step="search", source=finder.name),), not isinstance(error, Refusal)
    after = []
    for case in cases:
        if not case.open:
            after.append(case)
            continue
        about = tuple(one for digest in case.verdict.subject.digests for one in found.get(digest, ()))
        parsed = case.parsed.and_also(_parse(about)).and_also(_Parsed(findings=failure))
        whole = case.whole and not failure
        verdict = _verdict(case.target, parsed, request, trust, world, whole=whole)
        after.append(
            replace(
                case,
                parsed=parsed,
                verdict=verdict,
                open=verdict.outcome is not Outcome.ACCEPTED or request.needs_all(verdict.subject),
                unasked=case.unasked or unasked,
                whole=whole,
            )
        )
    return after


def _final(case: _Case) -> Verdict:
    return left_open(case.verdict) if case.unasked else case.verdict


def _verdict(
    target: Path | Digest,
    parsed: _Parsed,
    request: VerifyRequest,
    trust: PreparedTrust,
    world: World,
    *,
    whole: bool = True,
) -> Verdict:
    subject = _subject(target, parsed, request.policy)
    now = world.clock.now()
    examinations: list[Examination] = []
    findings = list(parsed.findings)
    unasked = False
    for claim in _about(subject, parsed):
        source, signed = claim.source, claim.signed
        one = _examine(source, signed, subject, request, trust, now)
        elsewhere = one.finding if signed.entry_elsewhere else None
        if elsewhere and elsewhere.code == "entry-threshold" and not request.online:
            one = replace(one, finding=replace(elsewhere, fix=_ASK_THE_LOG))
        elif elsewhere and elsewhere.code == "entry-threshold":
            from sigstep.flows.lookup import look_up

            try:
                found = look_up(signed, subject, trust, world)
            except SigstepError as error:
                findings.append(Finding.of(error, step="log", source=source))
                found, whole = (), False
                unasked = unasked or not isinstance(error, Refusal)
            looked = [_examine(source, each, subject, request, trust, now) for each in found]
            one = next((each for each in looked if each.finding is None), looked[0] if looked else one)
        examinations.append(one)
    verdict = replace(verdict_of(subject, examinations, findings), whole=whole)
    if request.policy is not None:
        from sigstep.flows.judged import judged  # policies are read where one judges: start-up is lean

        told = verdict.findings or tuple(findings)  # what went wrong is of weight where the policy does not take it
        verdict = judged(replace(verdict, findings=told), request.policy, now)
    return left_open(verdict) if unasked else verdict


def _examine(
    source: str, signed: Signed, subject: Subject, request: VerifyRequest, trust: PreparedTrust, now: datetime
) -> Examination:
    return examine_bundle(
        source,
        signed.bundle,
        subject,
        trust,
        request.rule,
        now=now,
        thresholds=request.thresholds,
        original=signed.original,
    )


def _about(subject: Subject, parsed: _Parsed) -> tuple[_Claim, ...]:
    """The bundles that may be about the subject; where there is none, some that say themselves why they are not."""
    wanted = frozenset(subject.digests)
    may = tuple(one for one in parsed.bundles if one.digests is None or not wanted.isdisjoint(one.digests))
    return may or parsed.bundles[:_UNRELATED]


def _targets(request: VerifyRequest) -> tuple[Path | Digest, ...]:
    """Every target once; a folder is the files below it, without the bundles that are named."""
    found: dict[Path | Digest, None] = {}
    for target in request.targets:
        if isinstance(target, Path) and target.is_dir():
            found.update(dict.fromkeys(files_below(target, named=request.bundles)))
        else:
            found[target] = None
    return tuple(found)


def _parse(found: tuple[Found, ...]) -> _Parsed:
    bundles: list[_Claim] = []
    findings: list[Finding] = []
    for one in found:
        try:
            bundles.extend(_claim(one.source, signed) for signed in parse_signed(one.data))
        except Refusal as error:
            findings.append(Finding.of(error, step="bundle", source=one.source))
    return _Parsed(bundles=tuple(bundles), findings=tuple(findings))


def _claim(source: str, signed: Signed) -> _Claim:
    return _Claim(source=source, signed=signed, digests=claimed_digests(signed.bundle.content))


def _subject(target: Path | Digest, parsed: _Parsed, opened: OpenedPolicy | None) -> Subject:
    if isinstance(target, Digest):
        return Subject(name=str(target), digests=(target,), location=str(target))
    wanted = {Algorithm.SHA256}
    for one in parsed.bundles:  # a message signature that does not say may be over any of them
        wanted |= set(Algorithm) if one.digests is None else {digest.algorithm for digest in one.digests}
    for recall in opened.policy.recalls if opened else ():
        wanted |= {Digest.parse(recall.value).algorithm} if recall.kind == "digest" else set()
    return Subject(name=target.name, digests=hash_file(target, wanted), location=target.as_posix())
