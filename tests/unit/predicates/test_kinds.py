"""The other kinds of predicates: one accepted vector each, and each refusal."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from sigstep.errors import FormatError
from sigstep.model.digest import Digest
from sigstep.predicates import custom, cyclonedx, reference, registry, spdx, summary, vex

TIME = datetime(2026, 1, 2, tzinfo=timezone.utc)
SPDX = {
    "spdxVersion": "SPDX-2.3",
    "name": "app",
    "packages": [{"name": "p", "versionInfo": "1", "licenseDeclared": "MIT"}],
}
CDX = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "components": [{"name": "p", "licenses": [{"license": {"id": "MIT"}}]}],
}
VEX = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "i",
    "author": "a",
    "timestamp": "t",
    "statements": [
        {"vulnerability": {"name": "CVE-1", "aliases": ["GHSA-1"]}, "status": "not_affected", "impact_statement": "x"},
        {"vulnerability": "CVE-2", "status": "affected"},
    ],
}
VSA = summary.make(
    verifier_id="https://v.example",
    version="1",
    time_verified=TIME,
    resource_uri="pkg:generic/a@1",
    policy_uri="p",
    policy_digest="00",
    inputs=(Digest.of(b"x"),),
    passed=True,
    levels=("SLSA_BUILD_LEVEL_3",),
)
ACCEPTED: list[tuple[str, dict[str, Any], str]] = [
    ("https://spdx.dev/Document/v2.3", SPDX, "1 packages, 1 with a licence"),
    ("https://spdx.dev/Document", SPDX, "1 packages, 1 with a licence"),
    ("https://cyclonedx.org/bom", CDX, "1 components, 1 with a licence"),
    ("https://cyclonedx.org/bom/v1.6", CDX, "1 components, 1 with a licence"),
    ("https://openvex.dev/ns", VEX, "CVE-2: affected"),
    ("https://slsa.dev/verification_summary/v1", VSA, "levels: SLSA_BUILD_LEVEL_3"),
    (
        "https://in-toto.io/attestation/scai/v0.3",
        {"attributes": [{"attribute": "A", "target": {"name": "t"}}]},
        "attribute A of t",
    ),
    (
        "https://in-toto.io/Link/v1",
        {"name": "s", "command": "make", "materials": {}, "products": {"a": {}}},
        "0 materials, 1 products",
    ),
    ("https://in-toto.io/attestation/link/v0.3", {"name": "s", "command": ["make", "x"]}, "ran make x"),
    ("https://in-toto.io/attestation/release/v0.1", {"purl": "pkg:generic/a@1"}, "release of pkg:generic/a@1"),
    ("https://cosign.sigstore.dev/attestation/v1", custom.make(b"text\nmore", time=TIME), "text"),
]


@pytest.mark.parametrize(("uri", "predicate", "line"), ACCEPTED)
def test_accepted(uri: str, predicate: dict[str, Any], line: str) -> None:
    """A predicate that is what its URI says is taken and told."""
    registry.check(uri, predicate)
    kind = registry.kind_of(uri)
    assert kind is not None
    assert line in kind.describe(uri, predicate)


@pytest.mark.parametrize(
    ("uri", "predicate"),
    [
        ("https://spdx.dev/Document/v2.3", {}),
        ("https://spdx.dev/Document/v2.2", SPDX),
        ("https://spdx.dev/Document", {**SPDX, "spdxVersion": "SPDX-9"}),
        ("https://spdx.dev/Document", {"Data": "not tag-value"}),
        ("https://cyclonedx.org/bom", {**CDX, "bomFormat": "other"}),
        ("https://cyclonedx.org/bom/v1.4", CDX),
        ("https://openvex.dev/ns", {**VEX, "author": ""}),
        ("https://openvex.dev/ns", {**VEX, "statements": [{"vulnerability": "C", "status": "fine"}]}),
        ("https://openvex.dev/ns", {**VEX, "statements": [{"vulnerability": "C", "status": "not_affected"}]}),
        ("https://openvex.dev/ns", {**VEX, "statements": [{"status": "fixed"}]}),
        ("https://slsa.dev/verification_summary/v1", {**VSA, "verificationResult": "GOOD"}),
        ("https://slsa.dev/verification_summary/v1", {**VSA, "verifiedLevels": [3]}),
        ("https://in-toto.io/attestation/scai/v0.3", {"attributes": []}),
        ("https://in-toto.io/Link/v1", {"name": "s", "materials": "text"}),
        ("https://in-toto.io/attestation/release/v0.1", {"purl": "pkg:generic/a"}),
        ("https://cosign.sigstore.dev/attestation/v1", {"Timestamp": "t"}),
        ("https://in-toto.io/attestation/test-result/v0.1", {"result": "GOOD"}),
        ("https://in-toto.io/attestation/test-result/v0.1", {"result": "PASSED", "failedTests": ["t"]}),
        ("https://in-toto.io/attestation/test-result/v0.1", {"result": "PASSED", "passedTests": [1]}),
        ("https://cosign.sigstore.dev/attestation/vuln/v1", {"scanner": {"uri": "s"}}),
    ],
)
def test_refused(uri: str, predicate: dict[str, Any]) -> None:
    """A predicate that is not what its URI says is refused."""
    with pytest.raises(FormatError) as refused:
        registry.check(uri, predicate)
    assert refused.value.code == "predicate-malformed"


TAG_VALUE = b"""SPDXVersion: SPDX-2.3
DocumentName: app
DocumentNamespace: https://a.example/1
Created: 2026-01-01T00:00:00Z
PackageName: p
PackageVersion: 1
PackageLicenseDeclared: MIT
PackageChecksum: SHA256: ABCD
ExternalRef: PACKAGE-MANAGER purl pkg:pypi/p@1
"""


def test_spdx_tag_value() -> None:
    """SPDX 2.3, clause 6: tag-value is recognised, checked and read."""
    assert spdx.recognises(TAG_VALUE)
    document = spdx.parse(TAG_VALUE)
    registry.check("https://spdx.dev/Document", document)
    assert spdx.components(document) == (
        {"name": "p", "version": "1", "purl": "pkg:pypi/p@1", "licences": ("MIT",), "digests": ("abcd",)},
    )
    assert spdx.created(document) == "2026-01-01T00:00:00Z"
    for bad in (TAG_VALUE.replace(b"DocumentName", b"Other"), b"\xff"):
        with pytest.raises(FormatError) as refused:
            spdx.parse(bad)
        assert refused.value.code == "predicate-malformed"


XML = b"""<bom xmlns="http://cyclonedx.org/schema/bom/1.5" serialNumber="urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"><metadata>
<timestamp>2026-01-01T00:00:00Z</timestamp><component type="application"><name>app</name></component></metadata>
<components><component type="library"><name>p</name><version>1</version><hashes><hash alg="SHA-256">AB</hash></hashes>
<licenses><license><id>MIT</id></license></licenses>
<components><component><name>q</name></component></components></component></components></bom>"""


def test_cyclonedx_xml() -> None:
    """CycloneDX XML is read into the members of its JSON."""
    assert cyclonedx.recognises(XML)
    document = cyclonedx.parse(XML)
    registry.check("https://cyclonedx.org/bom", document)
    assert [one["name"] for one in cyclonedx.components(document)] == ["app", "p", "q"]
    assert cyclonedx.components(document)[1]["licences"] == ("MIT",)
    assert cyclonedx.components(document)[1]["digests"] == ("ab",)
    assert cyclonedx.created(document) == "2026-01-01T00:00:00+00:00"
    assert document["specVersion"] == "1.5"


def test_cyclonedx_xml_gains_nothing() -> None:
    """The library's time, serial number, identifiers and dependencies are no claims of the document; an element says what it said."""
    plain = (
        b'<bom xmlns="http://cyclonedx.org/schema/bom/1.5" version="1"><components>'
        b'<component type="library" bom-ref="p"><name>p</name><modified>false</modified></component>'
        b'<component type="library"><name>q</name></component></components>'
        b'<dependencies><dependency ref="p"/></dependencies></bom>'
    )
    document = cyclonedx.parse(plain)
    assert document.pop("$schema")
    assert document == {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "components": [
            {"type": "library", "bom-ref": "p", "name": "p"},
            {"type": "library", "name": "q"},
        ],
        "dependencies": [{"ref": "p"}],
    }
    bare = cyclonedx.parse(b'<bom xmlns="http://cyclonedx.org/schema/bom/1.5"><components/></bom>')
    assert {"metadata", "dependencies", "serialNumber"}.isdisjoint(bare)


@pytest.mark.parametrize(
    ("version", "part", "lost"),
    [
        (
            "1.5",
            b"<components/><compositions><composition><aggregate>unknown</aggregate></composition></compositions>",
            "aggregate",
        ),
        (
            "1.5",
            b'<components><component type="library"><name>p</name><x:a xmlns:x="urn:x">1</x:a></component></components>',
            "/a",
        ),
        ("1.1", b"<components/>", "1.1"),
    ],
)
def test_cyclonedx_xml_loses_nothing(version: str, part: bytes, lost: str) -> None:
    """What would be missing in the signed predicate is refused, by its name."""
    with pytest.raises(FormatError) as refused:
        cyclonedx.parse(b'<bom xmlns="http://cyclonedx.org/schema/bom/%s">%s</bom>' % (version.encode(), part))
    assert refused.value.code == "sbom-xml-only"
    assert lost in refused.value.why


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'<!DOCTYPE bom [<!ENTITY a "b">]><bom>&a;</bom>', "xml-doctype"),
        (b"<bom>", "xml-malformed"),
        (b"<a>" * 200 + b"</a>" * 200, "xml-malformed"),
        (b"<other/>", "predicate-malformed"),
        (b'<bom xmlns="http://cyclonedx.org/schema/bom/9.9"/>', "predicate-malformed"),
        (b"[]", "predicate-malformed"),
        (b'{"Data": {"bomFormat": "CycloneDX", "specVersion": "1.4"}, "Timestamp": ""}', "predicate-malformed"),
        (b"<a>" + b" " * (22 * 1024 * 1024) + b"</a>", "xml-too-large"),
    ],
)
def test_cyclonedx_refused(data: bytes, code: str) -> None:
    """Entities are never expanded, and other documents are not CycloneDX."""
    with pytest.raises(FormatError) as refused:
        cyclonedx.parse(data)
    assert refused.value.code == code


def test_vex_statements_follow_one_another() -> None:
    """OpenVEX: the latest statement about a vulnerability counts."""
    assert vex.not_affected(VEX) == {"CVE-1", "GHSA-1"}
    later = {"statements": [*VEX["statements"], {"vulnerability": {"name": "CVE-1"}, "status": "affected"}]}
    assert vex.not_affected(later) == {"GHSA-1"}


def test_summary_of_a_refusal_names_no_level() -> None:
    """A failed verification verifies no level."""
    failed = summary.make(
        verifier_id="v",
        version="1",
        time_verified=TIME,
        resource_uri="r",
        policy_uri="p",
        policy_digest="",
        inputs=(),
        passed=False,
        levels=("SLSA_BUILD_LEVEL_3",),
    )
    assert failed["verificationResult"] == "FAILED"
    assert failed["verifiedLevels"] == ["FAILED"]
    assert summary.policy_digest(failed) == ""


def test_custom_takes_text_only() -> None:
    """Cosign writes the file as a JSON string."""
    with pytest.raises(FormatError) as refused:
        custom.make(b"\xff", time=TIME)
    assert refused.value.code == "predicate-malformed"


def test_what_sboms_describe() -> None:
    """The SHA-256 of the described component or element; nothing where none is stated."""
    digest = "ab" * 32
    component = {"hashes": [{"alg": "SHA-256", "content": digest.upper()}, {"alg": "MD5", "content": "00"}]}
    assert cyclonedx.described({"metadata": {"component": component}}) == {digest}
    assert cyclonedx.described({"metadata": {"component": {"version": f"sha256:{digest}"}}}) == {digest}
    assert cyclonedx.described({}) == frozenset()
    element = {"SPDXID": "a", "checksums": [{"algorithm": "SHA256", "checksumValue": digest}, {"algorithm": "MD5"}]}
    other = {"SPDXID": "b", "checksums": [{"algorithm": "SHA256", "checksumValue": "00"}]}
    assert spdx.described({"documentDescribes": ["a"], "files": [element, other]}) == {digest}
    relation = {"relationshipType": "DESCRIBES", "relatedSpdxElement": "a"}
    assert spdx.described({"relationships": [relation], "packages": [element, other]}) == {digest}
    assert spdx.described({"Data": "text"}) == frozenset()


def test_references() -> None:
    """A document by its digest: told, and refused without attester or digest."""
    uri = "https://in-toto.io/attestation/reference/v0.1"
    made = reference.make(attester_id="urn:x", name="s.json", digest=Digest.of(b"x"), media_type="text/spdx")
    registry.check(uri, made)
    assert reference.Reference().describe(uri, made)[0].startswith("refers to s.json (text/spdx), sha256:")
    for bad in ({**made, "attester": {}}, {**made, "references": []}, {**made, "references": [{"name": "a"}]}):
        with pytest.raises(FormatError) as refused:
            registry.check(uri, bad)
        assert refused.value.code == "predicate-malformed"


@pytest.mark.parametrize(
    "data",
    [b'{"spdxVersion": 1}', b'["spdxVersion"]', b'{"spdxVersion": "SPDX-9"}', b'{"a": "spdxVersion"}'],
)
def test_spdx_refused(data: bytes) -> None:
    """No object, or no version."""
    with pytest.raises(FormatError) as refused:
        spdx.parse(data)
    assert refused.value.code == "predicate-malformed"


def test_spdx_limits_and_others() -> None:
    """A bound for text too; SPDX 3 as JSON-LD is taken as it is."""
    with pytest.raises(FormatError) as refused:
        spdx.parse(TAG_VALUE, at_most=10)
    assert refused.value.code == "predicate-too-large"
    assert spdx.components(spdx.parse(TAG_VALUE.replace(b"MIT", b"NOASSERTION")))[0]["licences"] == ()
