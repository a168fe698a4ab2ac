"""Predicates and reports with anything at any place: told, judged or refused, never an accident."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.flows.slsa import BUILDER, delegated, generator
from tests.properties.test_readers import MANY
from tests.unit.policy.test_contents import CDX, NOW, PROVENANCE, SPDX, TRIVY, proof
from tests.unit.predicates.test_made import GRYPE, OSV, SARIF
from tests.worlds import world

from sigstep.errors import SigstepError
from sigstep.flows.reports import sbom_of
from sigstep.model.scan import Severity
from sigstep.policy.bill import BillOfMaterials, described
from sigstep.policy.contents import EveryContent
from sigstep.policy.matcher import Matcher
from sigstep.policy.provenance import ProvenanceFrom
from sigstep.policy.results import NoVulnerabilityAbove, TestsPassed, scan_of
from sigstep.policy.summaries import SummaryFrom
from sigstep.predicates import registry, test_result, vulnerability
from sigstep.rendering.statement import statements_mermaid, story

SUMMARY = {
    "verifier": {"id": "v"},
    "timeVerified": "2026-01-01T00:00:00Z",
    "resourceUri": "r",
    "policy": {"uri": "p", "digest": {"sha256": "00"}},
    "verificationResult": "PASSED",
    "verifiedLevels": ["SLSA_BUILD_LEVEL_3"],
}
VEX = {
    "@context": "c",
    "@id": "i",
    "author": "a",
    "timestamp": "t",
    "statements": [
        {"vulnerability": {"name": "CVE-1", "aliases": ["G"]}, "status": "fixed", "products": [{"@id": "p"}]}
    ],
}
TIMES = {"scanStartedOn": "t", "scanFinishedOn": "t"}
FULL_CDX = {
    **CDX,
    "metadata": {"timestamp": "t", "component": {"name": "a", "hashes": [{"alg": "SHA-256", "content": "00"}]}},
}
FULL_SPDX = {
    **SPDX,
    "creationInfo": {"created": "t"},
    "documentDescribes": ["a"],
    "relationships": [{"relationshipType": "DESCRIBES", "relatedSpdxElement": "a"}],
    "files": [{"SPDXID": "a", "checksums": [{"algorithm": "SHA256", "checksumValue": "00"}]}],
}
PREDICATES: dict[str, dict[str, Any]] = {
    "https://slsa.dev/provenance/v1": delegated(BUILDER, "0" * 40),
    "https://slsa.dev/provenance/v1#actions": PROVENANCE,
    "https://slsa.dev/provenance/v0.2": generator(BUILDER, "0" * 40),
    "https://cyclonedx.org/bom": FULL_CDX,
    "https://spdx.dev/Document/v2.3": FULL_SPDX,
    "https://slsa.dev/verification_summary/v1": SUMMARY,
    "https://openvex.dev/ns": VEX,
    "https://in-toto.io/attestation/test-result/v0.1": test_result.from_junit(
        b'<testsuite><testcase name="a"/></testsuite>'
    ),
    "https://in-toto.io/attestation/scai/v0.3": {"attributes": [{"attribute": "a", "target": {"name": "t"}}]},
    "https://in-toto.io/Link/v1": {"name": "n", "command": ["c"], "materials": {}, "products": []},
    "https://in-toto.io/attestation/link/v0.3": {"name": "n", "command": ["c"], "materials": [{"uri": "u"}]},
    "https://in-toto.io/attestation/release/v0.1": {"purl": "pkg:a/b@1"},
    "https://in-toto.io/attestation/reference/v0.1": {
        "attester": {"id": "a"},
        "references": [{"digest": {"sha256": "00"}}],
    },
    "https://cosign.sigstore.dev/attestation/v1": {"Data": "x", "Timestamp": "t"},
    "https://cosign.sigstore.dev/attestation/vuln/v1": {"scanner": {"uri": "u", "result": TRIVY}, "metadata": TIMES},
    "https://cosign.sigstore.dev/attestation/vuln/v1#grype": {
        "scanner": {"uri": "u", "result": GRYPE},
        "metadata": TIMES,
    },
    "https://cosign.sigstore.dev/attestation/vuln/v1#osv": {"scanner": {"uri": "u", "result": OSV}, "metadata": TIMES},
    "https://cosign.sigstore.dev/attestation/vuln/v1#sarif": {
        "scanner": {"uri": "u", "result": SARIF},
        "metadata": TIMES,
    },
    "https://in-toto.io/attestation/vulns/v0.2": {
        "scanner": {
            "uri": "u",
            "db": {},
            "result": [{"id": "C", "severity": [{"score": "9"}], "annotations": [{"aliases": ["A"]}]}],
        },
        "metadata": TIMES,
    },
}
RULES = (
    ProvenanceFrom(builder=Matcher("x"), branch="b", versioned_tag="v1", inputs={"a": 1}, level=3),
    ProvenanceFrom(versioned_tag="v1.2"),
    BillOfMaterials(with_components=("p",), without_licences=("X",), of_subject=True),
    BillOfMaterials(without_components=("x",), without_licences=("X",)),
    NoVulnerabilityAbove(severity=Severity.LOW),
    TestsPassed(),
    SummaryFrom(verifier="v", resource="r", levels=("SLSA_BUILD_LEVEL_3", "X"), policy="00"),
)
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(allow_nan=False, allow_infinity=False, width=16),
    st.text(max_size=5),
    st.sampled_from(([], {}, [[]], [{}], {"a": []}, [None], ["x"], "refs/tags/v1", "sha256:", 10**400)),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to every value in a document."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(one for name, inner in members for one in places(inner, (*path, name)))]


def changed(document: Any, data: st.DataObject) -> Any:
    """The document with one or two values replaced, or taken out."""
    document = copy.deepcopy(json.loads(json.dumps(document)))
    for _ in range(data.draw(st.integers(1, 2))):
        found = [one for one in places(document) if one]
        if not found:
            break
        *parents, last = data.draw(st.sampled_from(found))
        inside = document
        for name in parents:
            inside = inside[name]
        if data.draw(st.booleans()) and isinstance(inside, dict):
            del inside[last]
        else:
            inside[last] = copy.deepcopy(data.draw(ANYTHING))
    return document


@pytest.mark.parametrize("name", PREDICATES)
@MANY
@given(st.data())
def test_predicates(name: str, data: st.DataObject) -> None:
    """Checked, told, drawn and judged by every rule."""
    uri = name.partition("#")[0]
    predicate = changed(PREDICATES[name], data)
    one = proof(uri, predicate)
    assert one.statement is not None
    assert story(one.statement)
    assert statements_mermaid([("x", one.statement)])
    for rule in RULES:
        EveryContent(rules=(rule,)).judge((one,), NOW)
    try:
        registry.check(uri, predicate)
        described(uri, predicate)
        if uri in vulnerability.Vulnerability.uris:
            scan_of(uri, predicate)
    except SigstepError as error:
        assert error.code == "predicate-malformed"


@pytest.mark.parametrize("document", [FULL_CDX, FULL_SPDX], ids=["cyclonedx", "spdx"])
@MANY
@given(st.data())
def test_sboms(document: dict[str, Any], data: st.DataObject) -> None:
    """Files of SBOMs."""
    try:
        sbom_of(json.dumps(changed(document, data)).encode(), "fuzz", world())
    except SigstepError as error:
        assert error.code
