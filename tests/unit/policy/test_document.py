"""The policy file: what it reads, what it refuses, and how it judges."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from tests.unit.policy.test_signer import WORKFLOW, proof
from tests.unit.refusals import code_of

from sigstep.flows.policies import open_policy
from sigstep.model.digest import Digest
from sigstep.model.subject import Subject
from sigstep.model.verified import TimeSource, Verified, VerifiedTime
from sigstep.policy.document import Policy, load_policy
from sigstep.policy.judging import Decision, judge, rules_for_file, rules_for_image

NOW = datetime(2026, 11, 24, tzinfo=timezone.utc)
PROVENANCE = "https://slsa.dev/provenance/v1"
OTHER = "https://github.com/Acme/app/.github/workflows/audit.yml@refs/heads/main"
HEAD = f"""
schema: sigstep/policy/v1
signers:
  release: {{issuer: "https://token.actions.githubusercontent.com", subject: "{WORKFLOW}"}}
  audit: {{issuer: "https://token.actions.githubusercontent.com", subject: "{OTHER}"}}
  anyone: {{issuer: "https://token.actions.githubusercontent.com", subject: {{glob: "https://github.com/Acme/**"}}}}
  twin: {{issuer: "https://token.actions.githubusercontent.com", subject: {{regex: "https://github.com/Acme/.*"}}}}
  rooted: {{issuer: "https://token.actions.githubusercontent.com", subject: "{WORKFLOW}", trust: public}}
  logged: {{issuer: "https://token.actions.githubusercontent.com", subject: "{WORKFLOW}", log: required}}
  stamped: {{issuer: "https://token.actions.githubusercontent.com", subject: "{WORKFLOW}", log: tsa}}
  ops: {{key: ./ops.pub}}
"""
SIGNED = HEAD + 'rules:\n- {name: r, blobs: ["dist/*.whl"], signature: '
ATTESTED = HEAD + 'rules:\n- {name: r, blobs: ["dist/*.whl"], attestations: [{type: "' + PROVENANCE + '", '
IDENTITY = f'identity: {{issuer: "https://token.actions.githubusercontent.com", subject: "{WORKFLOW}"}}'
FULL = (
    "schema: sigstep/policy/v1\nname: acme\ndefaults: {no-match: warn, require-digest: true}",
    HEAD.replace("trust: public", "trust: corp") + "trust: {corp: {trusted-root: ./root.json}}",
    HEAD + "trust: {corp: {tuf: {mirror: 'https://tuf.example', root: ./root.json}}}",
    HEAD + "targets: {policy-controller: {api: v1beta1, namespaces: [shop]}, gatekeeper: {provider: p}}",
    HEAD + "rules: [{name: r, images: [a], formats: [legacy], signature: {any-of: [ops]}}]",
    HEAD + "recall-list: {file: ./r.yml, signed-by: [audit], max-age: 7d}",
    HEAD + "recall-list: {file: ./r.yml, protected: CODEOWNERS, max-age: 7d}",
    HEAD + "recalls: [{run: 'https://x/1', reason: x, date: 2026-01-01}]",
    HEAD
    + "recalls: [{"
    + IDENTITY
    + ", from: 2026-01-01, until: '2026-01-02T03:04:05Z', reason: x, date: 2026-01-01}]",
)
BROKEN = (
    HEAD + "defaults: {no-match: maybe}",
    HEAD + "defaults: {require-digest: 1}",
    HEAD + "trust: {github: {trusted-root: ./root.json}}",
    HEAD + "trust: {corp: {}}",
    HEAD + "trust: {corp: {trusted-root: a, tuf: {mirror: a, root: a}}}",
    HEAD + "targets: {portieris: {}}",
    HEAD + "targets: {policy-controller: {api: v1}}",
    HEAD + "rules: [{name: r, images: [a], formats: [jar], deny: {reason: x}}]",
    HEAD + "rules: [{name: r, images: [a], formats: [legacy, legacy], deny: {reason: x}}]",
    HEAD + "recall-list: {file: ./r.yml, max-age: 7d}",
    HEAD + "recall-list: {file: ./r.yml, protected: x, max-age: soon}",
    HEAD + "recall-list: {file: ./r.yml, protected: x, signed-by: [audit], max-age: 7d}",
    HEAD + "recalls: [{digest: 'sha256:aa', commit: abcd, reason: x, date: 2026-01-01}]",
    HEAD + "recalls: [{commit: abcd, from: 2026-01-01, reason: x, date: 2026-01-01}]",
    HEAD + "recalls: [{identity: {subject: a}, reason: x, date: 2026-01-01}]",
)
WHEEL = Subject(name="a.whl", digests=(Digest.of(b"a"),), location="dist/a.whl")


def signature(subject: str = WORKFLOW) -> Verified:
    """A message signature by that workflow."""
    return replace(proof(subject=subject), statement=None)


def attestation(predicate: dict[str, Any], subject: str = WORKFLOW) -> Verified:
    """A provenance by that workflow."""
    made = proof(subject=subject)
    assert made.statement is not None
    return replace(made, statement=replace(made.statement, predicate=predicate))


def decide(text: str, *proofs: Verified, subject: Subject = WHEEL, **keys: str) -> tuple[Decision, tuple[str, ...]]:
    """The decision about a wheel and the codes that led to it."""
    policy = load_policy(text.encode())
    found = judge(policy, rules_for_file(policy, subject), subject, proofs, keys, NOW)
    return found.decision, tuple(one.code for one in found.findings)


MISSING = (Decision.DENY, ("policy-signature-missing",))
ADMITTED: tuple[Decision, tuple[str, ...]] = (Decision.ADMIT, ())


def test_signatures() -> None:
    """The right signer is admitted; nothing, another signer and a mere attestation are not."""
    text = SIGNED + "{any-of: [release]}}"
    assert decide(text, signature()) == ADMITTED
    for proofs in ((), (signature(OTHER),), (attestation({}),)):
        assert decide(text, *proofs) == MISSING


def test_signers_count_once() -> None:
    """All-of and at-least need distinct identities, even where two names take the same one."""
    both = SIGNED + "{all-of: [release, audit]}}"
    assert decide(both, signature(), signature(OTHER)) == ADMITTED
    assert decide(both, signature(), signature()) == MISSING
    loose = SIGNED + "{at-least: 2, of: [anyone, twin]}}"
    assert decide(loose, signature(), signature()) == MISSING
    assert decide(loose, signature(), signature(OTHER)) == ADMITTED
    assert decide(SIGNED + "{all-of: [anyone, release]}}", signature(), signature(OTHER)) == ADMITTED


@pytest.mark.parametrize("name", ["rooted", "logged", "stamped"])
def test_instances_and_times(name: str) -> None:
    """A signer may be bound to an instance, to a log, to a time stamp."""
    text = SIGNED + "{any-of: [" + name + "]}}"
    assert decide(text, signature()) == MISSING
    good = {
        "rooted": replace(signature(), root="public-good"),
        "logged": replace(signature(), entries=(object(),)),  # type: ignore[arg-type]
        "stamped": replace(
            signature(), times=(VerifiedTime(time=NOW, source=TimeSource.TIMESTAMP_AUTHORITY, authority="a"),)
        ),
    }
    assert decide(text, good[name]) == ADMITTED


def test_keys() -> None:
    """A key signer is told by its key; a key that could not be read decides nothing."""
    text = SIGNED + "{any-of: [ops]}}"
    by_key = replace(proof(key=True), statement=None)
    assert decide(text, by_key, ops="00") == ADMITTED
    assert decide(text, by_key, ops="01") == MISSING
    assert decide(text, by_key)[0] is Decision.UNKNOWN
    assert "policy-key-unresolved" in decide(text, by_key)[1]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("path: predicate.a, equals: 1", True),
        ("path: predicate.a, equals: true", False),
        ("path: predicate.a, not-equals: 2", True),
        ("path: predicate.none, not-equals: 2", False),
        ("path: predicate.s, matches: 'x.*'", True),
        ("path: predicate.s, matches: 'x'", False),
        ("path: predicate.a, matches: '1'", False),
        ("path: predicate.s, in: [xy, z]", True),
        ("path: predicate.s, in: [z]", False),
        ("path: predicate.s, not-in: [z]", True),
        ("path: predicate.none, not-in: [z]", False),
        ("path: predicate.l, not-in: [z]", False),
        ("path: predicate.none, exists: false", True),
        ("path: predicate.a, exists: true", True),
        ("path: predicate.a, exists: false", False),
        ("path: predicate.l.0, at-most: 7", True),
        ("path: predicate.l.0, at-most: 6", False),
        ("path: predicate.l.1, at-most: 9", False),
        ("path: predicate.l.0, at-least: 7.5", False),
        ("path: predicate.s, at-least: 0", False),
        ("path: predicate.t, max-age: 2d", True),
        ("path: predicate.t, max-age: 2h", False),
        ("path: predicate.s, max-age: 2h", False),
        ("path: predicate.a, max-age: 2h", False),
        ("path: predicate.future, max-age: 2h", False),
        ("path: predicate.naive, max-age: 2d", True),
        ("path: [predicate, a.b], equals: c", True),
        ("path: predicateType, equals: 'https://slsa.dev/provenance/v1'", True),
    ],
)
def test_conditions(condition: str, holds: bool) -> None:
    """Closed-world: what is missing, or of another kind, fails."""
    times = {"t": NOW - timedelta(days=1), "future": NOW + timedelta(days=1)}
    said: dict[str, Any] = {name: time.isoformat().replace("+00:00", "Z") for name, time in times.items()}
    said |= {"a": 1, "s": "xy", "l": [7], "a.b": "c", "naive": "2026-11-23T00:00:00"}
    text = ATTESTED + "any-of: [release], where: [{" + condition + "}]}]}"
    expected = ADMITTED if holds else (Decision.DENY, ("policy-attestation-missing",))
    assert decide(text, attestation(said)) == expected


def test_quantifiers() -> None:
    """Some: one good attestation is enough. Every: none of the signers may have said otherwise."""
    good, bad = attestation({"a": 1}), attestation({"a": 2})
    where = "any-of: [release], where: [{path: predicate.a, equals: 1}]"
    assert decide(ATTESTED + where + "}]}", good, bad) == ADMITTED
    every = ATTESTED + where + ", each: every}]}"
    assert decide(every, good, bad) == (Decision.DENY, ("policy-condition",))
    assert decide(every, good, attestation({"a": 2}, OTHER)) == ADMITTED
    assert decide(every, signature()) == (Decision.DENY, ("policy-attestation-missing",))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("allow: {reason: old, until: 2026-11-24}", (Decision.ADMIT, ("policy-allowed",))),
        ("allow: {reason: old, until: 2026-11-23}", (Decision.DENY, ("policy-allow-expired",))),
        ("deny: {reason: bad}", (Decision.DENY, ("policy-denied",))),
        ("deny: {reason: bad}, mode: warn", (Decision.WARN, ("policy-denied",))),
    ],
)
def test_allow_deny_and_modes(rule: str, expected: Any) -> None:
    """An allowance ends, a denial has a reason, and a rule may only warn."""
    assert decide(HEAD + 'rules: [{name: r, blobs: ["**"], ' + rule + "}]") == expected


def test_every_rule_counts_and_none_refuses() -> None:
    """What no rule names is refused; one rule that is not satisfied is enough to deny."""
    text = SIGNED + '{any-of: [release]}}\n- {name: s, blobs: ["*.whl"], deny: {reason: bad}}'
    assert decide(text, signature()) == (Decision.DENY, ("policy-denied",))
    other = Subject(name="b.txt", digests=(Digest.of(b"b"),))
    assert decide(text, signature(), subject=other) == (Decision.DENY, ("policy-no-rule",))
    assert decide("schema: sigstep/policy/v1", signature()) == (Decision.DENY, ("policy-no-rule",))


@pytest.mark.parametrize("what", [f"digest: '{Digest.of(b'a')}'", "commit: c0ffee", "repository-id: '7'"])
def test_recalls(what: str) -> None:
    """A recall denies what every rule admits."""
    text = SIGNED + "{any-of: [release]}}\nrecalls: [{" + what + ", reason: stolen, date: 2026-11-01}]"
    made = signature()
    assert made.identity is not None
    extensions = {"source-repository-digest": "c0ffee", "source-repository-id": "7"}
    bad = replace(made, identity=replace(made.identity, extensions=extensions))
    assert decide(text, bad) == (Decision.DENY, ("policy-recalled",))


@pytest.mark.parametrize("written", ["DECAF" * 8, "decafde"])
def test_recalled_commits_may_be_written_otherwise(written: str) -> None:
    """In capitals, or abbreviated as Git does: a recall that names nothing would protect nobody."""
    text = SIGNED + "{any-of: [release]}}\nrecalls: [{commit: " + written + ", reason: stolen, date: 2026-11-01}]"
    made = signature()
    assert made.identity is not None
    bad = replace(made, identity=replace(made.identity, extensions={"source-repository-digest": "decaf" * 8}))
    assert decide(text, bad) == (Decision.DENY, ("policy-recalled",))
    good = replace(made, identity=replace(made.identity, extensions={"source-repository-digest": "c0ffee" * 6}))
    assert decide(text, good) == ADMITTED
    assert decide(text, made) == ADMITTED


RUN = "https://github.com/Acme/app/actions/runs/7"


@pytest.mark.parametrize(
    ("what", "named"),
    [
        (f"run: {RUN}", True),
        (f"run: {RUN}/attempts/2", True),
        (f"run: {RUN}/attempts/1", True),
        (f"run: {RUN}/job/123", True),
        (f"run: {RUN}/attempts/2/", True),
        (f"run: '{RUN}/attempts/2#summary-1'", True),
        (f"run: {RUN}?pr=5", True),
        (f"run: {RUN}/", True),
        (f"run: {RUN.replace('Acme', 'acme')}", True),
        (f"run: {RUN}1", False),
        (f"run: {RUN[:-1]}1", False),
        (f"run: {RUN.replace('app', 'app2')}", False),
        ("run: https://gitlab.example/acme/app/-/jobs/7", False),
        (IDENTITY, True),
        (IDENTITY + ", from: 2026-11-20", True),
        (IDENTITY + ", from: 2026-11-24", False),
        (IDENTITY + ", from: 2026-11-20, until: 2026-11-23", True),
        (IDENTITY + ", until: '2026-11-22T23:59:59Z'", False),
        (IDENTITY.replace("release.yml", "other.yml"), False),
        (IDENTITY.replace("github.com/", "GitHub.com/").replace("release.yml", "Release.yml"), True),
        (IDENTITY.replace("token.actions", "evil"), False),
    ],
)
def test_recalled_runs_and_identities(what: str, named: bool) -> None:
    """A run with all its attempts; an identity within a window of verified times."""
    text = SIGNED + "{any-of: [release]}}\nrecalls: [{" + what + ", reason: stolen, date: 2026-11-01}]"
    made = signature()
    assert made.identity is not None
    time = VerifiedTime(time=NOW - timedelta(hours=1), source=TimeSource.TRANSPARENCY_LOG, authority="a")
    extensions = {"run-invocation-uri": f"{RUN}/attempts/2"}
    made = replace(made, identity=replace(made.identity, extensions=extensions), times=(time,))
    assert decide(text, made) == ((Decision.DENY, ("policy-recalled",)) if named else ADMITTED)
    without = replace(made, times=())
    if "identity" in what and "other" not in what and "evil" not in what:
        assert decide(text, without)[0] is Decision.DENY, "what has no time may be of the window"
    assert decide(text.replace("SIGNED", ""), replace(proof(key=True), statement=None))[1] == MISSING[1]


def test_image_patterns_that_would_name_nothing() -> None:
    """A denial that is written otherwise than references are would deny nothing."""
    rule = HEAD + "defaults: {no-match: allow}\nrules: [{name: r, images: ['PATTERN'], deny: {reason: bad}}]"
    for pattern, names in (
        ("GHCR.io/acme/**", "ghcr.io/acme/app"),
        ("Index.Docker.io/nginx", "docker.io/library/nginx"),
    ):
        policy = load_policy(rule.replace("PATTERN", pattern).encode())
        assert [one.name for one in rules_for_image(policy, names)] == ["r"]
    for pattern in ("ghcr.io/Acme/**", "Acme/*", "Nginx", "ghcr.io/acme/", "ghcr.io//acme", "*/App"):
        text = rule.replace("PATTERN", pattern).encode()
        assert code_of(lambda data=text: load_policy(data)) == "image-pattern"  # type: ignore[misc]


def test_recalled_runs_of_other_services() -> None:
    """As the certificate writes them."""
    job = "https://gitlab.example/acme/app/-/jobs/7"
    text = SIGNED + "{any-of: [release]}}\nrecalls: [{run: '" + job + "', reason: stolen, date: 2026-11-01}]"
    made = signature()
    assert made.identity is not None
    for said, decision in ((job, Decision.DENY), (f"{job}7", Decision.ADMIT)):
        one = replace(made, identity=replace(made.identity, extensions={"run-invocation-uri": said}))
        assert decide(text, one)[0] is decision


@pytest.mark.parametrize(
    "what",
    [
        "run: '7'",
        "run: github.com/acme/app/actions/runs/7",
        "run: https://api.github.com/repos/acme/app/actions/runs/7",
        "run: https://github.com/acme/app/actions/runs/latest",
        "run: https://user@github.com/acme/app/actions/runs/7",
        "run: https://ci.example/acme/7/",
        "run: 'https://ci.example/acme/7 '",
        'run: "https://ci.example/acme/7\\n"',
        "run: https://ci.example/acme/7/attempts/1",
        "commit: main",
        "commit: abc",
        "commit: 'c0ffee '",
        "commit: sha1:c0ffee",
        "repository-id: ' 7'",
        'repository-id: "7\\n"',
    ],
)
def test_recalls_that_would_name_nothing(what: str) -> None:
    """They are refused with their line, instead of recalling nothing without a word."""
    text = HEAD + "recalls: [{" + what + ", reason: x, date: 2026-01-01}]"
    assert code_of(lambda: load_policy(text.encode())) == "policy-malformed"


def test_recall_lists_have_to_be_read() -> None:
    """A policy with a list decides nothing before the list is read, or after it has become old."""
    text = SIGNED + "{any-of: [release]}}\nrecall-list: {file: ./r.yml, protected: CODEOWNERS, max-age: 7d}"
    assert decide(text, signature()) == (Decision.UNKNOWN, ("policy-recalls-stale",))
    policy = load_policy(text.encode())
    for until, decision in ((NOW, Decision.ADMIT), (NOW - timedelta(seconds=1), Decision.UNKNOWN)):
        read = replace(policy, recalls_until=until)
        found = judge(read, rules_for_file(read, WHEEL), WHEEL, (signature(),), {}, NOW)
        assert found.decision is decision


@pytest.mark.parametrize(("said", "expected"), [("warn", Decision.WARN), ("allow", Decision.ADMIT)])
def test_no_match(said: str, expected: Decision) -> None:
    """What no rule names is told whatever becomes of it; without any rule it stays refused."""
    text = SIGNED + "{any-of: [release]}}\ndefaults: {no-match: " + said + "}"
    other = Subject(name="b.txt", digests=(Digest.of(b"b"),))
    assert decide(text, subject=other) == (expected, ("policy-no-rule",))
    assert decide(HEAD + "defaults: {no-match: " + said + "}", subject=other)[0] is Decision.DENY


def test_formats() -> None:
    """Only what is kept in an accepted form counts."""
    policy = load_policy(
        (HEAD + "rules: [{name: r, images: [a], formats: [bundle], signature: {any-of: [release]}}]").encode()
    )
    rules = rules_for_image(policy, "docker.io/library/a")
    made = signature()
    assert judge(policy, rules, WHEEL, (made,), {}, NOW).decision is Decision.ADMIT
    assert judge(policy, rules, WHEEL, (made,), {}, NOW, (made,)).decision is Decision.DENY


def test_own_instances_count_for_their_signers_alone() -> None:
    """A file's own instance could name any identity; only a signer that names the instance takes it."""
    text = SIGNED.replace("trust: public", "trust: corp") + "{any-of: [release]}}\ntrust: {corp: {trusted-root: r}}"
    assert decide(text, replace(signature(), root="corp")) == MISSING
    assert decide(text, replace(signature(), root="public-good")) == ADMITTED
    assert decide(text.replace("any-of: [release]", "any-of: [rooted]"), replace(signature(), root="corp")) == ADMITTED


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("nginx", "docker.io/library/nginx"),
        ("acme/app", "docker.io/acme/app"),
        ("docker.io/nginx", "docker.io/library/nginx"),
        ("index.docker.io/acme/*", "docker.io/acme/*"),
        ("docker.io/*", "docker.io/*"),
        ("localhost/a", "localhost/a"),
        ("localhost:5000/a", "localhost:5000/a"),
        ("**", "**"),
        ("*.example/a", "*.example/a"),
    ],
)
def test_repository_names(written: str, stored: str) -> None:
    """Docker Hub's short names mean what references mean by them."""
    policy = load_policy((HEAD + f"rules: [{{name: r, images: ['{written}'], deny: {{reason: b}}}}]").encode())
    assert policy.rules[0].images == (stored,)


@pytest.mark.parametrize("written", ["ghcr.io/a:v1", "ghcr.io/a@sha256:x", "a b"])
def test_tags_are_no_repositories(written: str) -> None:
    """A pattern with a tag would not select what it seems to."""
    text = HEAD + f"rules: [{{name: r, images: ['{written}'], deny: {{reason: b}}}}]"
    assert code_of(lambda: load_policy(text.encode())) == "image-pattern"


def test_images() -> None:
    """Repositories match whole, * within one path part, and may be excluded."""
    policy: Policy = load_policy(
        (HEAD + "rules: [{name: r, images: [ghcr.io/acme/*], exclude: [ghcr.io/acme/x], deny: {reason: b}}]").encode()
    )
    assert rules_for_image(policy, "ghcr.io/acme/app")
    for name in ("ghcr.io/acme/a/b", "ghcr.io/acme/x", "evil.example/ghcr.io/acme/app"):
        assert not rules_for_image(policy, name)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "schema: sigstep/policy/v2",
        "signers: {}",
        "schema: sigstep/policy/v1\nrulez: []",
        HEAD + "rules: []",
        HEAD + "rules: [{name: r, deny: {reason: x}}]",
        HEAD + "rules: [{name: r, blobs: [a]}]",
        HEAD + "rules: [{name: r, blobs: [a], deny: {reason: x}, allow: {reason: x, until: 2027-01-01}}]",
        HEAD + "rules: [{name: r, blobs: [a], allow: {reason: x}}]",
        HEAD + "rules: [{name: r, blobs: [a], allow: {reason: x, until: soon}}]",
        HEAD + "rules: [{name: r, blobs: [1], deny: {reason: x}}]",
        HEAD + "rules: [{name: r, blobs: [a], deny: {reason: x}}, {name: r, blobs: [a], deny: {reason: x}}]",
        SIGNED + "{any-of: [nobody]}}",
        SIGNED + "{any-of: [release, release]}}",
        SIGNED + "{any-of: [release], all-of: [release]}}",
        SIGNED + "{at-least: 0, of: [release]}}",
        SIGNED + "{at-least: 2, of: [release]}}",
        SIGNED + "{at-least: true, of: [release]}}",
        SIGNED + "{of: [release]}}",
        ATTESTED + "any-of: [release], where: [{path: predicate.a}]}]}",
        ATTESTED + "any-of: [release], where: [{path: a, equals: 1}]}]}",
        ATTESTED + "any-of: [release], where: [{path: predicate.a, at-most: x}]}]}",
        ATTESTED + "any-of: [release], where: [{path: predicate.a, in: []}]}]}",
        ATTESTED + "any-of: [release], where: [{path: predicate.a, max-age: x}]}]}",
        HEAD.replace("key: ./ops.pub", "key: ./ops.pub, subject: x"),
        HEAD.replace("trust: public", "trust: nowhere"),
        HEAD.replace("{glob:", "{glob: a, regex:"),
        HEAD + "recalls: [{reason: x, date: 2026-01-01}]",
        HEAD + "dependencies: 7",
        HEAD.replace("./ops.pub", '"ops\\0.pub"'),
        "schema: sigstep/policy/v1\nsigners: {anybody: {issuer: https://ci.example}}",
        "schema: sigstep/policy/v1\n---\nschema: sigstep/policy/v1",
        ATTESTED.replace(PROVENANCE, "slsa") + "any-of: [release]}]}",
        HEAD + "recall-list: {file: ./r.yml, signed-by: [nobody], max-age: 7d}",
        HEAD + "recalls: [{" + IDENTITY + ", from: soon, reason: x, date: 2026-01-01}]",
        HEAD + "recalls: [{" + IDENTITY + ", from: '2026-01-02T03:04:05', reason: x, date: 2026-01-01}]",
        HEAD + "recalls: [{" + IDENTITY + ", from: 2026-01-02, until: 2026-01-01, reason: x, date: 2026-01-01}]",
        *BROKEN,
    ],
)
def test_refused(text: str) -> None:
    """A file that says something else than its schema is refused."""
    assert code_of(lambda: load_policy(text.encode())) == "policy-malformed"


def test_no_time_beyond_the_calendar() -> None:
    """A time that has no UTC form is refused as any other text that is no time."""
    early = "from: '0001-01-01T00:00:00+23:00', reason: x, date: 2026-01-01"
    text = HEAD + "recalls: [{" + IDENTITY + ", " + early + "}]"
    assert code_of(lambda: load_policy(text.encode())) == "policy-malformed"


def test_digests() -> None:
    """Comments change the digest of the bytes and not the canonical one."""
    one, other = load_policy(HEAD.encode()), load_policy(HEAD.encode() + b"# x\n")
    assert one.digest != other.digest
    assert one.canonical == other.canonical


def test_open(tmp_path: Path) -> None:
    """Keys are found beside the file; what is not there is said."""
    file = tmp_path / "sigstep.yml"
    assert code_of(lambda: open_policy(file)) == "policy-unreadable"
    file.write_text(HEAD)
    assert code_of(lambda: open_policy(file)) == "policy-unreadable"
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "ops.pub").write_bytes(key.public_bytes(serialization.Encoding.PEM, form))
    opened = open_policy(file)
    assert list(opened.key_ids) == ["ops"]
    assert opened.rule.judge(proof()) is None
    finding = opened.rule.judge(proof(subject="https://evil.example/x"))
    assert finding is not None
    assert finding.code == "policy-key"
