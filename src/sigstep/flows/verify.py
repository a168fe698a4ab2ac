"""Verify artifacts: find their bundles, prove each, judge what was proved."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sigstep.errors import NothingToExamine, Refusal, SigstepError
from sigstep.model.digest import Algorithm, Digest
from sigstep.model.subject import Subject
from sigstep.model.trust import Thresholds, TrustMaterial
from sigstep.model.verdict import Examination, Finding, Report, Verdict
from sigstep.policy.rule import Rule
from sigstep.ports.store import Found
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
        thresholds: instead of those of each signer's instance.
    """

    targets: tuple[Path | Digest, ...]
    rule: Rule
    trust: TrustMaterial
    bundles: tuple[Path, ...] = ()
    thresholds: Thresholds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parsed:
    bundles: tuple[tuple[str, Signed], ...] = ()
    findings: tuple[Finding, ...] = field(default=())


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
    unique = dict.fromkeys(request.targets)
    return Report(verdicts=tuple(_verdict(target, named, request, trust, world) for target in unique))


def _verdict(
    target: Path | Digest, named: _Parsed, request: VerifyRequest, trust: PreparedTrust, world: World
) -> Verdict:
    if request.bundles or isinstance(target, Digest):
        parsed = named
    else:
        parsed = _parse(find_beside(target))
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
    return verdict_of(subject, examinations, parsed.findings)


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
