"""Judging changed dependencies: pure functions of a change and the evidence on both sides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from sigstep.model.dependency import (
    Change,
    EvidenceState,
    Judged,
    Level,
    Locked,
    PackageEvidence,
    PinnedPublisher,
    Publisher,
)
from sigstep.policy.changes import hash_changed, is_local, ref_moved, source_change
from sigstep.policy.dependency_rules import LEVELS, Acceptance, DependencyPolicy, Profile
from sigstep.policy.matcher import Matcher
from sigstep.policy.publisher import RISKY_TRIGGERS, differences, repository_address
from sigstep.policy.recalls import Recall, names_value

FRESH: Final = timedelta(days=14)  # the window in which package indexes themselves compare
TOO_NEW: Final = timedelta(days=3)  # stolen tokens were noticed within hours to two days
_NAMES: Final = re.compile(r"[\w@/.:+~^-]+", re.ASCII)
_FAILED: Final = frozenset({"failure", "cancelled", "timed_out", "startup_failure"})


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
        *_of_lockfile(change, policy),
        *((one.code, one.what + (f": {one.why}" if one.why else "")) for one in new.problems),
        *_of_state(new, old, now),
        *_of_publishers(new, old, anybody=change.new.ecosystem == "oci"),
        *_of_pins(change, new, policy),
        *_of_recalls(change, new, policy.recalls),
    ]
    judged = [policy.finding(rule, message) for rule, message in dict.fromkeys(found)]
    judged.extend(_raised(new, old, policy))
    taken = [_accepted(one, change, new, policy.acceptances, now) for one in judged]
    return tuple(sorted(taken, key=lambda one: list(Level).index(one.level)))


def _of_lockfile(change: Change, policy: DependencyPolicy) -> Iterable[tuple[str, str]]:
    new, old = change.new, change.old
    if hash_changed(change):
        yield "hash-changed-same-version", "the version is the same and its hash is another"
    rule, message = source_change(change, policy.sources)
    if rule:
        yield rule, message
    if ref_moved(change):
        yield "ref-moved", f"{new.ref} stood for the commit {old.commit if old else ''}, now for {new.commit}"
    if old and old.repository_id and new.repository_id and old.repository_id != new.repository_id:
        yield "repo-id-changed", f"the repository's id was {old.repository_id}, now it is {new.repository_id}"
    elif old and old.owner_id and new.owner_id and old.owner_id != new.owner_id:
        yield "owner-transferred", f"the owner's id was {old.owner_id}, now it is {new.owner_id}"
    if not new.pinned and not is_local(new):
        yield _unpinned(new, old)


def _unpinned(new: Locked, old: Locked | None) -> tuple[str, str]:
    if old is None or not old.pinned:
        return "unpinned", "the lockfile has no hash for it"
    was = old.commit or next(str(digest) for file in old.files for digest in file.digests)
    return "pin-lost", f"{was} was locked, now it is {new.version or new.source} without a hash or commit"


def _of_state(new: PackageEvidence, old: PackageEvidence | None, now: datetime) -> Iterable[tuple[str, str]]:
    was = old.state if old else None
    age = now - new.published if new.published else None
    if new.status in {"quarantined", "yanked"}:
        yield new.status, f"the registry has {new.status} it"
    if new.state is EvidenceState.ABSENT:
        if was is EvidenceState.VERIFIED:
            who = ", ".join(one.repository or one.subject for one in old.publishers) if old else "its publisher"
            yield (
                "provenance-lost",
                f"the replaced version has provenance of {who}, this one has none",
            )
        elif new.history_attested and age is not None and age < FRESH:
            yield "provenance-lost-in-history", "earlier versions have attestations, this young one has none"
        else:
            yield "no-provenance", "it was published without provenance"
    for one in old.problems if old else ():
        if one.code == "ref-moved":
            yield "ref-moved", f"of the replaced version: {one.what}: {one.why}"
    if old and old.trusted_publisher and new.trusted_publisher is False:
        yield "trusted-publisher-lost", "a trusted publisher uploaded the replaced version, but not this one"
    if new.run_conclusion in _FAILED:
        yield "publishing-run-failed", f"the run that published it ended in {new.run_conclusion}"
    if age is not None and age < TOO_NEW:
        yield "too-new", f"it was published {max(0, int(age.total_seconds() // 3600))} hours ago"


def _of_publishers(new: PackageEvidence, old: PackageEvidence | None, *, anybody: bool) -> Iterable[tuple[str, str]]:
    """What the publishers say; ``anybody``: who may push can add signatures, so that one known publisher is enough."""
    if new.state is EvidenceState.ASSERTED and old and old.state in {EvidenceState.ASSERTED, EvidenceState.VERIFIED}:
        for publisher in new.publishers:
            said = [_asserted(before, publisher) for before in old.publishers]
            yield from min(said, key=_weight, default=())
    if new.state is not EvidenceState.VERIFIED:
        return
    if len(_projects(new.publishers)) > 1 and not anybody:
        yield "provenance-inconsistent", "its files were published by several repositories"
    if new.attested < new.files and (old is None or old.attested == old.files):
        yield "provenance-partial", f"{new.attested} of {new.files} locked files have provenance"
    if old is not None and old.state is EvidenceState.ASSERTED and old.publishers:
        old = replace(old, declared_repository=old.publishers[0].repository)
    if old is None or old.state is not EvidenceState.VERIFIED:
        yield from _first(new, old)
        return
    compared = [[differences(before, publisher) for before in old.publishers] for publisher in new.publishers]
    if anybody:
        compared = [[one for each in compared for one in each]]
    for options in compared:
        yield from min(options, key=_weight, default=())


def _asserted(old: Publisher, new: Publisher) -> tuple[tuple[str, str], ...]:
    """What the registry's word alone tells: another issuer or repository."""
    same = (old.issuer, old.repository) == (new.issuer, new.repository)
    message = f"the registry said {old.repository or old.subject}, now it says {new.repository or new.subject}"
    return () if same else (("publisher-changed", message),)


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


def _of_pins(change: Change, new: PackageEvidence, policy: DependencyPolicy) -> Iterable[tuple[str, str]]:
    package = f"{change.new.ecosystem}:{change.new.name}"
    wanted = [pin for pin in policy.publishers if _meant(pin.package, package)]
    proved = new.state is EvidenceState.VERIFIED and new.attested >= new.files
    if not proved and any(_meant(one, package) for one in policy.require):
        yield "policy-violation", "the policy requires provenance, and not every locked file has it verified"
    for pins, who in ((wanted, "the policy"), (list(change.new.publishers), "the lockfile")):
        if pins and not proved:
            yield "policy-violation", f"{who} names its publisher, and not every locked file has verified provenance"
        for publisher in new.publishers if pins else ():
            if not any(_matches(pin, publisher) for pin in pins):
                yield "policy-violation", f"{publisher.repository or publisher.subject} is not the publisher in {who}"


def _of_recalls(change: Change, new: PackageEvidence, recalls: Sequence[Recall]) -> Iterable[tuple[str, str]]:
    known = {
        "digest": {str(digest) for file in change.new.files for digest in file.digests},
        "commit": {change.new.commit, *(one.commit for one in new.publishers)} - {""},
        "run": {one.run for one in new.publishers} - {""},
        "repository-id": {one.repository_id for one in new.publishers} - {""},
    }
    for one in recalls:
        named = any(names_value(one, said) for said in known.get(one.kind, ()))
        named = named or (one.kind == "identity" and any(_is_identity(one, each, new) for each in new.publishers))
        if named:
            yield "recalled", f"it was recalled on {one.day} by its {one.kind}: {one.reason}"


def _is_identity(recall: Recall, publisher: Publisher, new: PackageEvidence) -> bool:
    same = (recall.issuer is None or recall.issuer.matches(publisher.issuer)) and (
        recall.subject is None or recall.subject.matches(publisher.subject)
    )
    time = new.published  # where it is not known, the window does not save it
    early = time is not None and recall.start is not None and time < recall.start
    late = time is not None and recall.end is not None and time > recall.end
    return same and not early and not late


def _matches(pin: PinnedPublisher, publisher: Publisher) -> bool:
    address = repository_address(pin.repository)
    if pin.repository and ":" not in pin.repository and "." not in pin.repository.partition("/")[0]:
        address = repository_address(f"https://github.com/{pin.repository}")
    asked = (
        (pin.issuer, publisher.issuer),
        (pin.subject, publisher.subject),
        (address, publisher.repository),
        (pin.repository_id, publisher.repository_id),
        (pin.environment, publisher.environment),
    )
    # a workflow is named by its file, by its path, or by its whole address
    by_workflow = not pin.workflow or f"/{publisher.workflow}".endswith(f"/{pin.workflow.lstrip('/')}")
    stated = bool(pin.workflow) or any(wanted for wanted, _ in asked)
    return stated and by_workflow and all(not wanted or wanted == said for wanted, said in asked)


def _meant(pattern: str, package: str) -> bool:
    """Whether a glob of the policy names a package. Case does not matter, nor how a Python project writes its name: a
    demand that is written otherwise than the lockfile would be none."""
    return Matcher(_one_spelling(pattern), "glob").matches(_one_spelling(package))


def _one_spelling(package: str) -> str:
    text = package.lower()
    return re.sub(r"[-_.]+", "-", text) if text.startswith("pypi:") else text


_NOT_CHECKED: Final[Mapping[EvidenceState, str]] = MappingProxyType(
    {
        EvidenceState.ADVERTISED_UNAVAILABLE: "evidence-unavailable",
        EvidenceState.ERROR: "evidence-unavailable",
        EvidenceState.NOT_SERVED: "index-without-attestations",
        EvidenceState.UNSUPPORTED: "unsupported-format",
    }
)


def _raised(new: PackageEvidence, old: PackageEvidence | None, policy: DependencyPolicy) -> Iterable[Judged]:
    """What could not be checked: a note, and a warning where the replaced version was verified."""
    rule = _NOT_CHECKED.get(new.state)
    if rule is None:
        return
    judged = policy.finding(rule, f"its attestations could not be checked: {new.why or new.state.value}")
    had = old is not None and old.state is EvidenceState.VERIFIED
    if had and judged.level is Level.NOTE and policy.profile is not Profile.REPORT and rule not in policy.levels:
        judged = replace(judged, level=Level.WARN, message=judged.message + "; the replaced version was verified")
    yield judged


def _accepted(
    judged: Judged, change: Change, new: PackageEvidence, acceptances: Sequence[Acceptance], now: datetime
) -> Judged:
    package, version = f"{change.new.ecosystem}:{change.new.name}", change.new.version
    ids = {one.repository_id for one in new.publishers}
    expired = ""
    for one in acceptances:
        same = (one.package, one.rule) == (package, judged.rule)
        narrow = (one.to or one.repository_id) and (not one.to or one.to == version)
        if not same or not narrow or (one.repository_id and ids != {one.repository_id}):
            continue
        if now < one.expires:
            return replace(judged, level=Level.NOTE, message=f"{judged.message} (accepted: {one.reason})")
        expired = f" (accepted until {one.expires:%Y-%m-%d}: {one.reason})"
    if judged.level is Level.NOTE:
        return judged
    day = (now + timedelta(days=90)).strftime("%Y-%m-%d")
    accept = f'{{package: "{package}", rule: {judged.rule}, to: "{version}", reason: "…", expires: {day}}}'
    plain = _NAMES.fullmatch(package) and _NAMES.fullmatch(version)  # other names are no text to copy from a report
    return replace(judged, message=judged.message + expired, accept=accept if plain else "")


def _projects(publishers: Sequence[Publisher]) -> set[tuple[str, str]]:
    return {(one.issuer, one.repository_id or one.repository or one.subject) for one in publishers}


def _weight(found: tuple[tuple[str, str], ...]) -> tuple[int, int]:
    order = list(Level)
    return min((order.index(LEVELS[rule][0]) for rule, _ in found), default=len(order)) * -1, len(found)
