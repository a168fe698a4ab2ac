"""Demands on attestations in a policy file: each takes one vector and refuses each change of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.policy.test_contents import (
    BILL,
    BUILD,
    CDX,
    IDENTITY,
    NOW,
    SPDX_BILL,
    outcome,
    proof,
    raw_scan,
    scan,
    vex,
)
from tests.unit.policy.test_schema import SCHEMA
from tests.unit.refusals import code_of

from sigstep.errors import Undecided
from sigstep.model.scan import Severity
from sigstep.model.verdict import Finding
from sigstep.model.verified import Verified
from sigstep.policy.demands import Circumstances, Clause, in_words
from sigstep.policy.document import load_policy
from sigstep.policy.judging import Decision, judge
from sigstep.wire import strict_yaml

FILE = """schema: sigstep/policy/v1
signers:
  release: {issuer: "https://issuer.example", subject: {glob: "https://github.example/octo/app/**"}}
  second: {issuer: "https://second.example", subject: {glob: "**"}}
rules:
- name: r
  blobs: ["**"]
  attestations:
  - {any-of: [release], ROW}
"""
RUN = "https://github.example/octo/app/actions/runs/3"
OURS = replace(
    BUILD, identity=replace(IDENTITY, extensions={**IDENTITY.extensions, "run-invocation-uri": f"{RUN}/attempts/2"})
)
GENERATOR = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/"
SUBJECT = BILL.subject
PROVENANCE_V1 = "https://slsa.dev/provenance/v1"


def judged(
    row: str, proofs: Sequence[Verified], circumstances: Circumstances | None = None
) -> tuple[Decision, tuple[Finding, ...]]:
    """What the policy with this attestation says; the schema takes it as well."""
    text = FILE.replace("ROW", row)
    assert SCHEMA.is_valid(strict_yaml.loads(text.encode())), text
    policy = load_policy(text.encode())
    found = judge(policy, policy.rules, SUBJECT, proofs, {}, NOW, circumstances=circumstances or Circumstances())
    return found.decision, found.findings


def summary_of(result: str = "PASSED", time: str = "2026-01-01T00:00:00Z", **more: Any) -> Verified:
    """A verification summary."""
    predicate = {
        "verifier": {"id": "https://verifier.example"},
        "timeVerified": time,
        "resourceUri": "pkg:generic/app",
        "policy": {"uri": "p", "digest": {"sha256": "a" * 64}},
        "verificationResult": result,
        "verifiedLevels": ["SLSA_BUILD_LEVEL_3", "REVIEWED"],
    }
    return proof("https://slsa.dev/verification_summary/v1", {**predicate, **more})


def of_subject(version: str) -> Verified:
    """An SBOM that describes a digest."""
    return proof("https://cyclonedx.org/bom", {**CDX, "metadata": {"component": {"name": "a", "version": version}}})


def signed_by(signer: str, **more: str) -> Verified:
    """The provenance signed by GitHub Actions as that workflow."""
    extensions = {**IDENTITY.extensions, "build-signer-uri": signer, **more}
    build = proof(
        "https://slsa.dev/provenance/v1", _with_builder(signer), identity=replace(IDENTITY, extensions=extensions)
    )
    assert build.identity is not None
    return replace(build, identity=replace(build.identity, issuer="https://token.actions.githubusercontent.com"))


def _with_builder(builder: str) -> dict[str, Any]:
    predicate = dict(BUILD.statement.predicate or {}) if BUILD.statement else {}
    return {**predicate, "runDetails": {"builder": {"id": builder}}}


HERE = Circumstances(run=f"{RUN}/attempts/1")
ACCEPTED: list[tuple[str, tuple[Verified, ...]]] = [
    ("type: provenance", (BUILD,)),
    ("type: sbom", (BILL,)),
    ("type: sbom", (SPDX_BILL,)),
    ("type: slsaprovenance1, exactly-one: true, this-run: true", (OURS, BILL)),
    ("type: provenance, exactly-one: true", (BUILD, OURS)),
    ("type: provenance, max-age: 2d", (BUILD,)),
    ("type: provenance, max-age: 2d", (BUILD, proof("https://slsa.dev/provenance/v1", {}, age=9))),
    (
        "type: provenance, provenance: {source: 'https://github.example/octo/app', inputs: {level: '3'}, hosted: true}",
        (BUILD,),
    ),
    ("type: sbom, sbom: {of-subject: true, components: [p]}", (of_subject(str(SUBJECT.digests[0])),)),
    ("type: vuln, vulnerabilities: {at-most: high}", (scan(Severity.HIGH),)),
    ("type: vuln, vulnerabilities: {at-most: low, except: [CVE-1]}", (scan(Severity.CRITICAL),)),
    (
        "type: vuln, vulnerabilities: {at-most: low}",
        (scan(Severity.HIGH), vex({"vulnerability": {"name": "CVE-1"}, "status": "fixed"})),
    ),
    ("type: test-result, tests: {result: passed}", (outcome("PASSED"),)),
    ("type: test-result, tests: {warnings: true}", (outcome("WARNED"),)),
    (
        f"type: vsa, summary: {{verifier: 'https://verifier.example', levels: [SLSA_BUILD_LEVEL_2], policy: '{'a' * 64}'}}",
        (summary_of("FAILED"), summary_of(time="2026-01-01T00:00:01Z")),
    ),
    ("type: sbom, cel: 'true', rego: 'package sigstep'", (BILL,)),
]


def yes(clause: Clause, one: Verified) -> Finding | None:
    """Every clause holds."""
    return None


@pytest.mark.parametrize(("row", "proofs"), ACCEPTED)
def test_accepted(row: str, proofs: tuple[Verified, ...]) -> None:
    """The proofs satisfy; nothing at all never does, nor what nobody named signed."""
    assert judged(row, proofs, replace(HERE, evaluate=yes)) == (Decision.ADMIT, ())
    assert judged(row, (), HERE)[0] is Decision.DENY
    foreign = [replace(one, identity=replace(IDENTITY, issuer="https://second.example")) for one in proofs]
    assert judged(row, foreign, HERE)[0] is Decision.DENY


REFUSED: list[tuple[str, tuple[Verified, ...], str]] = [
    ("type: provenance", (BILL,), "policy-attestation-missing"),
    ("type: provenance, exactly-one: true", (BUILD, proof(PROVENANCE_V1, {})), "attestation-not-unique"),
    ("type: provenance, this-run: true", (BUILD,), "attestation-other-run"),
    ("type: provenance, this-run: true", (replace(OURS, identity=IDENTITY),), "attestation-other-run"),
    ("type: provenance, max-age: 2h", (BUILD,), "attestation-stale"),
    ("type: provenance, max-age: 2d", (replace(BUILD, times=()),), "attestation-stale"),
    ("type: provenance, max-age: 2d", (proof("https://slsa.dev/provenance/v1", {}, age=-1),), "attestation-stale"),
    (
        "type: provenance, max-age: 2d, each: every",
        (BUILD, proof("https://slsa.dev/provenance/v1", {}, age=9)),
        "attestation-stale",
    ),
    ("type: provenance, provenance: {builder: {glob: 'https://other/**'}}", (BUILD,), "provenance-mismatch"),
    ("type: provenance, provenance: {level: 2}", (BUILD,), "provenance-mismatch"),
    (
        "type: provenance, provenance: {hosted: true}",
        (proof("https://slsa.dev/provenance/v1", {}),),
        "predicate-malformed",
    ),
    ("type: sbom, sbom: {of-subject: true}", (BILL,), "sbom-subject-mismatch"),
    ("type: sbom, sbom: {of-subject: true}", (of_subject("sha256:" + "0" * 64),), "sbom-subject-mismatch"),
    ("type: sbom, sbom: {without-components: [p]}", (BILL,), "sbom-component-forbidden"),
    ("type: sbom, sbom: {without-licences: [MIT]}", (BILL,), "sbom-licence-forbidden"),
    ("type: sbom, sbom: {only-licences: [Apache-2.0]}", (BILL,), "sbom-licence-forbidden"),
    ("type: vuln, vulnerabilities: {at-most: medium}", (scan(Severity.HIGH),), "vulnerability-found"),
    (
        "type: vuln, vulnerabilities: {at-most: medium}",
        (scan(Severity.LOW), scan(Severity.HIGH)),
        "vulnerability-found",
    ),
    ("type: vuln, vulnerabilities: {at-most: medium}", (raw_scan({"odd": 1}),), "predicate-malformed"),
    ("type: test-result, tests: {}", (outcome("PASSED"), outcome("FAILED")), "tests-not-passed"),
    ("type: vsa, summary: {verifier: 'https://other.example'}", (summary_of(),), "attestation-missing"),
    ("type: vsa, summary: {verifier: 'https://verifier.example', resource: x}", (summary_of(),), "attestation-missing"),
    (
        "type: vsa, summary: {verifier: 'https://verifier.example', levels: [SLSA_BUILD_LEVEL_4]}",
        (summary_of(),),
        "summary-mismatch",
    ),
    (
        "type: vsa, summary: {verifier: 'https://verifier.example', levels: [SLSA_SOURCE_LEVEL_1]}",
        (summary_of(),),
        "summary-mismatch",
    ),
    (
        "type: vsa, summary: {verifier: 'https://verifier.example', levels: [AUDITED]}",
        (summary_of(),),
        "summary-mismatch",
    ),
    (
        f"type: vsa, summary: {{verifier: 'https://verifier.example', policy: '{'b' * 64}'}}",
        (summary_of(),),
        "summary-mismatch",
    ),
    (
        "type: vsa, summary: {verifier: 'https://verifier.example'}",
        (summary_of(), summary_of("FAILED", "2026-01-02T00:00:00Z")),
        "summary-mismatch",
    ),
    (  # of the same second: neither is later, and one did not pass
        "type: vsa, summary: {verifier: 'https://verifier.example'}",
        (summary_of(), summary_of("FAILED")),
        "summary-mismatch",
    ),
]


@pytest.mark.parametrize(("row", "proofs", "code"), REFUSED)
def test_refused(row: str, proofs: tuple[Verified, ...], code: str) -> None:
    """One change, one code."""
    decision, findings = judged(row, proofs)
    assert (decision, findings[0].code) == (Decision.DENY, code)


@pytest.mark.parametrize(
    "row",
    [
        "type: odd",
        "type: provenance, max-age: soon",
        "type: provenance, provenance: {level: 4}",
        "type: provenance, provenance: {unknown: 1}",
        "type: provenance, exactly-one: maybe",
        "type: vuln, vulnerabilities: {at-most: awful}",
        "type: test-result, tests: {result: failed}",
        "type: vsa, summary: {}",
        "type: vsa, summary: {verifier: v, policy: abc}",
        "type: sbom, cel: ''",
    ],
)
def test_malformed(row: str) -> None:
    """What cannot be read admits nothing."""
    codes = ("policy-malformed", "digest-malformed")
    assert code_of(lambda: load_policy(FILE.replace("ROW", row).encode())) in codes


def test_clauses_follow_each() -> None:
    """`some`: one attestation that satisfies; `every`: all of them; an evaluator that is missing never passes."""

    def only_v3(clause: Clause, one: Verified) -> Finding | None:
        good = one.statement is not None and one.statement.predicate_type.endswith("v2.3")
        return None if good else Finding(code="expression-false", what=clause.language)

    def none(clause: Clause, one: Verified) -> Finding | None:
        raise Undecided(code="rego-unavailable", what="x")

    both = (BILL, SPDX_BILL)
    assert judged("type: sbom, cel: x", both, Circumstances(evaluate=only_v3))[0] is Decision.ADMIT
    decision, findings = judged("type: sbom, cel: x, each: every", both, Circumstances(evaluate=only_v3))
    assert (decision, findings[0].code) == (Decision.DENY, "expression-false")
    assert judged("type: sbom, cel: x", (BILL,), Circumstances(evaluate=only_v3))[1][0].code == "expression-false"
    assert judged("type: sbom, rego: x", both, Circumstances(evaluate=none))[0] is Decision.UNKNOWN
    decision, findings = judged("type: sbom, rego: x", both)
    assert (decision, findings[0].code) == (Decision.UNKNOWN, "expression-unevaluated")


@pytest.mark.parametrize(
    ("signer", "more", "level", "named"),
    [
        (GENERATOR + "generator_generic_slsa3.yml@refs/tags/v2.1.0", {}, 3, 3),
        (GENERATOR + "delegator_generic_slsa3.yml@refs/tags/v2.1.0", {}, 2, 3),
        (GENERATOR + "generator_generic_slsa3.yml@refs/heads/main", {}, 2, 2),
        (GENERATOR + "generator_generic_slsa3.yml@refs/tags/v2.1.0", {"runner-environment": "self-hosted"}, 1, 1),
        (
            "https://github.com/a/b/.github/workflows/c.yml@x",
            {"build-config-uri": "https://github.com/a/b/.github/workflows/c.yml@x"},
            2,
            2,
        ),
        (
            "https://github.com/a/b/.github/workflows/c.yml@x",
            {"build-config-uri": "https://github.com/z/b/.github/workflows/c.yml@x"},
            2,
            3,
        ),
        (  # whoever edits the caller edits this one too
            "https://github.com/a/b/.github/workflows/c.yml@x",
            {"build-config-uri": "https://github.com/A/b/.github/workflows/caller.yml@x"},
            2,
            2,
        ),
    ],
)
def test_levels(signer: str, more: dict[str, str], level: int, named: int) -> None:
    """A level is what the certificate proves, and for a builder that is not known what the policy's author knows."""
    one = signed_by(signer, **more)
    for wanted in (1, 2, 3):
        text = FILE.replace("https://issuer.example", "https://token.actions.githubusercontent.com")
        for builder, reached in (("", level), (", builder: {glob: '**'}", named)):
            row = f"type: provenance, provenance: {{level: {wanted}{builder}}}"
            policy = load_policy(text.replace("ROW", row).encode())
            found = judge(policy, policy.rules, SUBJECT, [one], {}, NOW)
            assert (found.decision is Decision.ADMIT) == (wanted <= reached)
            if reached < wanted <= named:
                assert "name the reusable workflow as builder" in found.findings[0].fix


@pytest.mark.parametrize(("row", "proofs"), ACCEPTED)
def test_evidence_that_may_be_hidden(row: str, proofs: tuple[Verified, ...]) -> None:
    """A demand on every attestation is not decided where a place did not tell all it has; one on some of them is."""
    found = judged(row, proofs, replace(HERE, evaluate=yes, whole=False))
    about_all = any(word in row for word in ("exactly-one", "{"))
    codes = [one.code for one in found[1]]
    assert (found[0], codes) == ((Decision.UNKNOWN, ["evidence-incomplete"]) if about_all else (Decision.ADMIT, []))
    assert judged(row + ", each: every", proofs[:1], replace(HERE, evaluate=yes, whole=False))[0] is not Decision.ADMIT
    assert judged(row, (), replace(HERE, whole=False))[0] is Decision.DENY


def test_rules_that_only_warn_warn_of_hidden_evidence() -> None:
    """They accept, and say why they should not."""
    text = FILE.replace("ROW", "type: sbom, exactly-one: true").replace("- name: r", "- name: r\n  mode: warn")
    policy = load_policy(text.encode())
    hidden = Circumstances(whole=False)
    found = judge(policy, policy.rules, SUBJECT, (BILL,), {}, NOW, circumstances=hidden)
    assert (found.decision, [one.code for one in found.findings]) == (Decision.WARN, ["evidence-incomplete"])


def test_age_counts_from_the_signature() -> None:
    """Not from what the document says of itself."""
    young = proof("https://cyclonedx.org/bom", CDX, age=timedelta(hours=1) / timedelta(days=1))
    assert judged("type: sbom, max-age: 2h", (young,))[0] is Decision.ADMIT


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("type: sbom", ()),
        (
            "type: sbom, exactly-one: true, this-run: true, max-age: 7d",
            ("exactly one, and no other", "made by the run that asks", "signed within 7d"),
        ),
        (
            "type: provenance, provenance: {builder: {glob: 'x/**'}, inputs: {a: b}, hosted: true, level: 3}",
            ("provenance builder glob x/**, inputs {'a': 'b'}, hosted, level 3",),
        ),
        ("type: sbom, sbom: {of-subject: true, components: [a, b]}", ("sbom with-components a b, of-subject",)),
        ("type: vuln, vulnerabilities: {at-most: low, except: [C]}", ("no vulnerability above low", "but C")),
        ("type: test-result, tests: {warnings: true}, max-age: 90s", ("signed within 90s", "tests passed warnings")),
        ("type: vsa, summary: {verifier: v}, cel: 'true'", ("summary verifier v", "cel: true")),
    ],
)
def test_in_words(row: str, words: tuple[str, ...]) -> None:
    """What `sigstep policy explain` says."""
    assert in_words(load_policy(FILE.replace("ROW", row).encode()).rules[0].attestations[0].demands) == words
