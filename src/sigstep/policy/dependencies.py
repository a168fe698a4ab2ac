"""Rules about changed dependencies: pure functions of a change and the evidence on both sides."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from sigstep.model.dependency import Change, EvidenceState, Judged, Level, PackageEvidence, Publisher
from sigstep.policy.changes import hash_changed, is_local, source_change
from sigstep.policy.publisher import RISKY_TRIGGERS, differences, repository_address

FRESH: Final = timedelta(days=14)  # the window in which package indexes themselves compare
TOO_NEW: Final = timedelta(days=3)  # stolen tokens were noticed within hours to two days


class Profile(enum.Enum):
    """How strict the rules are: ``report`` never fails."""

    RECOMMENDED = "recommended"
    STRICT = "strict"
    REPORT = "report"


_FAIL, _WARN, _NOTE = Level.FAIL, Level.WARN, Level.NOTE
LEVELS: Final[Mapping[str, tuple[Level, Level]]] = MappingProxyType(
    {
        # rule: level in recommended, in strict
        "attestation-invalid": (_FAIL, _FAIL),
        "digest-mismatch": (_FAIL, _FAIL),
        "subject-mismatch": (_FAIL, _FAIL),
        "hash-changed-same-version": (_FAIL, _FAIL),
        "registry-signature-invalid": (_FAIL, _FAIL),
        "publisher-changed": (_FAIL, _FAIL),
        "provenance-lost": (_FAIL, _FAIL),
        "source-changed": (_FAIL, _FAIL),
        "policy-violation": (_FAIL, _FAIL),
        "quarantined": (_FAIL, _FAIL),
        "owner-transferred": (_WARN, _FAIL),
        "provenance-lost-in-history": (_WARN, _FAIL),
        "trusted-publisher-lost": (_WARN, _FAIL),
        "provenance-partial": (_WARN, _FAIL),
        "provenance-inconsistent": (_WARN, _FAIL),
        "builder-weakened": (_WARN, _FAIL),
        "environment-lost": (_WARN, _FAIL),
        "self-hosted-runner": (_WARN, _FAIL),
        "first-provenance-elsewhere": (_WARN, _FAIL),
        "source-not-registry": (_WARN, _FAIL),
        "lockfile-removed": (_WARN, _FAIL),
        "risky-trigger": (_WARN, _WARN),
        "yanked": (_WARN, _WARN),
        "workflow-changed": (_NOTE, _FAIL),
        "evidence-unavailable": (_NOTE, _FAIL),
        "index-without-attestations": (_NOTE, _FAIL),
        "unsupported-format": (_NOTE, _FAIL),
        "ref-kind-changed": (_NOTE, _WARN),
        "too-new": (_NOTE, _WARN),
        "unpinned": (_NOTE, _WARN),
        "no-provenance": (_NOTE, _NOTE),
        "gained-provenance": (_NOTE, _NOTE),
        "renamed": (_NOTE, _NOTE),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A finding that people took, for one rule and version, until a day.

    ``package`` is ``ecosystem:name``; ``to`` the new version; ``expires`` an aware time.
    """

    package: str
    rule: str
    to: str
    reason: str
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedPublisher:
    """Who has to publish a package, ``ecosystem:name``; empty fields ask nothing."""

    package: str
    issuer: str = ""
    repository: str = ""
    repository_id: str = ""
    workflow: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyPolicy:
    """The profile, and what the repository's policy file says about dependencies."""

    profile: Profile = Profile.RECOMMENDED
    publishers: tuple[PinnedPublisher, ...] = ()
    acceptances: tuple[Acceptance, ...] = ()


def judge(
    change: Change, new: PackageEvidence, old: PackageEvidence | None, policy: DependencyPolicy, *, now: datetime
) -> tuple[Judged, ...]:
    """Every finding about one change, worst first.

    Args:
        change: what changed.
        new: evidence about the new version.
        old: evidence about the replaced one; None where nothing was replaced.
        policy: profile, pinned publishers and acceptances.
        now: aware, UTC.
    """
    found = [
        *_of_lockfile(change),
        *((one.code, one.what + (f": {one.why}" if one.why else "")) for one in new.problems),
        *_of_state(new, old, now),
        *_of_publishers(new, old),
        *_of_pins(change, new, policy.publishers),
    ]
    judged = [_level(rule, message, policy.profile) for rule, message in found]
    judged.extend(_raised(new, old, policy.profile))
    taken = [_accepted(one, change, policy.acceptances, now) for one in judged]
    return tuple(sorted(taken, key=lambda one: list(Level).index(one.level)))


def _of_lockfile(change: Change) -> Iterable[tuple[str, str]]:
    if hash_changed(change):
        yield "hash-changed-same-version", "the version is the same and its hash is another"
    rule, message = source_change(change)
    if rule:
        yield rule, message
    if not any(one.digests for one in change.new.files) and not is_local(change.new):
        yield "unpinned", "the lockfile has no hash for it"


def _of_state(new: PackageEvidence, old: PackageEvidence | None, now: datetime) -> Iterable[tuple[str, str]]:
    was = old.state if old else None
    age = now - new.published if new.published else None
    if new.status in {"quarantined", "yanked"}:
        yield new.status, f"the registry has {new.status} it"
    if new.state is EvidenceState.ABSENT:
        if was is EvidenceState.VERIFIED:
            yield "provenance-lost", "the replaced version was published with provenance, this one was not"
        elif new.history_attested and age is not None and age < FRESH:
            yield "provenance-lost-in-history", "earlier versions have attestations, this young one has none"
        else:
            yield "no-provenance", "it was published without provenance"
    if old and old.trusted_publisher and new.trusted_publisher is False:
        yield "trusted-publisher-lost", "a trusted publisher uploaded the replaced version, but not this one"
    if age is not None and age < TOO_NEW:
        yield "too-new", f"it was published {max(0, int(age.total_seconds() // 3600))} hours ago"


def _of_publishers(new: PackageEvidence, old: PackageEvidence | None) -> Iterable[tuple[str, str]]:
    if new.state is not EvidenceState.VERIFIED:
        return
    if len(_projects(new.publishers)) > 1:
        yield "provenance-inconsistent", "its files were published by several repositories"
    if new.attested < new.files and (old is None or old.attested == old.files):
        yield "provenance-partial", f"{new.attested} of {new.files} locked files have provenance"
    if old is None or old.state is not EvidenceState.VERIFIED:
        yield from _first(new, old)
        return
    for publisher in new.publishers:
        options = [differences(before, publisher) for before in old.publishers]
        yield from min(options, key=_weight, default=())


def _first(new: PackageEvidence, old: PackageEvidence | None) -> Iterable[tuple[str, str]]:
    declared = repository_address(old.declared_repository) if old else ""
    other = [one.repository for one in new.publishers if declared and one.repository != declared]
    if other:
        yield "first-provenance-elsewhere", f"the package named {declared}, its first provenance names {other[0]}"
    elif old is not None and old.state is EvidenceState.ABSENT:
        yield "gained-provenance", "it has provenance now; the replaced version had none"
    for publisher in new.publishers:
        if publisher.trigger in RISKY_TRIGGERS:
            yield "risky-trigger", f"it was built by {publisher.trigger}"


def _of_pins(change: Change, new: PackageEvidence, pins: Sequence[PinnedPublisher]) -> Iterable[tuple[str, str]]:
    package = f"{change.new.ecosystem}:{change.new.name}"
    wanted = [pin for pin in pins if pin.package == package]
    if not wanted:
        return
    if new.state is not EvidenceState.VERIFIED or new.attested < new.files:
        yield "policy-violation", "the policy names its publisher, and not every locked file has verified provenance"
    for publisher in new.publishers:
        if not any(_matches(pin, publisher) for pin in wanted):
            yield "policy-violation", f"{publisher.repository or publisher.subject} is not the publisher in the policy"


def _matches(pin: PinnedPublisher, publisher: Publisher) -> bool:
    asked = (
        (pin.issuer, publisher.issuer),
        (repository_address(pin.repository), publisher.repository),
        (pin.repository_id, publisher.repository_id),
        (pin.workflow, publisher.workflow.rpartition("/")[2]),
    )
    return any(wanted for wanted, _ in asked) and all(not wanted or wanted == said for wanted, said in asked)


_NOT_CHECKED: Final[Mapping[EvidenceState, str]] = MappingProxyType(
    {
        EvidenceState.ADVERTISED_UNAVAILABLE: "evidence-unavailable",
        EvidenceState.ERROR: "evidence-unavailable",
        EvidenceState.NOT_SERVED: "index-without-attestations",
        EvidenceState.UNSUPPORTED: "unsupported-format",
    }
)


def _raised(new: PackageEvidence, old: PackageEvidence | None, profile: Profile) -> Iterable[Judged]:
    """What could not be checked: a note, and a warning where the replaced version was verified."""
    rule = _NOT_CHECKED.get(new.state)
    if rule is None:
        return
    judged = _level(rule, f"its attestations could not be checked: {new.why or new.state.value}", profile)
    had = old is not None and old.state is EvidenceState.VERIFIED
    if had and judged.level is Level.NOTE and profile is not Profile.REPORT:
        judged = Judged(rule=rule, level=Level.WARN, message=judged.message + "; the replaced version was verified")
    yield judged


def _level(rule: str, message: str, profile: Profile) -> Judged:
    recommended, strict = LEVELS[rule]
    level = {Profile.RECOMMENDED: recommended, Profile.STRICT: strict, Profile.REPORT: Level.NOTE}[profile]
    return Judged(rule=rule, level=level, message=message)


def _accepted(judged: Judged, change: Change, acceptances: Sequence[Acceptance], now: datetime) -> Judged:
    new = change.new
    for one in acceptances:
        same = (one.package, one.rule, one.to) == (f"{new.ecosystem}:{new.name}", judged.rule, new.version)
        if same and now < one.expires:
            return Judged(rule=judged.rule, level=Level.NOTE, message=f"{judged.message} (accepted: {one.reason})")
    return judged


def _projects(publishers: Sequence[Publisher]) -> set[tuple[str, str]]:
    return {(one.issuer, one.repository_id or one.repository or one.subject) for one in publishers}


def _weight(found: tuple[tuple[str, str], ...]) -> tuple[int, int]:
    order = list(Level)
    return min((order.index(LEVELS[rule][0]) for rule, _ in found), default=len(order)) * -1, len(found)
