"""Content policy: each rule takes one vector and refuses each change of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from sigstep.model.bundle import Bundle, BundleVersion, Envelope, PublicKeyMaterial
from sigstep.model.digest import Digest
from sigstep.model.identity import Identity, NameKind
from sigstep.model.scan import Scan, Severity, Vulnerability
from sigstep.model.statement import PAYLOAD_TYPE, STATEMENT_V1, Statement, StatementSubject
from sigstep.model.subject import Subject
from sigstep.model.verified import TimeSource, Verified, VerifiedTime
from sigstep.policy.bill import BillOfMaterials
from sigstep.policy.contents import ContentRule, EveryContent
from sigstep.policy.matcher import Matcher
from sigstep.policy.provenance import ProvenanceFrom
from sigstep.policy.results import NoVulnerabilityAbove, TestsPassed
from sigstep.predicates import slsa_provenance, test_result, vulnerability
from sigstep.wire.statement import encode_statement

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)
SIGNER = "https://github.example/octo/app/.github/workflows/build.yml@refs/heads/main"
IDENTITY = Identity(
    kind=NameKind.URI,
    subject=SIGNER,
    issuer="https://issuer.example",
    extensions={
        "build-signer-uri": SIGNER,
        "source-repository": "https://github.example/octo/app",
        "source-repository-digest": "a" * 40,
        "runner-environment": "github-hosted",
    },
)
PROVENANCE = slsa_provenance.from_claims(
    {
        "ref": "refs/heads/main",
        "sha": "a" * 40,
        "repository": "octo/app",
        "event_name": "push",
        "job_workflow_ref": "octo/app/.github/workflows/build.yml@refs/heads/main",
        "workflow_ref": "octo/app/.github/workflows/build.yml@refs/heads/main",
        "repository_id": "1",
        "repository_owner_id": "2",
        "runner_environment": "github-hosted",
        "run_id": "3",
        "run_attempt": "1",
    },
    server_url="https://github.example",
    extras=slsa_provenance.Extras(inputs={"level": "3"}, allowed_inputs=("level",)),
)
CDX = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "components": [
        {"name": "p", "version": "1", "purl": "pkg:pypi/p@1?a=b", "licenses": [{"expression": "(MIT OR GPL-3.0-only)"}]}
    ],
}
REF = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:npm/%40a/q@2"}
SPDX = {
    "spdxVersion": "SPDX-2.3",
    "packages": [{"externalRefs": [REF], "name": "q", "versionInfo": "2", "licenseDeclared": "MIT"}],
}


def proof(uri: str, predicate: Mapping[str, Any], *, identity: Identity | None = IDENTITY, age: float = 1) -> Verified:
    """A proof whose statement has this predicate, signed ``age`` days ago."""
    digest = Digest.of(b"artifact")
    statement = Statement(
        type=STATEMENT_V1,
        subjects=(StatementSubject(name="a", digests={"sha256": digest.hex}, annotations={}),),
        predicate_type=uri,
        predicate=predicate,
    )
    envelope = Envelope(payload=encode_statement(statement), payload_type=PAYLOAD_TYPE, signatures=())
    material = PublicKeyMaterial(hint="")
    bundle = Bundle(version=BundleVersion.V0_3, material=material, entries=(), timestamps=(), content=envelope)
    return Verified(
        subject=Subject(name="a", digests=(digest,)),
        identity=identity,
        key_id=None,
        certificate=None,
        statement=statement,
        entries=(),
        times=(VerifiedTime(time=NOW - timedelta(days=age), source=TimeSource.TIMESTAMP_AUTHORITY, authority="t"),),
        sct_logs=(),
        root="test",
        bundle=bundle,
    )


BUILD = proof(slsa_provenance.V1, PROVENANCE)
BILL = proof("https://cyclonedx.org/bom", CDX)
SPDX_BILL = proof("https://spdx.dev/Document/v2.3", SPDX)
WRAPPED = (
    proof("https://cyclonedx.org/bom", {"Data": CDX, "Timestamp": ""}),
    proof("https://spdx.dev/Document", {"Data": SPDX, "Timestamp": ""}),
)
SPDX3_BILL = proof(
    "https://spdx.dev/Document/v3",
    {
        "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
        "@graph": [
            {"spdxId": "u:q", "type": "software_Package", "name": "q"},
            {
                "type": "Relationship",
                "from": "u:q",
                "relationshipType": "hasConcludedLicense",
                "to": ["https://spdx.org/licenses/GPL-2.0-only"],
            },
        ],
    },
)


def licensed(expression: str) -> Verified:
    """An SBOM of one component with this licence."""
    component = {"name": "p", "licenses": [{"expression": expression}]}
    return proof("https://cyclonedx.org/bom", {**CDX, "components": [component]})


def described_ones() -> Verified:
    """An SBOM whose described component, alone, states no licence."""
    return proof("https://cyclonedx.org/bom", {**CDX, "metadata": {"component": {"name": "root"}}})


def nested_parts() -> Verified:
    """An SBOM whose described component holds a part of another licence itself."""
    part = {"name": "p", "licenses": [{"expression": "GPL-3.0-only"}]}
    return proof("https://cyclonedx.org/bom", {**CDX, "metadata": {"component": {"name": "a", "components": [part]}}})


def scan(severity: Severity) -> Verified:
    """A scan that found one vulnerability."""
    found = Vulnerability(id="GHSA-1", aliases=("CVE-1",), severity=severity, package="p")
    one = Scan(uri="s", version="1", vulnerabilities=(found,), report={})
    return proof(vulnerability.IN_TOTO, vulnerability.make_in_toto(one, started=NOW, finished=NOW))


def raw_scan(report: dict[str, Any]) -> Verified:
    """A scan in cosign's form, with the scanner's own report."""
    one = Scan(uri="s", version="1", vulnerabilities=(), report=report)
    return proof(vulnerability.COSIGN, vulnerability.make_cosign(one, started=NOW, finished=NOW))


def vex(*statements: dict[str, Any]) -> Verified:
    """A VEX document."""
    document = {"@context": "c", "@id": "i", "author": "a", "timestamp": "t", "statements": list(statements)}
    return proof("https://openvex.dev/ns", document)


def outcome(result: str) -> Verified:
    """A test result."""
    return proof(test_result.URI, {"result": result})


FINE = {"vulnerability": {"name": "CVE-1"}, "status": "not_affected", "justification": "j"}
TRIVY = {
    "SchemaVersion": 2,
    "ArtifactName": "x",
    "Results": [{"Vulnerabilities": [{"VulnerabilityID": "C", "Severity": "HIGH"}]}],
}

ACCEPTED: list[tuple[ContentRule, tuple[Verified, ...]]] = [
    (
        ProvenanceFrom(
            builder=Matcher(SIGNER.partition("@")[0]),
            source="https://github.example/octo/app",
            ref="refs/heads/main",
            commit="A" * 40,
            inputs={"level": "3"},
            hosted=True,
            branch="main",
            build_type=slsa_provenance.BUILD_TYPE,
            level=1,
        ),
        (BUILD,),
    ),
    (ProvenanceFrom(builder=Matcher(SIGNER)), (replace(BUILD, identity=None),)),
    (
        BillOfMaterials(
            with_components=("p", "q@2", "pkg:pypi/p@1", "pkg:npm/%40a/q"),
            without_components=("r",),
            without_licences=("X",),
        ),
        (BILL, SPDX_BILL),
    ),
    (BillOfMaterials(only_licences=("MIT",)), (BILL, SPDX_BILL, described_ones())),
    (BillOfMaterials(with_components=("p", "q@2"), only_licences=("MIT",)), WRAPPED),
    (BillOfMaterials(only_licences=("mit",)), (licensed("Mit"), licensed("GPL-2.0 OR mIT"))),
    (BillOfMaterials(only_licences=("Apache-2.0 with LLVM-exception",)), (licensed("APACHE-2.0 WITH LLVM-exception"),)),
    (BillOfMaterials(without_licences=("GPL-3.0-only", "and")), (licensed("GPL-3.0 AND MIT"),)),
    (NoVulnerabilityAbove(severity=Severity.HIGH), (scan(Severity.HIGH),)),
    (NoVulnerabilityAbove(severity=Severity.LOW), (scan(Severity.CRITICAL), vex(FINE))),
    (NoVulnerabilityAbove(severity=Severity.HIGH), (raw_scan(TRIVY),)),
    (TestsPassed(), (outcome("PASSED"),)),
    (TestsPassed(warnings=True), (outcome("WARNED"),)),
]


@pytest.mark.parametrize(("rule", "proofs"), ACCEPTED)
def test_accepted(rule: ContentRule, proofs: tuple[Verified, ...]) -> None:
    """The proofs satisfy the rule, and nothing at all never does."""
    assert EveryContent(rules=(rule,)).judge(proofs, NOW) is None
    refused = rule.judge((), NOW)
    assert refused is not None
    assert refused.code == "attestation-missing"


def other(**changed: str) -> Verified:
    """The provenance, with other certificate extensions."""
    return replace(BUILD, identity=replace(IDENTITY, extensions={**IDENTITY.extensions, **changed}))


REFUSED: list[tuple[ContentRule, tuple[Verified, ...], str]] = [
    (ProvenanceFrom(builder=Matcher("https://github.example/octo")), (BUILD,), "provenance-mismatch"),
    (ProvenanceFrom(source="https://github.example/octo/ap"), (BUILD,), "provenance-mismatch"),
    (ProvenanceFrom(ref="refs/heads/mai"), (BUILD,), "provenance-mismatch"),
    (ProvenanceFrom(commit="b" * 40), (BUILD,), "provenance-mismatch"),
    (ProvenanceFrom(inputs={"level": 3}), (BUILD,), "provenance-mismatch"),
    (ProvenanceFrom(inputs={"absent": None}), (BUILD,), "provenance-mismatch"),
    (ProvenanceFrom(branch="mai"), (BUILD,), "provenance-mismatch"),
    (ProvenanceFrom(tag="v1"), (BUILD,), "provenance-mismatch"),
    (ProvenanceFrom(versioned_tag="v1"), (BUILD,), "provenance-mismatch"),
    (ProvenanceFrom(source_id="1"), (BUILD,), "provenance-mismatch"),
    (ProvenanceFrom(build_type="x"), (BUILD,), "provenance-mismatch"),
    (ProvenanceFrom(level=2), (BUILD,), "provenance-mismatch"),
    (ProvenanceFrom(), (other(**{"source-repository-ref": "refs/heads/x"}),), "provenance-certificate-mismatch"),
    (ProvenanceFrom(hosted=True), (other(**{"runner-environment": "self-hosted"}),), "provenance-mismatch"),
    (ProvenanceFrom(hosted=True), (replace(BUILD, identity=None),), "provenance-mismatch"),
    (ProvenanceFrom(), (BUILD, other(**{"build-signer-uri": "x"})), "provenance-certificate-mismatch"),
    (ProvenanceFrom(), (other(**{"source-repository": "x"}),), "provenance-certificate-mismatch"),
    (ProvenanceFrom(), (other(**{"source-repository-digest": "x"}),), "provenance-certificate-mismatch"),
    (BillOfMaterials(with_components=("p@2",)), (BILL,), "sbom-component-missing"),
    (BillOfMaterials(without_components=("p@1",)), (BILL,), "sbom-component-forbidden"),
    (BillOfMaterials(without_components=("pkg:npm/%40a/q@2",)), (SPDX_BILL,), "sbom-component-forbidden"),
    (BillOfMaterials(without_components=("q",)), (SPDX3_BILL,), "sbom-component-forbidden"),
    (BillOfMaterials(without_components=("p",)), WRAPPED[:1], "sbom-component-forbidden"),
    (BillOfMaterials(without_components=("q",)), WRAPPED[1:], "sbom-component-forbidden"),
    (BillOfMaterials(without_licences=("gpl-2.0-only",)), (SPDX3_BILL,), "sbom-licence-forbidden"),
    (BillOfMaterials(only_licences=("MIT",)), (SPDX3_BILL,), "sbom-licence-forbidden"),
    (BillOfMaterials(without_licences=("GPL-3.0-only",)), (BILL,), "sbom-licence-forbidden"),
    *(
        (BillOfMaterials(without_licences=(one,)), (licensed(said),), "sbom-licence-forbidden")
        for one, said in (
            ("AGPL-3.0-only", "agpl-3.0-ONLY"),
            ("agpl-3.0-only", "MIT OR (AGPL-3.0-Only AND X)"),
            ("AGPL-3.0", "agpl-3.0+"),
            ("AGPL-3.0+", "agpl-3.0+"),
            ("MIT AND X", "mit AND x"),
        )
    ),
    (BillOfMaterials(only_licences=("MIT",)), (licensed("mit or gpl-3.0"),), "sbom-licence-forbidden"),
    (BillOfMaterials(only_licences=("MIT",)), (nested_parts(),), "sbom-licence-forbidden"),
    (BillOfMaterials(only_licences=("Apache-2.0",)), (BILL,), "sbom-licence-forbidden"),
    (BillOfMaterials(only_licences=("MIT",)), (licensed("MIT AND GPL-3.0-only"),), "sbom-licence-forbidden"),
    (BillOfMaterials(only_licences=("MIT",)), (licensed("MIT OR X WITH Y"),), "sbom-licence-forbidden"),
    (BillOfMaterials(only_licences=("MIT",)), (licensed(""),), "sbom-licence-forbidden"),
    (
        BillOfMaterials(only_licences=("MIT",)),
        (proof("https://cyclonedx.org/bom", {**CDX, "components": [{"name": "p"}]}),),
        "sbom-licence-forbidden",
    ),
    (NoVulnerabilityAbove(severity=Severity.MEDIUM), (scan(Severity.HIGH),), "vulnerability-found"),
    (NoVulnerabilityAbove(severity=Severity.CRITICAL), (scan(Severity.UNKNOWN),), "vulnerability-found"),
    (NoVulnerabilityAbove(severity=Severity.MEDIUM), (raw_scan(TRIVY),), "vulnerability-found"),
    (NoVulnerabilityAbove(severity=Severity.MEDIUM), (raw_scan({"odd": 1}),), "predicate-malformed"),
    (
        NoVulnerabilityAbove(severity=Severity.LOW),
        (scan(Severity.HIGH), vex(FINE, {"vulnerability": "CVE-1", "status": "affected", "products": ["b"]})),
        "vulnerability-found",
    ),
    (TestsPassed(), (outcome("PASSED"), outcome("FAILED")), "tests-not-passed"),
    (TestsPassed(), (outcome("WARNED"),), "tests-not-passed"),
    (TestsPassed(), (outcome("odd"),), "predicate-malformed"),
]


@pytest.mark.parametrize(("rule", "proofs", "code"), REFUSED)
def test_refused(rule: ContentRule, proofs: tuple[Verified, ...], code: str) -> None:
    """One change, one code; a statement that cannot be read is a finding too."""
    refused = EveryContent(rules=(rule,)).judge(proofs, NOW)
    assert refused is not None
    assert refused.code == code


def test_no_rule_refuses() -> None:
    """Nothing passes because there was nothing."""
    refused = EveryContent(rules=()).judge((BUILD,), NOW)
    assert refused is not None
    assert refused.code == "policy-empty"
