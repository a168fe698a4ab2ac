"""Try a policy without artifacts: on test cases, and on what past reports recorded. Nothing is accepted by these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from sigstep.errors import FormatError, UsageError
from sigstep.flows.clauses import circumstances_of
from sigstep.flows.policies import OpenedPolicy
from sigstep.model import limits
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.verified import TimeSource
from sigstep.oci.reference import looks_like_image, parse_reference
from sigstep.policy.cases import Case, SupposedProof
from sigstep.policy.judging import Judgement, judge, rules_for_file, rules_for_image
from sigstep.ports.world import World
from sigstep.verification.supposed import Supposition, suppose
from sigstep.wire import strict_json

REPORT: Final = "sigstep/report/v1"
_OUTCOMES: Final = MappingProxyType(
    {"admit": "accepted", "warn": "accepted", "deny": "refused", "unknown": "undecided"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One case or recorded verdict: its name, what was expected or said before, and what the policy says."""

    name: str
    before: str
    judgement: Judgement
    held: bool


def try_cases(opened: OpenedPolicy, cases: Sequence[Case], world: World) -> tuple[Tried, ...]:
    """What the policy says about each case; its recall list has to be read before.

    Raises:
        UsageError: ``policy-case``: a proof names a key that is no signer of the policy; ``image-reference``.
    """
    opened = replace(opened, circumstances=circumstances_of(world))
    found = []
    for one in cases:
        now = one.at or world.clock.now()
        supposed = [_of_case(proof, one, opened, now) for proof in one.proofs]
        subject = _subject(one.image or one.file, one.digest, image=bool(one.image))
        made = _decide(opened, subject, supposed, now, image=bool(one.image))
        codes = {finding.code for finding in made.findings}
        held = made.decision is one.expect and set(one.codes) <= codes
        found.append(Tried(name=one.name, before=one.expect.value, judgement=made, held=held))
    return tuple(found)


def replay(opened: OpenedPolicy, reports: Sequence[bytes], world: World) -> tuple[Tried, ...]:
    """What the policy would say about everything that reports recorded, each as JSON of ``sigstep verify``.

    Raises:
        FormatError: ``replay-malformed``, or of the JSON.
    """
    opened = replace(opened, circumstances=circumstances_of(world))
    found: list[Tried] = []
    for data in reports:
        document = strict_json.loads(data, at_most=limits.BUNDLE_BYTES, name="report")
        try:
            if document["schema"] != REPORT:
                raise ValueError(document["schema"])
            found += [_replayed(one, opened, world) for one in document["verdicts"]]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FormatError(
                code="replay-malformed",
                what="the file is no report of sigstep verify",
                why=f"{type(error).__name__}: {error}"[:200],
                fix="write it with --format json",
            ) from None
    return tuple(found)


def _replayed(said: Mapping[str, Any], opened: OpenedPolicy, world: World) -> Tried:
    location = said["subject"]["location"] or said["subject"]["name"]
    image = looks_like_image(location)
    digests = tuple(Digest.parse(one) for one in said["subject"]["digests"])
    name = said["subject"]["name"]
    if image:
        subject = replace(_subject(location.partition("@")[0], digests[0], image=True), digests=digests)
    else:
        subject = Subject(name=name, digests=digests, location=location)
    supposed = [_recorded(one) for one in said["examinations"] if one["verified"] is not None]
    made = _decide(opened, subject, supposed, world.clock.now(), image=image)
    before = str(said["outcome"])
    return Tried(name=location, before=before, judgement=made, held=_OUTCOMES[made.decision.value] == before)


def _recorded(examination: Mapping[str, Any]) -> Supposition:
    said = examination["verified"]
    identity = said["identity"] or {}
    times = [
        (datetime.fromisoformat(one["time"]), one["source"] == TimeSource.TIMESTAMP_AUTHORITY.value)
        for one in said["times"]
    ]
    source = str(examination["source"])
    return Supposition(
        issuer=identity.get("issuer") or "",
        subject=identity.get("subject") or "",
        extensions=identity.get("extensions") or {},
        key_id=said["keyId"] or "",
        root=said["root"],
        type=said["predicateType"] or "",
        predicate=said["predicate"],
        logged=bool(said["entries"]),
        times=tuple(times),
        legacy=source.endswith("]") and (":sig[" in source or ":att[" in source),
    )


def _of_case(proof: SupposedProof, case: Case, opened: OpenedPolicy, now: datetime) -> Supposition:
    if proof.key and proof.key not in opened.key_ids:
        raise UsageError(
            code="policy-case",
            what=f"the case {case.name[:80]!r} names the key {proof.key[:80]!r}",
            why="no signer of the policy with that name is a key",
            fix="name a signer that has a key",
        )
    return Supposition(
        issuer=proof.issuer,
        subject=proof.subject,
        extensions=dict(proof.extensions),
        key_id=opened.key_ids[proof.key] if proof.key else "",
        root=proof.root,
        type=proof.type,
        predicate=proof.predicate,
        logged=proof.logged,
        times=((proof.time or now, proof.stamped),),
        legacy=proof.legacy,
    )


def _subject(name: str, digest: Digest, *, image: bool) -> Subject:
    if image:
        reference = parse_reference(name)
        return Subject(name=reference.name, digests=(digest,), location=f"{reference.name}@{digest}")
    return Subject(name=name.rpartition("/")[2], digests=(digest,), location=name)


def _decide(
    opened: OpenedPolicy, subject: Subject, supposed: Sequence[Supposition], now: datetime, *, image: bool
) -> Judgement:
    rules = rules_for_image(opened.policy, subject.name) if image else rules_for_file(opened.policy, subject)
    proofs = [suppose(one, subject) for one in supposed]
    legacy = [proof for proof, one in zip(proofs, supposed, strict=True) if one.legacy]
    return judge(opened.policy, rules, subject, proofs, opened.key_ids, now, legacy, circumstances=opened.circumstances)
