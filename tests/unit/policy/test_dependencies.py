"""Rules about dependencies: version changes with the verdict that each has to get."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from sigstep.model.dependency import (
    Change,
    EvidenceState,
    Level,
    Locked,
    LockedFile,
    PackageEvidence,
    PinnedPublisher,
    Publisher,
)
from sigstep.model.digest import Digest
from sigstep.model.identity import Identity, NameKind
from sigstep.model.verdict import Finding
from sigstep.policy.changes import pair
from sigstep.policy.dependencies import judge
from sigstep.policy.dependency_rules import Acceptance, DependencyPolicy, Profile
from sigstep.policy.matcher import Matcher
from sigstep.policy.publisher import differences, publisher_of, repository_address
from sigstep.policy.recalls import Recall

NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)
OLD_TIME, HOURS_AGO = NOW - timedelta(days=90), NOW - timedelta(hours=2)
REPO = "https://github.com/org/foo"
ALICE = Publisher(
    issuer="https://token.actions.githubusercontent.com",
    repository=REPO,
    repository_id="1",
    owner_id="2",
    workflow=f"{REPO}/.github/workflows/release.yml",
    builder=f"{REPO}/.github/workflows/release.yml",
    ref="refs/tags/v1",
    trigger="push",
    runner="github-hosted",
    environment="release",
)
V, A, S = EvidenceState.VERIFIED, EvidenceState.ABSENT, EvidenceState


def locked(version: str = "1.1", *, data: str = "", **more: str) -> Locked:
    """A locked version with one file."""
    file = LockedFile(name=f"foo-{version}.tgz", digests=(Digest.of((data or version).encode()),))
    fields: dict[str, str] = {"ecosystem": "npm", "name": "foo", "path": "package-lock.json", **more}
    return replace(Locked(ecosystem="", name="", path="", version=version, files=(file,), line=1), **fields)  # type: ignore[arg-type]


def evidence(state: EvidenceState = V, who: Publisher | None = ALICE, **more: object) -> PackageEvidence:
    """Evidence about one file."""
    publishers = (who,) if state is V and who else ()
    base = PackageEvidence(
        state=state, publishers=publishers, attested=1 if state is V else 0, files=1, published=OLD_TIME
    )
    return replace(base, **more)  # type: ignore[arg-type]


CHANGE = Change(new=locked("1.1"), old=locked("1.0"))
NONE = evidence(A)
MOVED = replace(
    ALICE, repository="https://github.com/org/bar", workflow="https://github.com/org/bar/.github/workflows/release.yml"
)
MOVED = replace(MOVED, builder=MOVED.workflow)
OTHER = replace(ALICE, repository="https://github.com/evil/foo", repository_id="9")
NO_IDS = replace(ALICE, repository_id="", owner_id="")
SLSA = replace(ALICE, builder="https://github.com/slsa/generator/.github/workflows/builder.yml")
LATER = replace(
    ALICE, workflow=f"{REPO}/.github/workflows/publish.yml", builder=f"{REPO}/.github/workflows/publish.yml"
)
BAD = Finding(code="attestation-invalid", what="an attestation does not hold", why="signature-invalid")

CASES: list[tuple[str, PackageEvidence | None, PackageEvidence, str, Level | None]] = [
    # incidents
    (
        "axios 2026: token publish after provenance",
        evidence(),
        evidence(A, published=HOURS_AGO),
        "provenance-lost",
        Level.FAIL,
    ),
    ("nx 2025: token publish", evidence(), NONE, "provenance-lost", Level.FAIL),
    ("ultralytics wave 2: old token", evidence(), NONE, "provenance-lost", Level.FAIL),
    ("eslint-config-prettier 10.x", evidence(), NONE, "provenance-lost", Level.FAIL),
    (
        "eslint-config-prettier 8.x: line without provenance",
        NONE,
        evidence(A, history_attested=True, published=HOURS_AGO),
        "provenance-lost-in-history",
        Level.WARN,
    ),
    ("an old version of that line", NONE, evidence(A, history_attested=True), "no-provenance", Level.NOTE),
    ("chalk 2025: never had provenance: not caught", NONE, NONE, "no-provenance", Level.NOTE),
    ("chalk 2025: only its age", NONE, evidence(A, published=HOURS_AGO), "too-new", Level.NOTE),
    ("TanStack 2026: only its age", evidence(), evidence(published=HOURS_AGO), "too-new", Level.NOTE),
    (
        "AntV 2026: first provenance of somebody else",
        evidence(A, declared_repository="git+https://github.com/Org/foo.git"),
        evidence(V, OTHER),
        "first-provenance-elsewhere",
        Level.WARN,
    ),
    # publishers
    ("same publisher", evidence(), evidence(), "", None),
    ("other repository id", evidence(), evidence(V, OTHER), "publisher-changed", Level.FAIL),
    (
        "same name, other id",
        evidence(),
        evidence(V, replace(ALICE, repository_id="9")),
        "publisher-changed",
        Level.FAIL,
    ),
    (
        "other issuer",
        evidence(),
        evidence(V, replace(ALICE, issuer="https://gitlab.com")),
        "publisher-changed",
        Level.FAIL,
    ),
    ("rename", evidence(), evidence(V, MOVED), "renamed", Level.NOTE),
    ("names alone, other", evidence(V, NO_IDS), evidence(V, OTHER), "publisher-changed", Level.FAIL),
    ("names alone, same", evidence(V, NO_IDS), evidence(), "", None),
    (
        "other e-mail",
        evidence(V, Publisher(issuer="i", subject="a@x")),
        evidence(V, Publisher(issuer="i", subject="b@x")),
        "publisher-changed",
        Level.FAIL,
    ),
    ("transfer", evidence(), evidence(V, replace(ALICE, owner_id="7")), "owner-transferred", Level.WARN),
    ("workflow moved", evidence(), evidence(V, LATER), "workflow-changed", Level.NOTE),
    ("builder weakened", evidence(V, SLSA), evidence(), "builder-weakened", Level.WARN),
    ("environment lost", evidence(), evidence(V, replace(ALICE, environment="")), "environment-lost", Level.WARN),
    ("self-hosted", evidence(), evidence(V, replace(ALICE, runner="self-hosted")), "self-hosted-runner", Level.WARN),
    (
        "risky trigger",
        evidence(),
        evidence(V, replace(ALICE, trigger="pull_request_target")),
        "risky-trigger",
        Level.WARN,
    ),
    ("risky trigger at first", None, evidence(V, replace(ALICE, trigger="workflow_run")), "risky-trigger", Level.WARN),
    (
        "branch instead of tag",
        evidence(),
        evidence(V, replace(ALICE, ref="refs/heads/main")),
        "ref-kind-changed",
        Level.NOTE,
    ),
    ("gained", NONE, evidence(), "gained-provenance", Level.NOTE),
    ("two publishers", None, evidence(publishers=(ALICE, OTHER)), "provenance-inconsistent", Level.WARN),
    ("partial now", evidence(), evidence(files=3), "provenance-partial", Level.WARN),
    ("partial before as well", evidence(files=3), evidence(files=3), "", None),
    # states
    ("invalid", evidence(), evidence(S.INVALID, problems=(BAD,)), "attestation-invalid", Level.FAIL),
    ("404 where advertised", NONE, evidence(S.ADVERTISED_UNAVAILABLE), "evidence-unavailable", Level.NOTE),
    ("404 after verified", evidence(), evidence(S.ADVERTISED_UNAVAILABLE), "evidence-unavailable", Level.WARN),
    ("outage", NONE, evidence(S.ERROR), "evidence-unavailable", Level.NOTE),
    ("mirror strips", NONE, evidence(S.NOT_SERVED), "index-without-attestations", Level.NOTE),
    ("mirror strips after verified", evidence(), evidence(S.NOT_SERVED), "index-without-attestations", Level.WARN),
    ("unknown format", NONE, evidence(S.UNSUPPORTED), "unsupported-format", Level.NOTE),
    ("path", None, evidence(S.NOT_APPLICABLE), "", None),
    ("quarantined", NONE, evidence(A, status="quarantined"), "quarantined", Level.FAIL),
    ("yanked", NONE, evidence(A, status="yanked"), "yanked", Level.WARN),
    (
        "trusted publisher lost",
        evidence(trusted_publisher=True),
        evidence(trusted_publisher=False),
        "trusted-publisher-lost",
        Level.WARN,
    ),
    ("no flag at all", evidence(trusted_publisher=True), evidence(), "", None),
]


@pytest.mark.parametrize(("old", "new", "rule", "level"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_recommended(old: PackageEvidence | None, new: PackageEvidence, rule: str, level: Level | None) -> None:
    """Issue 8: version changes with expected verdicts, the incidents among them."""
    found = judge(CHANGE if old else Change(new=CHANGE.new, old=None), new, old, DependencyPolicy(), now=NOW)
    assert (rule, level) == ("", None) if not found else (rule, level) in [(one.rule, one.level) for one in found]
    assert [one.level for one in found] == sorted((one.level for one in found), key=list(Level).index)


@pytest.mark.parametrize(("old", "new", "rule"), [case[1:4] for case in CASES if case[3]])
def test_profiles(old: PackageEvidence | None, new: PackageEvidence, rule: str) -> None:
    """``report`` never fails, ``strict`` is never softer than ``recommended``."""
    order = list(Level)
    by_profile = {
        profile: {one.rule: one.level for one in judge(CHANGE, new, old, DependencyPolicy(profile=profile), now=NOW)}
        for profile in Profile
    }
    assert set(by_profile[Profile.REPORT].values()) == {Level.NOTE}
    strict, recommended = by_profile[Profile.STRICT], by_profile[Profile.RECOMMENDED]
    assert all(order.index(strict[name]) <= order.index(level) for name, level in recommended.items())


LOCKS: list[tuple[str, list[Locked], list[Locked], list[tuple[str, str | None]], str]] = [
    ("update", [locked("1.0")], [locked("1.1")], [("1.1", "1.0")], ""),
    ("added", [], [locked("1.1")], [("1.1", None)], ""),
    ("unchanged", [locked()], [locked()], [], ""),
    ("nearest of the same major", [locked("1.0"), locked("1.5"), locked("3.0")], [locked("2.0")], [("2.0", "1.5")], ""),
    ("same major first", [locked("1.9"), locked("2.1")], [locked("2.4")], [("2.4", "2.1")], ""),
    ("going back", [locked("2.0")], [locked("1.0")], [("1.0", "2.0")], ""),
    ("a second version beside the first", [locked("1.0")], [locked("1.0"), locked("1.1")], [("1.1", "1.0")], ""),
    ("hash changed", [locked()], [locked(data="x")], [("1.1", "1.1")], "hash-changed-same-version"),
    (
        "registry changed",
        [locked(registry="https://a.example")],
        [locked(registry="https://b.example")],
        [("1.1", "1.1")],
        "source-changed",
    ),
    ("git instead", [locked("1.0")], [locked(source="git+ssh://x.example/y")], [("1.1", "1.0")], "source-changed"),
    (
        "another commit of the same repository",
        [locked("1.0", source="git+ssh://git@x.example/o/r.git#abc")],
        [locked(source="git+ssh://git@x.example/o/r.git#def")],
        [("1.1", "1.0")],
        "source-not-registry",
    ),
    (
        "another repository",
        [locked("1.0", source="git https://x.example/o/r.git@abc")],
        [locked(source="git https://x.example/o/s.git@abc")],
        [("1.1", "1.0")],
        "source-changed",
    ),
    (
        "another patch of one's own",
        [locked("1.0", source="patch a@npm%3A1#x")],
        [locked(source="patch a@npm%3A2#x")],
        [("1.1", "1.0")],
        "",
    ),
    ("git added", [], [locked(source="git+ssh://x.example/y")], [("1.1", None)], "source-not-registry"),
    ("hash dropped", [locked()], [replace(locked(), files=())], [("1.1", "1.1")], "pin-lost"),
    (
        "never had a hash",
        [replace(locked("1.0"), files=())],
        [replace(locked(), files=())],
        [("1.1", "1.0")],
        "unpinned",
    ),
    ("other lockfile", [locked("1.0", path="a/package-lock.json")], [locked()], [("1.1", "1.0")], ""),
    ("workspace member", [locked(source="workspace a")], [locked("1.2", source="workspace a")], [("1.2", "1.1")], ""),
]


@pytest.mark.parametrize(
    ("base", "head", "pairs", "rule"), [case[1:] for case in LOCKS], ids=[case[0] for case in LOCKS]
)
def test_change_set(base: list[Locked], head: list[Locked], pairs: list[tuple[str, str | None]], rule: str) -> None:
    """Every change is paired with what it replaces, and what is wrong without asking anybody is found."""
    changes = pair(base, head)
    assert [(one.new.version, one.old.version if one.old else None) for one in changes] == pairs
    rules = [
        one.rule for change in changes for one in judge(change, evidence(), evidence(), DependencyPolicy(), now=NOW)
    ]
    assert rules == ([rule] if rule else [])


def test_acceptance_is_narrow_and_expires() -> None:
    """An acceptance is for one package, version and rule, until a day."""
    taken = Acceptance(package="npm:foo", rule="provenance-lost", to="1.1", reason="manual", expires=NOW + timedelta(1))
    for acceptance, level in (
        (taken, Level.NOTE),
        (replace(taken, expires=NOW), Level.FAIL),
        (replace(taken, to="1.2"), Level.FAIL),
        (replace(taken, rule="publisher-changed"), Level.FAIL),
        (replace(taken, package="pypi:foo"), Level.FAIL),
    ):
        found = judge(CHANGE, NONE, evidence(), DependencyPolicy(acceptances=(acceptance,)), now=NOW)
        assert found[0].level is level


@pytest.mark.parametrize(
    ("pin", "new", "fails"),
    [
        (PinnedPublisher(package="npm:foo", repository="https://github.com/Org/Foo"), evidence(), False),
        (PinnedPublisher(package="npm:foo", repository_id="1", workflow="release.yml"), evidence(), False),
        (PinnedPublisher(package="npm:foo", repository_id="3"), evidence(), True),
        (PinnedPublisher(package="npm:foo", issuer="https://gitlab.com"), evidence(), True),
        (PinnedPublisher(package="npm:foo"), evidence(), True),
        (PinnedPublisher(package="npm:foo", repository_id="1"), NONE, True),
        (PinnedPublisher(package="npm:foo", repository_id="1"), evidence(files=2), True),
        (PinnedPublisher(package="npm:bar", repository_id="3"), evidence(), False),
    ],
)
def test_pinned_publishers(pin: PinnedPublisher, new: PackageEvidence, fails: bool) -> None:
    """A package whose publisher the policy names needs verified provenance of that publisher; an empty pin takes none."""
    found = judge(CHANGE, new, new, DependencyPolicy(publishers=(pin,)), now=NOW)
    assert any(one.rule == "policy-violation" for one in found) is fails


def test_benign_changes_stay_quiet() -> None:
    """Issue 8: of 500 benign changes none fails and at most one in a hundred warns."""
    draw = random.Random(8)
    kinds = [
        (evidence(), evidence()),
        (evidence(), evidence(V, MOVED)),
        (evidence(), evidence(V, LATER)),
        (evidence(), evidence(V, replace(ALICE, ref="refs/tags/v9"))),
        (NONE, NONE),
        (None, NONE),
        (None, evidence()),
        (NONE, evidence()),
        (evidence(files=4), evidence(files=5)),
        (evidence(status="yanked"), evidence()),
        (evidence(S.NOT_SERVED), evidence(S.NOT_SERVED)),
        (NONE, evidence(A, published=HOURS_AGO)),
    ]
    levels: list[Level] = []
    for _ in range(500):
        old, new = draw.choice(kinds)
        levels.extend(one.level for one in judge(CHANGE, new, old, DependencyPolicy(), now=NOW))
    assert Level.FAIL not in levels
    assert levels.count(Level.WARN) <= 5


@pytest.mark.parametrize(
    "text",
    [
        "https://github.com/Org/foo",
        "git+https://github.com/org/foo.git",
        "git@github.com:org/foo.git",
        "ssh://git@github.com/org/foo/",
    ],
)
def test_repository_addresses_compare(text: str) -> None:
    """Spellings of one repository are one."""
    assert repository_address(text) == REPO


def test_publisher_of_certificates_old_and_new() -> None:
    """Identity is read from the certificate; before 2023 it had names only."""
    said = {
        "github-workflow-repository": "Org/foo",
        "github-workflow-ref": "refs/tags/v1",
        "github-workflow-trigger": "push",
    }
    subject = "https://github.com/Org/foo/.github/workflows/release.yml@refs/tags/v1"
    old = publisher_of(Identity(kind=NameKind.URI, subject=subject, issuer=ALICE.issuer, extensions=said))
    assert (old.repository, old.workflow, old.trigger) == (REPO, subject.partition("@")[0], "push")
    newer = {
        "source-repository": "https://github.com/Org/foo",
        "source-repository-id": "1",
        "build-config-uri": subject,
    }
    new = publisher_of(Identity(kind=NameKind.URI, subject=subject, issuer=ALICE.issuer, extensions=newer))
    assert (new.repository_id, differences(old, new)) == ("1", ())
    mail = publisher_of(Identity(kind=NameKind.EMAIL, subject="a@b.example", issuer="i", extensions={}))
    assert (mail.subject, mail.repository) == ("a@b.example", "")


def test_required_provenance_and_levels() -> None:
    """What the policy requires by a glob, and levels of single rules; ``report`` still never fails."""
    policy = DependencyPolicy(require=("npm:*",), levels={"too-new": Level.FAIL})
    assert [one.rule for one in judge(CHANGE, NONE, NONE, policy, now=NOW) if one.level is Level.FAIL] == [
        "policy-violation"
    ]
    fresh = evidence(published=HOURS_AGO)
    assert [(one.rule, one.level) for one in judge(CHANGE, fresh, evidence(), policy, now=NOW)] == [
        ("too-new", Level.FAIL)
    ]
    quiet = replace(policy, profile=Profile.REPORT)
    assert {one.level for one in judge(CHANGE, NONE, NONE, quiet, now=NOW)} == {Level.NOTE}


@pytest.mark.parametrize(
    ("written", "locked", "named"),
    [
        ("pypi:My_Package", "my-package", True),
        ("pypi:my.*", "my-package", True),
        ("pypi:MY*", "my-package", True),
        ("PyPI:other", "my-package", False),
        ("npm:my-package", "my-package", False),
    ],
)
def test_a_demand_names_packages_in_any_spelling(written: str, locked: str, named: bool) -> None:
    """One that is written otherwise than the lockfile would ask for nothing, without a word."""
    change = replace(CHANGE, new=replace(CHANGE.new, ecosystem="pypi", name=locked))
    for policy in (
        DependencyPolicy(require=(written,)),
        DependencyPolicy(publishers=(PinnedPublisher(package=written, repository="evil/x"),)),
    ):
        rules = [one.rule for one in judge(change, NONE, NONE, policy, now=NOW)]
        assert ("policy-violation" in rules) is named


@pytest.mark.parametrize(
    ("workflow", "taken"),
    [
        ("release.yml", True),
        (".github/workflows/release.yml", True),
        ("https://github.com/org/foo/.github/workflows/release.yml", True),
        ("https://github.com/evil/foo/.github/workflows/release.yml", False),
        ("evil/foo/.github/workflows/release.yml", False),
        ("lease.yml", False),
    ],
)
def test_the_workflow_of_a_publisher(workflow: str, taken: bool) -> None:
    """All that is written of it has to be so, not its last part alone."""
    who = replace(ALICE, workflow="https://github.com/org/foo/.github/workflows/release.yml")
    pin = PinnedPublisher(package="*:*", workflow=workflow)
    found = judge(CHANGE, evidence(V, who), evidence(V, who), DependencyPolicy(publishers=(pin,)), now=NOW)
    assert ("policy-violation" in [one.rule for one in found]) is not taken


def test_a_recalled_commit_recalls_what_was_built_from_it() -> None:
    """By the certificate of its provenance, not only where the lockfile pins the commit."""
    recall = Recall(kind="commit", value="c0ffee", reason="bad", day=NOW.date())
    for commit, named in (("c0ffee" * 6, True), ("beef" * 10, False)):
        who = replace(ALICE, commit=commit)
        found = judge(CHANGE, evidence(V, who), evidence(V, who), DependencyPolicy(recalls=(recall,)), now=NOW)
        assert ("recalled" in [one.rule for one in found]) is named
    said = {"source-repository-digest": "c0ffee" * 6}
    assert publisher_of(Identity(kind=NameKind.URI, subject="s", issuer="i", extensions=said)).commit == "c0ffee" * 6


def test_publishers_by_slug_and_lockfile() -> None:
    """``owner/name`` means GitHub; what a lockfile asks for counts as what the policy does."""
    slug = PinnedPublisher(package="npm:**", repository="Org/Foo", environment="release", subject="")
    assert judge(CHANGE, evidence(), evidence(), DependencyPolicy(publishers=(slug,)), now=NOW) == ()
    pinned = replace(CHANGE, new=replace(CHANGE.new, publishers=(PinnedPublisher(repository_id="3"),)))
    found = judge(pinned, evidence(), evidence(), DependencyPolicy(), now=NOW)
    assert [(one.rule, "in the lockfile" in one.message) for one in found] == [("policy-violation", True)]


RECALLS = [
    ("digest", {"value": str(Digest.of(b"1.1"))}, True),
    ("digest", {"value": str(Digest.of(b"1.2"))}, False),
    ("repository-id", {"value": "1"}, True),
    ("run", {"value": "https://github.com/org/foo/actions/runs/1/attempts/1"}, True),
    ("run", {"value": "https://github.com/org/foo/actions/runs/1"}, True),
    ("run", {"value": "https://github.com/org/foo/actions/runs/11"}, False),
    ("commit", {"value": "1" * 40}, True),
    ("commit", {"value": "1" * 7}, True),
    ("commit", {"value": "12" * 7}, False),
    ("identity", {"value": "x", "issuer": Matcher("https://gitlab.com")}, False),
    ("identity", {"value": "x", "issuer": Matcher(ALICE.issuer), "subject": Matcher("s@x", "glob")}, True),
    ("identity", {"value": "x", "subject": Matcher("s@x"), "start": NOW}, False),
    ("identity", {"value": "x", "subject": Matcher("s@x"), "end": OLD_TIME - timedelta(days=1)}, False),
]


@pytest.mark.parametrize(("kind", "fields", "fails"), RECALLS)
def test_recalls(kind: str, fields: dict[str, object], fails: bool) -> None:
    """What the policy file recalls is blocked, whoever published it."""
    recall = replace(Recall(kind=kind, value="", reason="bad", day=NOW.date()), **fields)  # type: ignore[arg-type]
    who = replace(ALICE, subject="s@x", run="https://github.com/org/foo/actions/runs/1/attempts/1")
    change = replace(CHANGE, new=replace(CHANGE.new, commit="1" * 40))
    change = replace(change, new=replace(change.new, files=(LockedFile(name="", digests=(Digest.of(b"1.1"),)),)))
    new = evidence(V, who)
    found = judge(change, new, evidence(V, who), DependencyPolicy(recalls=(recall,)), now=NOW)
    assert ("recalled" in [one.rule for one in found]) is fails


def test_an_acceptance_by_publisher_and_one_that_ended() -> None:
    """For a new repository id, whatever the version; an ended one is named, and the entry to write is given."""
    taken = Acceptance(
        package="npm:foo", rule="publisher-changed", repository_id="9", reason="moved", expires=NOW + timedelta(1)
    )
    policy = DependencyPolicy(acceptances=(taken,))
    assert judge(CHANGE, evidence(V, OTHER), evidence(), policy, now=NOW)[0].level is Level.NOTE
    ended = DependencyPolicy(acceptances=(replace(taken, expires=NOW - timedelta(1)),))
    (found,) = judge(CHANGE, evidence(V, OTHER), evidence(), ended, now=NOW)
    assert (found.level, "accepted until" in found.message) == (Level.FAIL, True)
    assert found.accept.startswith('{package: "npm:foo", rule: publisher-changed, to: "1.1"')
    loose = DependencyPolicy(acceptances=(replace(taken, repository_id=""),))
    assert judge(CHANGE, evidence(V, OTHER), evidence(), loose, now=NOW)[0].level is Level.FAIL


def test_a_registry_that_was_not_stated_before() -> None:
    """A move to a registry that the policy allows is none to block."""
    moved = replace(CHANGE, new=replace(CHANGE.new, registry="https://b.example"))
    assert [one.rule for one in judge(moved, evidence(), evidence(), DependencyPolicy(), now=NOW)] == ["source-changed"]
    allowed = DependencyPolicy(sources=frozenset({"https://b.example"}))
    assert judge(moved, evidence(), evidence(), allowed, now=NOW) == ()


def test_more_signatures_on_an_image() -> None:
    """Who may push can add signatures: the known publisher is enough; only others is another publisher."""
    image = Change(new=replace(CHANGE.new, ecosystem="oci"), old=locked("1.0", ecosystem="oci"))
    both = evidence(publishers=(OTHER, ALICE))
    assert judge(image, both, evidence(), DependencyPolicy(), now=NOW) == ()
    found = judge(image, evidence(V, OTHER), evidence(publishers=(ALICE,)), DependencyPolicy(), now=NOW)
    assert [one.rule for one in found] == ["publisher-changed"]
    assert "publisher-changed" in [one.rule for one in judge(CHANGE, both, evidence(), DependencyPolicy(), now=NOW)]
